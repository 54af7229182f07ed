"""Azure's exports of several files: their manifest, and what becomes of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from services.cost_center.domain.bill import DeliveryKind, Status
from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.gathering import kind_of, manifests_of
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.manifest import Manifest, places, read_manifest
from services.cost_center.domain.providers.azure.manifests import EXPORT
from services.cost_center.domain.providers.registry import manifest_forms
from services.cost_center.events import BillIngested, BillRejected
from tests.fakes.cost_center import ACME, NOW, World
from tests.fakes.cost_center_bills import csv_bytes
from tests.fakes.cost_center_deliveries import AzureExport
from tests.unit.cost_center.providers.azure.test_azure import ROW

FORMS = manifest_forms()
BILL = {**ROW, "Date": "9/2/2026", "BillingPeriodStartDate": "9/1/2026", "BillingPeriodEndDate": "9/30/2026"}
RUN, NEXT = "0f5ed0c2-b0a1-4c7d-9a3e-6b1f2d4c8a90", "1a2b3c4d-0000-4000-8000-000000000001"


def rows(*costs: str) -> list[dict[str, str]]:
    return [{**BILL, "CostInBillingCurrency": cost} for cost in costs]


@dataclass
class Site:
    """A world into which runs of an export are put, a minute after each other."""

    world: World
    export: AzureExport = field(default_factory=AzureExport)
    at: datetime = NOW - timedelta(days=1)

    def put(self, key: str, content: bytes) -> LandedObject:
        self.at += timedelta(minutes=1)
        return self.world.landing.put(key, content, at=self.at)

    def run(
        self, parts: Sequence[Sequence[dict[str, str]]], run: str = RUN, **more: Any
    ) -> tuple[list[tuple[str, bytes]], dict[str, Any]]:
        """((key in landing, bytes) of each file, the manifest)."""
        bodies = [csv_bytes(part) for part in parts]
        told = [
            (self.export.file(at, run), len(body), len(part))
            for at, (body, part) in enumerate(zip(bodies, parts, strict=True), start=1)
        ]
        keys = [self.export.landing(name) for name, _, _ in told]
        return list(zip(keys, bodies, strict=True)), self.export.manifest(told, run, **more)

    def manifest(self, document: dict[str, Any], run: str = RUN) -> LandedObject:
        return self.put(self.export.manifest_keys(run)[0], json.dumps(document).encode())

    def deliver(self, parts: Sequence[Sequence[dict[str, str]]], run: str = RUN, **more: Any) -> list[Any]:
        """Files first, then the manifest; what became of the bill."""
        files, document = self.run(parts, run, **more)
        for key, body in files:
            self.put(key, body)
        return list(self.world.ingest(self.manifest(document, run)))

    def total(self) -> Decimal:
        stored = self.world.bills.bill(ACME, "azure.2026-09")
        assert stored is not None
        assert stored.published is not None
        found = pl.read_parquet(stored.published.tables["charges"].files)["BilledCost"].sum()
        assert isinstance(found, Decimal)
        return found


def read(document: Any) -> Manifest:
    return read_manifest("manifest.json", json.dumps(document).encode(), FORMS)[1]


def document(**changes: Any) -> dict[str, Any]:
    export = AzureExport()
    return export.manifest([(export.file(1, RUN), 100, 2), (export.file(2, RUN), 50, 1)], RUN) | changes


@pytest.mark.parametrize("create_new", [True, False])
def test_a_part_and_its_manifest_find_each_other(create_new: bool) -> None:
    export = AzureExport(create_new)
    files = [export.file(number, RUN) for number in (1, 2)]
    told = json.dumps(export.manifest([(file, 10, 1) for file in files], RUN)).encode()
    form, manifest = read_manifest("m", told, FORMS)
    [key] = export.manifest_keys(RUN)

    assert form is EXPORT
    assert kind_of(key, FORMS) is DeliveryKind.MANIFEST
    assert [(each.path, each.size, each.rows) for each in manifest.files] == [(each, 10, 1) for each in files]
    assert (manifest.period, manifest.own_files) == ("2026-09", create_new)
    assert manifest.created == datetime(2026, 10, 2, 7, 0, 0, 123456, tzinfo=UTC)
    for file in files:
        assert kind_of(export.landing(file), FORMS) is DeliveryKind.PART
        assert manifests_of(export.landing(file), FORMS) == [key]
        assert places(EXPORT, key, file) == [export.landing(file)]


def test_an_export_without_partitions_is_found_as_well() -> None:
    key = "acme/azure/dir/costs/20260901-20260930/costs_0f5ed0c2.csv"

    assert manifests_of(key, FORMS)[-1] == "acme/azure/dir/costs/20260901-20260930/manifest.json"


def test_files_that_were_put_beside_their_manifest_are_found() -> None:
    file = AzureExport().file(1, RUN)

    assert places(EXPORT, "acme/azure/up/manifest.json", file)[-1] == "acme/azure/up/part_0_0001.csv"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"blobs": {}}, "no list of files"),
        ({"blobs": [1]}, "no list of files"),
        ({"blobs": [], "blobCount": 0, "byteCount": 0, "dataRowCount": 0}, "names no file"),
        ({"blobs": [{"byteCount": 150}]}, "contradicts itself|has no blobName"),
        ({"blobs": [{"blobName": "a/../b"}], "blobCount": 1}, "names 'a/../b'"),
        ({"blobCount": 3}, "contradicts itself: blobCount is 3, and its files have 2"),
        ({"byteCount": 151}, "contradicts itself: byteCount is 151, and its files have 150"),
        ({"dataRowCount": 4}, "contradicts itself: dataRowCount is 4, and its files have 3"),
        ({"dataRowCount": "3"}, "dataRowCount of the manifest is '3'"),
        ({"dataRowCount": True}, "dataRowCount of the manifest is True"),
        ({"byteCount": -1}, "byteCount of the manifest is -1"),
        ({"exportConfig": {"type": "AmortizedCost"}}, "amortized costs, which are not what is billed"),
        ({"exportConfig": {"type": "PriceSheet"}}, "no costs: it is of the type PriceSheet"),
        ({"exportConfig": {"timeFrame": "WeekToDate"}}, "a part of a month is no bill"),
        ({"runInfo": {"startDate": "2026-09-08", "endDate": "2026-09-30"}}, "from 2026-09-08 on"),
    ],
    ids=str,
)
def test_a_manifest_that_cannot_be_right_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Rejected, match=why):
        read(document(**changes))


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"startDate": "soon"},
        {"startDate": "2026-08-15T00:00:00", "endDate": "2026-09-14T00:00:00"},
        {"startDate": 1, "submittedTime": 2},
    ],
    ids=str,
)
def test_a_run_of_no_one_month_leaves_the_month_to_its_files(run: dict[str, Any]) -> None:
    found = read(document(runInfo=run))

    assert (found.period, found.created) == (None, None)


@pytest.mark.parametrize("mode", ["Gzip", "Snappy"])
def test_the_size_of_a_compressed_file_is_not_known(mode: str) -> None:
    found = read(document(deliveryConfig={"compressionMode": mode}))

    assert [(each.size, each.rows) for each in found.files] == [(None, 2), (None, 1)]


@pytest.mark.parametrize("create_new", [True, False])
@pytest.mark.parametrize("manifest_first", [False, True], ids=["last", "first"])
def test_the_last_to_arrive_completes_it(world: World, create_new: bool, manifest_first: bool) -> None:
    site = Site(world, AzureExport(create_new))
    files, told = site.run([rows("1.5", "2"), rows("3.25")])
    puts = [*files, (site.export.manifest_keys(RUN)[0], json.dumps(told).encode())]

    *before, last = [
        site.world.ingest(site.put(key, body)) for key, body in (puts[::-1] if manifest_first else puts)
    ]

    assert before == [[], []]
    [outcome] = last
    assert (outcome.status, outcome.rows, outcome.format) == (Status.INGESTED, 3, "azure-ea-csv")
    assert site.total() == Decimal("6.75")
    [event] = world.bills.events
    assert isinstance(event, BillIngested)
    assert world.rows.waiting(ACME, limit=10, cursor=None).deliveries == []


def test_what_waits_says_for_what(world: World) -> None:
    site = Site(world)
    files, told = site.run([rows("1"), rows("2"), rows("3")])
    part = site.put(*files[1])

    assert world.ingest(part) == []
    manifest = site.manifest(told)
    assert world.ingest(manifest) == []

    row = world.bills.delivery(ACME, manifest.delivery_id)
    assert row is not None
    assert row.waiting is not None
    assert row.waiting.missing == (site.export.file(1, RUN), site.export.file(3, RUN))
    assert (row.waiting.named, row.waiting.billing_period) == (3, "2026-09")
    assert world.bills.events == []


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        ({"byteCount": 1}, "1 bytes, as the manifest says"),
        ({"dataRowCount": 9}, "9 rows, as the manifest says"),
    ],
    ids=str,
)
def test_a_manifest_that_lies_about_a_file_is_refused_with_its_name(
    world: World, lie: dict[str, int], expected: str
) -> None:
    site = Site(world)
    files, told = site.run([rows("1"), rows("2", "3")])
    told["blobs"][1] |= lie
    for what in lie:
        told[what] = sum(blob[what] for blob in told["blobs"])
    for key, body in files:
        site.put(key, body)

    [outcome] = world.ingest(site.manifest(told))

    assert outcome.status is Status.REJECTED
    [event] = world.bills.events
    assert isinstance(event, BillRejected)
    [finding] = event.reasons
    assert (finding.file, finding.expected) == ("part_0_0002.csv", expected)


def test_a_file_of_another_month_is_refused(world: World) -> None:
    other = {**BILL, "BillingPeriodStartDate": "8/1/2026", "BillingPeriodEndDate": "8/31/2026"}

    [outcome] = Site(world).deliver([rows("1"), [other]])

    assert outcome.status is Status.REJECTED
    assert "a period outside the bill" in outcome.reasons[0]


@pytest.mark.parametrize("create_new", [True, False])
def test_the_next_run_restates_the_month_and_an_older_one_never_does(world: World, create_new: bool) -> None:
    site = Site(world, AzureExport(create_new))
    [first] = site.deliver([rows("1"), rows("2")])
    world.clock.advance(timedelta(minutes=10))
    site.at = world.clock.now()
    [second] = site.deliver([rows("5"), rows("6")], NEXT, submitted="2026-10-03T07:00:00Z")
    world.clock.advance(timedelta(minutes=10))
    site.at = world.clock.now()
    [late] = site.deliver([rows("7"), rows("8")], "2" + RUN[1:], submitted="2026-10-01T07:00:00Z")

    assert [each.status for each in (first, second, late)] == [
        Status.INGESTED,
        Status.RESTATED,
        Status.UNCHANGED,
    ]
    assert site.total() == Decimal(11)
