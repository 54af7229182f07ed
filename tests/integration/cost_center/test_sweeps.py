"""The sweeps as they are deployed: settings, wiring, rows, buckets and queue, in moto."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from services.cost_center.adapters import bill_items as items
from services.cost_center.adapters.bucket_lists import S3LandedVersions, SqsLandingQueue
from services.cost_center.adapters.sweep_store import SweepStore
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.sweeps import LandingState, OrphanState, Position, Resent
from services.cost_center.events import SetChanges
from services.cost_center.handlers import sweep_landing, sweep_orphans
from services.cost_center.handlers.object_created import object_created
from shared import aws
from shared.clock import FixedClock, iso
from shared.config import load_settings
from shared.errors import Conflict, Unavailable
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.sweeps import healed
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_list import TenantList
from tests.fakes.cost_center import ACME, NOW, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.tables import create_table

OTHER = TenantId("globex")


class Context:
    """Lambda's context, with this much time left."""

    def __init__(self, millis: int = 30_000) -> None:
        self.millis = millis

    def get_remaining_time_in_millis(self) -> int:
        return self.millis


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The landing queue's URL."""
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "BILL_TABLE": "bill",
        "OUTBOX_TABLE": "outbox",
        "LANDING_BUCKET": "landing",
        "LAKE_BUCKET": "lake",
        "SWEEP_GRACE_MINUTES": "0",
        "ORPHAN_SAFE_HOURS": "0",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        for bucket in ("landing", "lake"):
            boto3.client("s3").create_bucket(Bucket=bucket)
            boto3.client("s3").put_bucket_versioning(
                Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        for table in ("bill", "outbox"):
            create_table(boto3.client("dynamodb"), table, outbox=table == "outbox")
        queue = boto3.client("sqs").create_queue(QueueName="landing")["QueueUrl"]
        monkeypatch.setenv("LANDING_QUEUE_URL", queue)
        aws.clear_clients()
        load_settings.cache_clear()
        TenantList("bill").add(ACME)
        yield queue
    aws.clear_clients()
    load_settings.cache_clear()


def put(bucket: str, key: str, body: bytes = b"x") -> str:
    return str(boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def told() -> list[dict[str, Any]]:
    rows = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    return [json.loads(row["envelope"]["S"]) for row in rows]


def words() -> list[dict[str, Any]]:
    return [each["data"] for each in told() if each["type"] == "SweepHealed.v1"]


def received(queue: str) -> list[dict[str, Any]]:
    answer = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(each["Body"]) for each in answer.get("Messages", [])]


def store() -> SweepStore:
    return SweepStore(TenantTable("bill"), Outbox("outbox"))


def test_the_landing_sweep_sends_what_s3_would_have_said(
    deployed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["acme/aws/übung 1+2.csv", "acme/loose.csv"]
    versions = {key: put("landing", key) for key in keys}
    put("landing", "globex/aws/1.csv")
    assert sweep_landing.handler({}, Context()) == {"tenants": 1, "healed": 2, "failed": 0}
    found = [object_created(body, "landing") for body in received(deployed)]
    assert {each.key: each.version_id for each in found} == versions
    assert words() == [{"sweep": "landing", "tenant": "acme", "healed": 2, "examples": sorted(keys)}]
    assert '"LandingSweepHealed":[2.0]' in capsys.readouterr().out.replace(" ", "")
    assert sweep_landing.handler({}, Context())["healed"] == 0, "its next turn is in a quarter of an hour"
    assert '"LandingSweepHealed":[0.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_key_that_was_put_twice_landed_twice(deployed: str) -> None:
    versions = {put("landing", "acme/aws/1.csv", body) for body in (b"1", b"2")}
    assert sweep_landing.handler({}, Context())["healed"] == 2
    assert {object_created(body).version_id for body in received(deployed)} == versions


def test_a_listing_goes_on_after_a_version(deployed: str) -> None:
    for key in ("acme/a/1", "acme/a/2", "acme/b/1", "acmes/a/1"):
        put("landing", key)
    versions = S3LandedVersions("landing")
    assert versions.sources(ACME) == ["a", "b"]
    first, *rest = versions.page("acme/", None).objects
    assert (
        [each.object.key for each in versions.page("acme/", first.position).objects]
        == [each.object.key for each in rest]
        == ["acme/a/2", "acme/b/1"]
    )
    assert [each.object.key for each in versions.page("acme/a/", Position("acme/a/1")).objects] == [
        "acme/a/2"
    ]


def test_orphans_go_and_published_files_stay(
    deployed: str, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    world = World(tmp_path)
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    (bill,) = world.bills.stored.values()
    (delivery,) = world.bills.deliveries.values()
    assert bill.published is not None
    kept = "acme/curated/charges/data/d0/a0-0.parquet"
    item = items.bill_item(bill)
    item["published"]["tables"]["charges"]["files"] = [f"s3://lake/{kept}"]
    table = TenantTable("bill")
    table.put_new(ACME, "BILL#aws.2026-09", item)
    of_old = "acme/curated/charges/data/d0/a1-0.parquet"
    known, unknown = (f"acme/changes/aws.2026-09/d0/{attempt}.json" for attempt in ("a1", "a7"))
    changes = SetChanges(totals=[], largest=[], others=[], count=0, document=f"s3://lake/{known}")
    old = items.set_item(bill.outcome, bill.published, changes)
    old["tables"]["charges"]["files"] = [f"s3://lake/{of_old}"]
    table.put_new(ACME, f"SET#aws.2026-09#{old['published_at']}", old)
    table.put_new(ACME, "DELIVERY#open", items.delivery_item(delivery) | {"status": "processing"})
    orphan, open_one = (f"acme/curated/charges/data/{d}/a9-0.parquet" for d in ("gone", "open"))
    metadata = "acme/curated/charges/metadata/1.json"
    for key in (kept, of_old, orphan, open_one, metadata, known, unknown):
        put("lake", key)
    assert sweep_orphans.handler({}, Context()) == {"tenants": 1, "healed": 2, "failed": 0}
    s3 = boto3.client("s3")
    left = {each["Key"] for each in s3.list_objects_v2(Bucket="lake")["Contents"]}
    assert left == {kept, of_old, open_one, metadata, known}
    gone = sorted([orphan, unknown])
    assert words() == [{"sweep": "orphans", "tenant": "acme", "healed": 2, "examples": gone}]
    assert '"OrphansRemoved":[2.0]' in capsys.readouterr().out.replace(" ", "")
    assert s3.list_object_versions(Bucket="lake", Prefix=orphan)["Versions"], "it can be brought back"


def test_a_set_beyond_the_retention_is_let_go_of_and_its_files_go_in_the_next_run(
    deployed: str, tmp_path: Any
) -> None:
    world = World(tmp_path)
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    (bill,) = world.bills.stored.values()
    (published,) = world.bills.history
    table = TenantTable("bill")
    uris = {}
    for number, moment in enumerate(("2020-03-02", "2020-03-03", "2020-03-04", "2020-05-05")):
        at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        row = items.set_item(
            replace(bill.outcome, published_at=at), replace(published, published_at=at), None
        )
        uris[number] = f"acme/curated/charges/data/d{number}/a0-0.parquet"
        for held in row["tables"].values():
            held["files"] = [f"s3://lake/{uris[number]}"]
        for tenant in (ACME, OTHER):
            table.put_new(tenant, f"SET#aws.2020-03#{iso(at)}", {**row, "bill_id": "aws.2020-03"})
        put("lake", uris[number])

    def left() -> list[int]:
        keys = {each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="lake")["Contents"]}
        return [number for number, key in uris.items() if key in keys]

    def kept() -> list[bool]:
        rows = table.query_all(ACME, prefix="SET#aws.2020-03#")
        return [items.historic_of(each).kept for each in rows]

    assert sweep_orphans.handler({}, Context())["healed"] == 0
    assert (left(), kept()) == ([0, 1, 2, 3], [False, False, False, True])
    assert store().bound_snapshots(ACME) == {
        (each.database, name): {each.snapshot_id} for name, each in published.tables.items()
    }
    assert sweep_orphans.handler({}, Context())["healed"] == 3
    assert left() == [3]
    (oldest, *_) = table.query_all(ACME, prefix="SET#aws.2020-03#")
    assert oldest["totals"], "what it was stays known"
    due = [each for each in told() if each["type"] == "LakeMaintenanceDue.v1"]
    assert [(each["tenantid"], each["data"]["week"]) for each in due] == [("acme", due[0]["subject"])]
    assert all(each["tables"] for each in table.query_all(OTHER, prefix="SET#"))


def test_a_tenant_that_fails_holds_up_no_other_and_is_told(
    deployed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TenantList("bill").add(OTHER)
    for tenant in (ACME, OTHER):
        put("landing", f"{tenant}/aws/1.csv")
    send = SqsLandingQueue.send

    def refuse(queue: SqsLandingQueue, landed: LandedObject) -> None:
        if landed.key.startswith("acme/"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "SendMessage")
        send(queue, landed)

    monkeypatch.setattr(SqsLandingQueue, "send", refuse)
    with pytest.raises(Unavailable, match="1 of 2 tenants"):
        sweep_landing.handler({}, Context())
    assert [body["detail"]["object"]["key"] for body in received(deployed)] == ["globex/aws/1.csv"]


def test_tenants_have_turns_and_a_run_without_time_begins_none(deployed: str) -> None:
    tenants = TenantList("bill")
    tenants.add(OTHER)
    tenants.add(OTHER)
    assert list(tenants.turns("landing")) == [ACME, OTHER]
    tenants.ended("landing", ACME)
    assert list(tenants.turns("landing")) == [OTHER, ACME]
    assert list(tenants.turns("orphans")) == [ACME, OTHER]
    put("landing", "acme/aws/1.csv")
    assert sweep_landing.handler({}, Context(millis=4_000)) == {"tenants": 0, "healed": 0, "failed": 0}


def test_what_a_run_remembers_and_its_word_are_one(deployed: str) -> None:
    rows = store()
    assert rows.landing_state(ACME) == LandingState()
    word = healed("landing", ACME, ["k"], clock=FixedClock(NOW), ids=SequenceIds())
    state = LandingState({"aws": "k"}, "aws", Position("k", "v"))
    rows.save_landing(ACME, state, {"d1": Resent(1, NOW)}, word)
    assert rows.landing_state(ACME) == LandingState({"aws": "k"}, "aws", Position("k", "v"), 1)
    assert rows.resent(ACME, "d1") == Resent(1, NOW)
    with pytest.raises(Conflict):
        rows.save_landing(ACME, state, {"d1": Resent(2, NOW)}, None)
    assert rows.resent(ACME, "d1") == Resent(1, NOW)
    later = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=1)
    rows.save_landing(ACME, rows.landing_state(ACME), {"d1": Resent(2, later)}, None)
    assert rows.resent(ACME, "d1") == Resent(2, later)
    rows.save_orphans(ACME, OrphanState("k"), None)
    assert rows.orphan_state(ACME) == OrphanState("k", 1)
    assert len(words()) == 1
