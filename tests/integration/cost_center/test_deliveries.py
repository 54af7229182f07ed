"""Deliveries of several files over real adapters: S3 with versions, DynamoDB, the lake."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.cost_center.adapters.delivery_rows import TableDeliveryRows
from services.cost_center.adapters.landing_s3 import S3Landing
from services.cost_center.domain.bill import Delivery, DeliveryKind, Waiting
from services.cost_center.domain.gathering import ManifestNote
from services.cost_center.domain.landing import QUARANTINE_TAG, SOURCE_MODIFIED, LandedObject
from services.cost_center.handlers.object_created import object_created
from shared.clock import SystemClock
from shared.dynamo_items import from_attributes
from shared.errors import Conflict
from shared.table import PageKeys, TenantTable
from shared.tenancy import TenantId
from tests.fakes.cost_center import NOW
from tests.fakes.cost_center_bills import cur_rows
from tests.fakes.cost_center_cloud import Cloud
from tests.fakes.cost_center_deliveries import Export, packed, split

pytestmark = pytest.mark.emulator

ACME, RIVAL = TenantId("acme"), TenantId("rival")


def deliver(
    cloud: Cloud, export: Export, rows: Sequence[Any], run: str, cuts: Sequence[int] = (2,)
) -> list[Any]:
    """The events of the files and of the manifests, in the order of their puts."""
    parts = split(rows, cuts)
    files = [export.file(number, run) for number, _ in enumerate(parts, start=1)]
    events = [cloud.put(export.landing(key), packed(part)) for key, part in zip(files, parts, strict=True)]
    text = export.manifest(files, run)
    return events + [cloud.put(key, text) for key in export.manifest_keys(run)]


def bills(cloud: Cloud) -> dict[str, Any]:
    rows = [from_attributes(row) for row in cloud.rows(cloud.settings.bill_table)]
    return {row["bill_id"]: row for row in rows if row["sk"].startswith("BILL#")}


def deliveries(cloud: Cloud) -> list[Any]:
    rows = [from_attributes(row) for row in cloud.rows(cloud.settings.bill_table)]
    return [row for row in rows if row["sk"].startswith("DELIVERY#")]


LAYOUTS = [Export(legacy, create_new) for legacy in (True, False) for create_new in (True, False)]


@pytest.mark.parametrize("export", LAYOUTS, ids=str)
def test_a_month_is_delivered_and_delivered_anew(cloud: Cloud, export: Export) -> None:
    for event in reversed(deliver(cloud, export, cur_rows(4), "run-1")):
        cloud.ingest(event)
    assert bills(cloud)["aws.2026-09"]["rows"] == 4
    for event in deliver(cloud, export, cur_rows(6), "run-2", (1, 3)):
        cloud.ingest(event)
    bill = bills(cloud)["aws.2026-09"]
    assert (bill["rows"], bill["status"]) == (6, "restated")
    assert [event["type"] for event in cloud.outbox()] == ["BillIngested.v1", "BillRestated.v1"]
    assert all(row["closed"] for row in deliveries(cloud))
    assert not [row for row in cloud.rows(cloud.settings.bill_table) if row["sk"]["S"].startswith("WAITING#")]


def test_a_refused_delivery_lies_in_quarantine_as_a_whole(cloud: Cloud) -> None:
    export = Export()
    events = deliver(cloud, export, [{**row, "lineItem/UnblendedCost": "x"} for row in cur_rows(4)], "run-1")
    for event in events:
        cloud.ingest(event)
    manifest = object_created(events[-1])
    listed = cloud.client("s3").list_objects_v2(Bucket=cloud.settings.landing_bucket)
    folder = f"acme/.quarantine/{manifest.delivery_id}/"
    keys = {each["Key"] for each in listed["Contents"]}
    assert keys == {folder + object_created(event).key.removeprefix("acme/aws/") for event in events}
    assert bills(cloud)["aws.2026-09"]["quarantine"] == f"s3://{cloud.settings.landing_bucket}/{folder}"
    for event in deliver(cloud, export, cur_rows(4), "run-2"):
        cloud.ingest(event)
    assert bills(cloud)["aws.2026-09"]["status"] == "ingested"


def test_a_newer_version_of_a_file_does_not_come_into_the_older_delivery(cloud: Cloud) -> None:
    export = Export()
    events = deliver(cloud, export, cur_rows(4), "run-1")
    seen = landing(cloud).look(cloud.settings.landing_bucket, object_created(events[-1]).key)
    assert seen is not None
    put_after(cloud, seen.modified, object_created(events[0]).key, packed(cur_rows(9)))
    cloud.ingest(events[-1])
    assert bills(cloud)["aws.2026-09"]["rows"] == 4


def landing(cloud: Cloud) -> S3Landing:
    return S3Landing(cloud.settings.landing_bucket, SystemClock(), client=cloud.client("s3"))


def put_after(cloud: Cloud, moment: Any, key: str, body: bytes) -> None:
    """Put until S3, which counts seconds, says that it was later."""
    while True:
        cloud.put(key, body)
        seen = landing(cloud).look(cloud.settings.landing_bucket, key)
        assert seen is not None
        if seen.modified > moment:
            return


@pytest.mark.parametrize("first_read", ["earlier", "later"])
def test_of_two_puts_to_one_key_in_one_second_the_later_is_published(cloud: Cloud, first_read: str) -> None:
    bucket, key = cloud.settings.landing_bucket, "acme/aws/bill.csv.gz"
    bodies = [packed(cur_rows(rows)) for rows in (5, 3)]
    for _ in range(10):  # on a busy machine the second turns between the two; then it holds as well
        events = [cloud.put(key, body) for body in bodies]
        if len({seen.modified for seen in landing(cloud).versions(bucket, key)[:2]}) == 1:
            break

    for event in events if first_read == "earlier" else events[::-1]:
        cloud.ingest(event)

    assert bills(cloud)["aws.2026-09"]["rows"] == 3
    assert all(row["closed"] for row in deliveries(cloud))
    told = [event["type"] for event in cloud.outbox()]
    assert told == (
        ["BillIngested.v1", "BillRestated.v1"] if first_read == "earlier" else ["BillIngested.v1"]
    )


def test_landing_looks_at_versions_and_moves_the_one_it_is_told(cloud: Cloud) -> None:
    port = landing(cloud)
    bucket = cloud.settings.landing_bucket
    first, second = (object_created(cloud.put("acme/aws/a.csv", body)) for body in (b"1", b"22"))
    cloud.put("acme/aws/a.csv.gz", b"another key that begins so")
    assert port.look(bucket, "acme/aws/none.csv") is None
    now = port.look(bucket, "acme/aws/a.csv")
    assert now is not None
    assert now.object == second
    old = port.look(bucket, "acme/aws/a.csv", first.version_id)
    assert old is not None
    assert old.object == first
    assert [seen.object for seen in port.versions(bucket, "acme/aws/a.csv")] == [second, first]
    for _ in range(2):
        port.move(second, "acme/.quarantine/d/a.csv")
    left = port.look(bucket, "acme/aws/a.csv")
    assert left is not None
    assert left.object == first, "the version before is there again"
    tags = cloud.client("s3").get_object_tagging(Bucket=bucket, Key="acme/.quarantine/d/a.csv")["TagSet"]
    assert [(tag["Key"], tag["Value"]) for tag in tags] == [QUARANTINE_TAG]
    put = port.look(bucket, "acme/.quarantine/d/a.csv")
    assert put is not None
    assert put.object.size == 2


@pytest.mark.parametrize(("operation", "nth"), [("HeadObject", 2), ("CopyObject", 1)])
def test_of_two_workers_that_put_one_object_away_the_later_finds_it_done(
    cloud: Cloud, operation: str, nth: int
) -> None:
    bucket, target = cloud.settings.landing_bucket, "acme/.quarantine/d/a.csv"
    landed = object_created(cloud.put("acme/aws/a.csv", b"1"))
    slow, calls = cloud.client("s3"), count(1)

    def meanwhile(**_: Any) -> None:
        if next(calls) == nth:
            landing(cloud).move(landed, target)

    slow.meta.events.register(f"before-call.s3.{operation}", meanwhile)
    S3Landing(bucket, SystemClock(), client=slow).move(landed, target)
    assert next(calls) > nth, "the other came between"
    assert landing(cloud).look(bucket, "acme/aws/a.csv") is None
    assert landing(cloud).look(bucket, target) is not None


def test_an_object_that_cannot_be_put_away_is_no_object_that_is_gone(cloud: Cloud) -> None:
    bucket = cloud.settings.landing_bucket
    landed = object_created(cloud.put("acme/aws/a.csv", b"1"))
    refused = cloud.client("s3")

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "CopyObject")

    refused.meta.events.register("before-call.s3.CopyObject", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        S3Landing(bucket, SystemClock(), client=refused).move(landed, "acme/.quarantine/d/a.csv")
    assert landing(cloud).look(bucket, "acme/aws/a.csv") is not None


def test_the_sources_time_orders_deliveries_where_it_is_told(cloud: Cloud, tmp_path: Any) -> None:
    s3 = cloud.client("s3")
    told = "2026-10-01T08:00:00+00:00"
    answer = s3.put_object(
        Bucket=cloud.settings.landing_bucket, Key="acme/aws/x", Body=b"1", Metadata={SOURCE_MODIFIED: told}
    )
    landed = LandedObject(
        cloud.settings.landing_bucket, "acme/aws/x", 1, answer["ETag"].strip('"'), answer["VersionId"]
    )
    assert landing(cloud).fetch(landed, tmp_path / "x").isoformat() == told


def test_waiting_rows_and_notes_of_manifests(cloud: Cloud) -> None:
    keys = PageKeys(b"a secret of this test, of 32 byte")
    rows = TableDeliveryRows(TenantTable(cloud.settings.bill_table, page_keys=keys))
    waits = Waiting(NOW, "why", ("a", "b"), 2, 3, "2026-09")
    for number in range(3):
        made = Delivery(f"d{number}", "b", "k", "aws", "f", NOW, kind=DeliveryKind.MANIFEST, waiting=waits)
        stored = rows.save_delivery(ACME, made)
    first = rows.waiting(ACME, limit=2, cursor=None)
    rest = rows.waiting(ACME, limit=2, cursor=first.cursor)
    assert [each.delivery_id for each in [*first.deliveries, *rest.deliveries]] == ["d0", "d1", "d2"]
    assert first.deliveries[0].waiting == waits
    assert rows.waiting(RIVAL, limit=10, cursor=None).deliveries == []
    with pytest.raises(Conflict):
        rows.save_delivery(ACME, made)
    ended = rows.save_delivery(ACME, stored.ended("d0"))
    assert (ended.part_of, ended.done, ended.closed) == ("d0", True, True)
    assert [each.delivery_id for each in rows.waiting(ACME, limit=10, cursor=None).deliveries] == ["d0", "d1"]

    assert rows.manifest_note(ACME, "aws", "digest") is None
    note = ManifestNote("d1", NOW)
    rows.note_manifest(ACME, "aws", "digest", note)
    rows.note_manifest(ACME, "aws", "digest", ManifestNote("older", NOW.replace(year=2025)))
    assert rows.manifest_note(ACME, "aws", "digest") == note
    assert rows.manifest_note(RIVAL, "aws", "digest") is None
