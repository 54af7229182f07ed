"""Deliveries of several files: a manifest, its parts, and what becomes of them together."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from services.cost_center.domain.bill import Delivery, DeliveryKind, Status
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.manifest import Manifest
from services.cost_center.domain.providers._aws.manifests import REPORT
from services.cost_center.domain.sweeps import lost
from services.cost_center.events import BillIngested, BillRejected
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, NOW, Crash, CrashAt, World
from tests.fakes.cost_center_bills import FOCUS_ROW, csv_bytes, cur_rows
from tests.fakes.cost_center_deliveries import Export, packed, split

START = NOW - timedelta(days=1)


class Site:
    """A world into which deliveries are put; every put is a minute after the one before."""

    def __init__(self, world: World, export: Export | None = None) -> None:
        self.world = world
        self.export = export or Export()
        self.at = START
        self.runs = 0

    def put(self, key: str, content: bytes) -> LandedObject:
        self.at += timedelta(minutes=1)
        return self.world.landing.put(key, content, at=self.at)

    def files(self, rows: Any, cuts: Any = (2,), run: str = "run-1") -> list[tuple[str, bytes]]:
        """(key in the customer's bucket, bytes) of each file."""
        return [
            (self.export.file(number, run), packed(part))
            for number, part in enumerate(split(rows, cuts), start=1)
        ]

    def deliver(self, rows: Any, cuts: Any = (2,), run: str = "run-1", **changes: Any) -> list[LandedObject]:
        """Files first, then the manifest, as AWS does; nothing of it is ingested yet."""
        files = self.files(rows, cuts, run)
        landed = [self.put(self.export.landing(key), content) for key, content in files]
        text = self.export.manifest([key for key, _ in files], run, **changes)
        return landed + [self.put(key, text) for key in self.export.manifest_keys(run)]

    def ingest(self, landed: LandedObject) -> Any:
        return self.world.ingest(landed)

    def row(self, landed: LandedObject) -> Any:
        return self.world.bills.delivery(ACME, landed.delivery_id)


@pytest.fixture
def site(world: World) -> Site:
    return Site(world)


def total(world: World, bill: str = "aws.2026-09") -> Decimal:
    stored = world.bills.bill(ACME, bill)
    assert stored is not None
    assert stored.published is not None
    found = pl.read_parquet(stored.published.tables["charges"].files)["BilledCost"].sum()
    assert isinstance(found, Decimal)
    return found


LAYOUTS = [Export(legacy, create_new) for legacy in (True, False) for create_new in (True, False)]


@pytest.mark.parametrize("export", LAYOUTS, ids=str)
@pytest.mark.parametrize("manifest_first", [False, True], ids=["last", "first"])
def test_the_last_to_arrive_completes_it_whatever_the_order(
    world: World, export: Export, manifest_first: bool
) -> None:
    site = Site(world, export)
    files = site.files(cur_rows(5), (2, 3))
    text = export.manifest([key for key, _ in files], "run-1")
    puts = [
        *((export.landing(key), body) for key, body in files),
        *((k, text) for k in export.manifest_keys("run-1")),
    ]
    landed = []
    for at, (key, body) in enumerate(puts[::-1] if manifest_first else puts):
        landed.append(site.put(key, body))
        outcomes = site.ingest(landed[-1])
        whole = at >= len(puts) - 1 if manifest_first else at >= len(files)
        assert bool(outcomes) == whole or (whole and export.create_new)
    assert total(world) == Decimal("0.97")
    [event] = world.bills.events
    assert isinstance(event, BillIngested)
    assert event.rows == 5
    for each in landed:
        assert site.row(each).done
        assert site.row(each).closed
    assert world.rows.waiting(ACME, limit=10, cursor=None).deliveries == []


def test_what_waits_says_for_what(site: Site) -> None:
    files = site.files(cur_rows(4), (1, 2, 3))
    part = site.put(site.export.landing(files[1][0]), files[1][1])
    assert site.ingest(part) == []
    waiting = site.row(part)
    assert (waiting.kind, waiting.done) == (DeliveryKind.PART, False)
    assert waiting.waiting.reason == "its manifest is not there"

    manifest = site.put(
        site.export.manifest_keys("r")[0], site.export.manifest([key for key, _ in files], "r")
    )
    assert site.ingest(manifest) == []
    told = site.row(manifest).waiting
    assert told.missing == (files[0][0], files[2][0], files[3][0])
    assert (told.missing_count, told.named, told.billing_period) == (3, 4, "2026-09")
    assert told.since == START + timedelta(minutes=2)
    page = site.world.rows.waiting(ACME, limit=10, cursor=None)
    assert {each.delivery_id for each in page.deliveries} == {part.delivery_id, manifest.delivery_id}
    assert site.world.bills.events == []


def test_a_redelivery_is_unchanged_and_a_copy_of_the_manifest_is_not_even_read(world: World) -> None:
    site = Site(world, Export(create_new=True))
    *parts, inner, outer = site.deliver(cur_rows(4))
    [first] = site.ingest(inner)
    assert site.ingest(outer) == []
    assert site.row(outer).part_of == inner.delivery_id
    assert first.files == ("rep-00001.csv.gz", "rep-00002.csv.gz")
    *_, again, _ = site.deliver(cur_rows(4), run="run-2")
    [second] = site.ingest(again)
    assert second.status is Status.UNCHANGED
    assert len(world.bills.events) == 1
    assert [site.row(part).part_of for part in parts] == [inner.delivery_id] * 2


def test_the_content_is_the_same_in_any_order_of_files_and_with_or_without_a_manifest(site: Site) -> None:
    *_, manifest = site.deliver(cur_rows(3), ())
    [one] = site.ingest(manifest)
    [alone] = site.world.deliver("acme/aws/alone.csv", csv_bytes(cur_rows(3)))
    assert (one.status, alone.status) == (Status.INGESTED, Status.UNCHANGED)


def test_an_older_delivery_never_overwrites_a_newer(world: World) -> None:
    site = Site(world, Export(create_new=True))
    old = site.deliver(cur_rows(4), run="run-1")[-2]
    new = site.deliver(cur_rows(6), run="run-2")[-2]
    [newest] = site.ingest(new)
    [late] = site.ingest(old)
    assert (newest.status, late.status) == (Status.INGESTED, Status.UNCHANGED)
    assert late.reasons == ("a newer delivery of this bill is published",)


def test_the_manifests_own_time_counts_more_than_when_it_landed(world: World) -> None:
    site = Site(world, Export(legacy=False, create_new=True))
    new = site.deliver(cur_rows(6), run="2026-10-04T06:30:00.000Z-b")[-2]
    old = site.deliver(cur_rows(4), run="2026-10-03T06:30:00.000Z-a")[-2]
    site.ingest(new)
    [late] = site.ingest(old)
    assert late.reasons == ("a newer delivery of this bill is published",)


def test_a_file_that_the_next_delivery_replaces_meanwhile_is_read_as_it_was(site: Site) -> None:
    *_, manifest = site.deliver(cur_rows(4))
    site.put(site.export.landing(site.export.file(1, "run-2")), packed(cur_rows(9)))
    [outcome] = site.ingest(manifest)
    assert outcome.rows == 4


def test_never_a_mix_of_two_deliveries(site: Site) -> None:
    """The first is replaced while it was never whole: what came after its manifest may be the next one's."""
    files = site.files(cur_rows(6), (2, 4))
    site.put(site.export.landing(files[0][0]), files[0][1])
    manifest = site.put(
        site.export.manifest_keys("r")[0], site.export.manifest([key for key, _ in files], "r")
    )
    after = site.files([{**row, "lineItem/UnblendedCost": "7"} for row in cur_rows(6)], (2, 4))
    parts = [site.put(site.export.landing(key), body) for key, body in after]
    assert site.ingest(manifest) == []
    assert site.row(manifest).waiting.missing == (files[1][0], files[2][0])
    new = site.put(site.export.manifest_keys("r")[0], site.export.manifest([k for k, _ in after], "s"))
    [outcome] = site.ingest(new)
    assert (outcome.rows, total(site.world)) == (6, Decimal(42))
    assert site.ingest(manifest) == []
    assert site.row(manifest).closed, "a newer manifest took its place"
    assert all(site.row(part).part_of == new.delivery_id for part in parts)


def test_overwritten_with_the_manifest_first_it_waits_until_all_are_new(site: Site) -> None:
    site.ingest(site.deliver(cur_rows(4))[-1])
    site.at = NOW
    site.world.clock.advance(timedelta(minutes=10))
    files = site.files([{**row, "lineItem/UnblendedCost": "7"} for row in cur_rows(4)])
    manifest = site.put(
        site.export.manifest_keys("r")[0], site.export.manifest([key for key, _ in files], "run-2")
    )
    assert site.ingest(manifest) == []
    first = site.put(site.export.landing(files[0][0]), files[0][1])
    assert site.ingest(first) == []
    assert site.row(manifest).waiting.missing == (files[1][0],)
    [outcome] = site.ingest(site.put(site.export.landing(files[1][0]), files[1][1]))
    assert (outcome.status, total(site.world)) == (Status.RESTATED, Decimal(28))


def test_files_that_stay_as_they_were_are_taken_after_an_hour(site: Site) -> None:
    *parts, first = site.deliver(cur_rows(4))
    site.ingest(first)
    site.at = NOW
    again = site.put(
        site.export.manifest_keys("r")[0],
        site.export.manifest([part.key.removeprefix("acme/aws/") for part in parts], "run-2"),
    )
    site.world.clock.advance(timedelta(minutes=30))
    assert site.ingest(again) == []
    site.world.clock.advance(timedelta(hours=1))
    [outcome] = site.ingest(again)
    assert outcome.status is Status.UNCHANGED


def bad_rows(count: int) -> Any:
    return [{**row, "lineItem/UnblendedCost": "x"} for row in cur_rows(count)]


@pytest.mark.parametrize("manifest_first", [True, False], ids=["first", "last"])
def test_what_a_refused_delivery_had_overwritten_is_in_force_again(site: Site, manifest_first: bool) -> None:
    """Its manifest was found overwritten, and over, before the newer one was refused."""
    files = site.files(cur_rows(4))
    text = site.export.manifest([key for key, _ in files], "run-1")
    puts = [(site.export.landing(key), body) for key, body in files]
    manifest = (site.export.manifest_keys("run-1")[0], text)
    landed = [site.put(*each) for each in ([manifest, *puts] if manifest_first else [*puts, manifest])]
    old = landed.pop(0 if manifest_first else -1)
    bad = site.deliver(bad_rows(2), (), "run-2")
    assert site.ingest(old) == []
    assert site.row(old).closed
    [refused] = site.ingest(bad[-1])
    assert refused.status is Status.REJECTED
    assert total(site.world) == Decimal("0.774")
    for part in landed:
        assert site.ingest(part) == []
        assert site.row(part).part_of == old.delivery_id
    assert site.world.rows.waiting(ACME, limit=10, cursor=None).deliveries == []


def test_of_several_refused_in_a_row_the_last_good_one_is_in_force_again(site: Site) -> None:
    *_, good = site.deliver(cur_rows(4), run="run-1")
    refused = [site.deliver(bad_rows(4), run=f"run-{number}")[-1] for number in (2, 3, 4)]
    for each in (good, *refused):
        site.ingest(each)
    assert total(site.world) == Decimal("0.774")
    assert all(site.row(each).closed for each in (good, *refused))
    assert [type(event) for event in site.world.bills.events] == [BillRejected] * 3 + [BillIngested]


@pytest.mark.parametrize("by", ["manifest", "part"])
@pytest.mark.parametrize(
    "step", ["file quarantined", "manifest noted", "closed", "quarantined", "on the way back"]
)
def test_who_dies_before_the_older_is_in_force_again_leaves_that_to_the_next(
    site: Site, step: str, by: str
) -> None:
    *_, old = site.deliver(cur_rows(4))
    *_, part, bad = site.deliver(bad_rows(4), run="run-2")
    site.ingest(old)

    def gone() -> bool:
        return (bad.key, bad.version_id) not in site.world.landing.objects

    def dies(reached: str) -> None:
        closed = step == "closed" and reached == "before delete" and site.row(bad).closed
        if reached == step or closed or (step == "on the way back" and gone()):
            raise Crash(step)

    site.world.failpoint = dies  # type: ignore[assignment]
    site.world.landing.before_delete = lambda: dies("before delete")
    with pytest.raises(Crash):
        site.ingest(bad)
    site.world.failpoint = CrashAt()
    site.world.landing.before_delete = lambda: None
    # It is closed before it is gone: what is gone brings nobody back.
    assert site.row(bad).closed or not gone()
    assert lost(site.row(bad), NOW + timedelta(days=1), timedelta())
    site.ingest(bad if by == "manifest" else part)
    assert total(site.world) == Decimal("0.774")
    assert len(site.world.bills.events) == 2
    assert all(site.row(each).closed for each in (old, bad))


def test_a_manifest_found_overwritten_while_the_newer_is_being_refused_is_not_lost(site: Site) -> None:
    *_, old = site.deliver(cur_rows(4))
    *_, bad = site.deliver(bad_rows(4), run="run-2")
    save = site.world.rows.save_delivery

    def dies(reached: str) -> None:
        if reached == "quarantined":
            raise Crash(reached)

    def refused_meanwhile(tenant: TenantId, delivery: Delivery) -> Delivery:
        site.world.rows.save_delivery = save  # type: ignore[method-assign]
        site.world.failpoint = dies  # type: ignore[assignment]
        with pytest.raises(Crash):
            site.ingest(bad)
        return save(tenant, delivery)

    site.world.rows.save_delivery = refused_meanwhile  # type: ignore[method-assign]
    [outcome] = site.ingest(old)
    assert outcome.status is Status.INGESTED
    assert total(site.world) == Decimal("0.774")


def test_who_dies_after_the_bill_is_decided_leaves_no_part_waiting_though_the_next_delivery_has_begun(
    site: Site,
) -> None:
    """Its parts came after its manifest, so only that they are noted says whose they were."""
    files = [(site.export.landing(key), body) for key, body in site.files(cur_rows(4))]
    text = site.export.manifest([key for key, _ in site.files(cur_rows(4))], "run-1")
    manifest, *parts = [site.put(*each) for each in [(site.export.manifest_keys("run-1")[0], text), *files]]
    site.world.failpoint = CrashAt("recorded")
    with pytest.raises(Crash):
        site.ingest(manifest)
    next_first = site.put(*files[0])
    for each in (next_first, *parts):
        site.ingest(each)
    assert [site.row(each).part_of for each in parts] == [manifest.delivery_id] * 2
    [waits] = site.world.rows.waiting(ACME, limit=10, cursor=None).deliveries
    assert waits.delivery_id == next_first.delivery_id


def test_the_copy_of_a_refused_manifest_waits_for_nobody_who_died_as_he_put_it_away(world: World) -> None:
    """The other's message is of the next delivery: nobody comes back to what is gone."""
    site = Site(world, Export(legacy=False, create_new=True))
    *_, inner, outer = site.deliver(bad_rows(4), run="run-1")
    part = site.deliver(cur_rows(4), run="run-2")[0]
    world.landing.objects = {
        each: put
        for each, put in world.landing.objects.items()
        if "run-2/" in each[0] or put[1] <= START + timedelta(minutes=4)
    }
    world.failpoint = CrashAt("quarantined")
    with pytest.raises(Crash):
        site.ingest(part)
    assert site.row(outer).closed
    assert site.ingest(inner) == []
    assert site.row(inner).part_of == outer.delivery_id
    assert site.world.rows.waiting(ACME, limit=10, cursor=None).deliveries == []


def test_netting_works_across_files(site: Site) -> None:
    plan = {
        "savingsPlan/SavingsPlanARN": "arn:sp",
        "savingsPlan/SavingsPlanEffectiveCost": "0.1",
        "savingsPlan/SavingsPlanRate": "0.1",
    }
    covered = {**cur_rows(1)[0], **plan, "lineItem/LineItemType": "SavingsPlanCoveredUsage"}
    negation = {
        **covered,
        "lineItem/LineItemType": "SavingsPlanNegation",
        "lineItem/UnblendedCost": "-0.192",
        "identity/LineItemId": "n",
    }
    apart = site.deliver([covered, negation], (1,))[-1]
    site.ingest(apart)
    one = site.world.deliver("acme/other/one.csv", csv_bytes([covered, negation]))
    assert one[0].status is Status.INGESTED
    kept = site.world.bills.bill(ACME, "aws.2026-09").published  # type: ignore[union-attr]
    rows = pl.read_parquet(kept.tables["charges"].files)  # type: ignore[union-attr]
    assert rows["BilledCost"].sum() == 0


def test_files_may_have_their_columns_in_another_order_and_lack_optional_ones(site: Site) -> None:
    first, second = cur_rows(1)[0], cur_rows(2)[1]
    second = {key: second[key] for key in reversed(second) if key != "resourceTags/user:env"}
    [outcome] = site.ingest(site.deliver([first, second], (1,))[-1])
    assert (outcome.status, total(site.world)) == (Status.INGESTED, Decimal("0.385"))
    published = site.world.bills.bill(ACME, "aws.2026-09").published  # type: ignore[union-attr]
    raw = pl.read_parquet(published.tables["cur"].files)  # type: ignore[union-attr]
    assert raw["resource_tags_user_env"].to_list() == ["prod", None]
    tags = pl.read_parquet(published.tables["charges"].files)["Tags"]  # type: ignore[union-attr]
    assert sorted(str(tag) for tag in tags.to_list()) == ["None", "{'env': 'prod'}"]


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "period": ({"billingPeriod": {"start": "20260801T000000.000Z"}}, "a period outside the bill"),
    "columns": ({"columns": [{"category": "a", "name": "B"}]}, "the header has not what the manifest says"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_refused_with_its_files(site: Site, lie: str) -> None:
    changes, why = LIES[lie]
    landed = site.deliver(cur_rows(4), **changes)
    [outcome] = site.ingest(landed[-1])
    assert outcome.status is Status.REJECTED
    assert why in outcome.reasons[0]
    assert outcome.reasons[0].startswith("rep-00001.csv.gz")
    assert outcome.reasons[1].startswith("rep-00002.csv.gz")
    in_quarantine(site, landed, outcome)


PROMISES: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "all right": ({"size": None, "rows": 2}, {"totals": {"USD": Decimal("0.774")}}, None),
    "sizes": ({"size": 7}, {}, "the file is not what its manifest says: expected 7 bytes"),
    "rows": ({"rows": 3}, {}, "the file is not what its manifest says: expected 3 rows"),
    "totals": ({}, {"totals": {"USD": Decimal(1)}}, "the files do not add up to their manifest"),
    "a currency": ({}, {"totals": {"EUR": Decimal(1)}}, "the files do not add up to their manifest"),
}


@pytest.mark.parametrize("promise", PROMISES)
def test_what_other_manifests_say_of_sizes_rows_and_totals_must_hold(site: Site, promise: str) -> None:
    """No form of AWS says it; others do."""
    of_files, of_all, why = PROMISES[promise]

    def read(name: str, document: Mapping[str, Any]) -> Manifest:
        made = REPORT.read(name, document)
        assert made is not None
        return replace(made, files=tuple(replace(each, **of_files) for each in made.files), **of_all)

    site.world.forms = (replace(REPORT, read=read),)
    [outcome] = site.ingest(site.deliver(cur_rows(4))[-1])
    assert outcome.status is (Status.REJECTED if why else Status.INGESTED)
    assert why is None or why in outcome.reasons[0]


def test_a_flat_folder_is_found_beside_its_manifest(world: World) -> None:
    upload = "acme/aws/0199f3c0-0000-7000-8000-000000000000/delivery/"
    site = Site(world)
    files = site.files(cur_rows(4))
    parts = [site.put(upload + key.rsplit("/", 1)[-1], body) for key, body in files]
    assert [site.ingest(part) for part in parts] == [[], []]
    text = site.export.manifest([key for key, _ in files], "r")
    [outcome] = site.ingest(site.put(f"{upload}rep-Manifest.json", text))
    assert (outcome.status, outcome.rows) == (Status.INGESTED, 4)
    assert all(site.row(part).closed for part in parts)


def test_two_names_of_one_file_are_one_too_many(world: World) -> None:
    upload = "acme/aws/0199f3c0-0000-7000-8000-000000000000/delivery/"
    site = Site(world)
    site.put(f"{upload}a.csv", csv_bytes(cur_rows(1)))
    text = site.export.manifest(["x/a.csv", "y/a.csv"], "r")
    [outcome] = site.ingest(site.put(f"{upload}rep-Manifest.json", text))
    assert "names one file twice: 'x/a.csv' and 'y/a.csv'" in outcome.reasons[0]


def in_quarantine(site: Site, landed: list[LandedObject], outcome: Any) -> None:
    folder = f"acme/.quarantine/{outcome.delivery_id}/"
    assert outcome.quarantine == f"s3://landing/{folder}"
    keys = {key for key, _ in site.world.landing.objects}
    assert keys == {folder + each.key.removeprefix("acme/aws/") for each in landed}
    assert all(site.row(each).closed for each in landed)
    [event] = site.world.bills.events
    assert isinstance(event, BillRejected)
    assert event.quarantine == outcome.quarantine


def test_findings_name_the_very_file_and_its_row(site: Site) -> None:
    rows = cur_rows(4)
    rows[3] = {**rows[3], "lineItem/UnblendedCost": "much"}
    landed = site.deliver(rows)
    [outcome] = site.ingest(landed[-1])
    assert outcome.reasons[0].startswith("rep-00002.csv.gz, row 2, column lineItem/UnblendedCost")
    in_quarantine(site, landed, outcome)


def test_files_of_two_kinds_are_refused(site: Site) -> None:
    export = site.export
    keys = [export.file(number, "r") for number in (1, 2)]
    site.put(export.landing(keys[0]), packed(cur_rows(1)))
    site.put(export.landing(keys[1]), packed([FOCUS_ROW]))
    [outcome] = site.ingest(site.put(export.manifest_keys("r")[0], export.manifest(keys, "r")))
    assert "rep-00002.csv.gz: the file is of another kind" in outcome.reasons[0]


@pytest.mark.parametrize("text", [b"{", b"{}", json.dumps({"reportKeys": ["../../other/x.csv"]}).encode()])
def test_a_manifest_that_cannot_be_right_is_refused_alone(site: Site, text: bytes) -> None:
    part = site.put(site.export.landing(site.export.file(1, "r")), packed(cur_rows(1)))
    manifest = site.put(site.export.manifest_keys("r")[0], text)
    [outcome] = site.ingest(manifest)
    assert outcome.status is Status.REJECTED
    assert (part.key, part.version_id) in site.world.landing.objects
    assert (manifest.key, manifest.version_id) not in site.world.landing.objects


def test_after_a_refused_delivery_a_good_one_succeeds_and_the_copy_of_the_refused_is_over(
    world: World,
) -> None:
    site = Site(world, Export(create_new=True))
    rows = [{**row, "lineItem/UnblendedCost": "x"} for row in cur_rows(4)]
    *_, inner, outer = site.deliver(rows, run="run-1")
    site.ingest(inner)
    assert site.ingest(outer) == []
    assert site.row(outer).part_of == inner.delivery_id
    [outcome] = site.ingest(site.deliver(cur_rows(4), run="run-2")[-2])
    assert outcome.status is Status.INGESTED
    stored = world.bills.bill(ACME, "aws.2026-09")
    assert stored is not None
    assert stored.last_rejection is None


def test_a_refused_single_file_goes_to_quarantine_and_is_not_ingested_from_there(world: World) -> None:
    landed = world.landing.put("acme/aws/bill.csv", b"nothing\n1\n")
    [outcome] = world.ingest(landed)
    [(key, version)] = world.landing.objects
    assert key == f"acme/.quarantine/{landed.delivery_id}/bill.csv"
    assert world.ingest(LandedObject("landing", key, 1, "e", version)) == []
    assert world.ingest(landed) == [outcome]
    assert len(world.bills.events) == 1


STEPS = (
    "part noted",
    "delivery waiting",
    "delivery gathered",
    "parts noted",
    "file quarantined",
    "manifest noted",
    "quarantined",
)


@pytest.mark.parametrize("bad", [False, True], ids=["good", "bad"])
@pytest.mark.parametrize("step", ["delivery opened", "fetched", "prepared", "recorded", *STEPS])
def test_a_crash_anywhere_is_healed_by_the_same_messages(site: Site, step: str, bad: bool) -> None:
    rows = [{**row, "lineItem/UnblendedCost": "x"} for row in cur_rows(4)] if bad else cur_rows(4)
    files = site.files(rows)
    text = site.export.manifest([key for key, _ in files], "r")
    failpoint = site.world.failpoint = CrashAt(step)
    landed = [
        site.put(site.export.manifest_keys("r")[0], text),
        *(site.put(site.export.landing(key), body) for key, body in files),
    ]
    # The manifest is told of before anything else is there.
    objects = dict(site.world.landing.objects)
    for key, version in list(objects)[1:]:
        del site.world.landing.objects[key, version]
    for each in [landed[0], None, landed[1], landed[2]]:
        if each is None:
            site.world.landing.objects.update(objects)
            continue
        try:
            site.ingest(each)
        except Crash:
            site.ingest(each)
    never = {"file quarantined", "quarantined"} if not bad else {"recorded"}
    assert failpoint.hit is (step not in never)
    assert all(site.row(each).closed for each in landed)
    assert len(site.world.bills.events) == 1
    if bad:
        in_quarantine(site, landed, next(iter(site.row(landed[0]).outcomes.values())))
    else:
        assert total(site.world) == Decimal("0.774")


@pytest.mark.parametrize("again_from", ["manifest", "part"])
@pytest.mark.parametrize("first", ["copy", "manifest"])
@pytest.mark.parametrize("step", ["parts noted", "file quarantined", "manifest noted", "quarantined"])
def test_the_copy_of_a_refused_manifest_is_over_though_a_worker_died_while_it_closed(
    world: World, step: str, first: str, again_from: str
) -> None:
    """The manifest of the refused is gone then, and with it what its copy would be known by."""
    site = Site(world, Export(legacy=False, create_new=True))
    rows = [{**row, "lineItem/UnblendedCost": "x"} for row in cur_rows(4)]
    part, *_, inner, outer = site.deliver(rows)
    refused, other = (inner, outer) if first == "copy" else (outer, inner)
    world.failpoint = CrashAt(step)
    with pytest.raises(Crash):
        site.ingest(refused)
    site.ingest(part if again_from == "part" else refused)
    assert site.row(refused).closed
    assert site.ingest(other) == []
    assert site.row(other).closed
    assert site.row(other).part_of == refused.delivery_id
    assert len(world.bills.events) == 1


def test_between_copy_and_delete_a_crash_is_safe(world: World) -> None:
    landed = world.landing.put("acme/aws/bill.csv", b"nothing\n1\n")

    def die() -> None:
        world.landing.before_delete = lambda: None
        raise Crash("between")

    world.landing.before_delete = die
    with pytest.raises(Crash):
        world.ingest(landed)
    world.ingest(landed)
    assert {key for key, _ in world.landing.objects} == {f"acme/.quarantine/{landed.delivery_id}/bill.csv"}


def test_two_tasks_at_the_last_part_have_one_effect(site: Site) -> None:
    *parts, manifest = site.deliver(cur_rows(4))
    raced = []

    def other() -> None:
        site.world.bills.before_record = lambda: None
        raced.append(site.ingest(parts[0]))

    site.world.bills.before_record = other
    [outcome] = site.ingest(manifest)
    assert raced == [[outcome]]
    assert len(site.world.bills.events) == 1
    assert total(site.world) == Decimal("0.774")


def test_a_tenants_manifest_reaches_no_other_tenants_files(world: World) -> None:
    """The same keys of two tenants: what one manifest names of the other tenant's is not there."""
    mine, other = Site(world), Site(world, Export(base="globex/aws/"))
    mine.ingest(mine.deliver(cur_rows(4))[-1])
    files = [key for key, _ in other.files(cur_rows(4))]
    manifest = other.put(other.export.manifest_keys("r")[0], other.export.manifest(files, "r"))
    assert other.ingest(manifest) == []
    row = world.bills.delivery(TenantId("globex"), manifest.delivery_id)
    assert row is not None
    assert row.waiting is not None
    assert row.waiting.missing_count == 2
    assert world.bills.bill(TenantId("globex"), "aws.2026-09") is None
    assert world.rows.waiting(ACME, limit=10, cursor=None).deliveries == []
