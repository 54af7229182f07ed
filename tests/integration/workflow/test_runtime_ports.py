"""One suite for each port of the runtime: what is in DynamoDB and S3 behaves as its fake does."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.workflow.adapters.approval_store import ApprovalStore
from services.workflow.adapters.artifact_store import ArtifactStore
from services.workflow.adapters.audit_store import AuditStore
from services.workflow.adapters.journal_store import LONGEST, JournalStore
from services.workflow.adapters.outgoing import Outgoing
from services.workflow.domain.run import (
    Approval,
    ApprovalStatus,
    Decision,
    Failure,
    StepRecord,
    StepStatus,
)
from services.workflow.events import ApprovalDecided, StepNeedsAttention
from shared import aws
from shared.clock import FixedClock
from shared.errors import NotFound, VersionConflict
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable
from shared.tenancy import TenantId
from tests.fakes.tables import create_table
from tests.fakes.workflow_stores import FakeApprovals, FakeArtifacts, FakeAudit, FakeBus, FakeJournal

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


class Rooms:
    """Both kinds of each port, and the types of the events that left."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.clock = FixedClock(NOW)
        self.journal: Any
        self.approvals: Any
        self.audit: Any
        self.artifacts: Any
        if kind == "fake":
            self.bus = FakeBus()
            self.journal = FakeJournal(self.bus, longest=LONGEST)
            self.approvals = FakeApprovals(self.bus)
            self.audit = FakeAudit(self.clock)
            self.artifacts = FakeArtifacts()
            return
        self.db = boto3.client("dynamodb", region_name="us-east-1")
        for name in ("execution", "step-journal", "audit"):
            create_table(self.db, name)
        create_table(self.db, "outbox", outbox=True)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="artifacts")
        keys = PageKeys(b"a secret of this test only, long")
        outgoing = Outgoing(Outbox("outbox", self.db), self.clock, SequenceIds("event"))
        self.artifacts = ArtifactStore("artifacts")
        self.journal = JournalStore(TenantTable("step-journal", self.db), outgoing, self.artifacts)
        self.approvals = ApprovalStore(TenantTable("execution", self.db, keys), outgoing)
        self.audit = AuditStore(TenantTable("audit", self.db), self.clock)

    def told(self) -> list[str]:
        if self.kind == "fake":
            return [type(event).detail_type() for _, event in self.bus.told]
        rows = self.db.scan(TableName="outbox")["Items"]
        return [row["detail_type"]["S"] for row in sorted(rows, key=lambda row: row["sk"]["S"])]


@pytest.fixture(params=["fake", "aws"])
def rooms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    if request.param == "fake":
        yield Rooms("fake")
        return
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        aws.clear_clients()
        yield Rooms("aws")
    aws.clear_clients()


def record(**changes: Any) -> StepRecord:
    made = StepRecord("r-1", "tell", "each[2]", StepStatus.STARTED, 1, "e-1", NOW, input={"text": "7"})
    return replace(made, **changes)


def approval(id: str = "e-9", **changes: Any) -> Approval:
    made = Approval(
        id=id,
        run="r-1",
        workflow="report",
        step="ask",
        at="",
        message="shall we?",
        roles=("approver",),
        subjects=("eve",),
        count=2,
        requester="ann",
        requesters=("dan", "fay"),
        status=ApprovalStatus.OPEN,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        reminders=600,
    )
    return replace(made, **changes)


def attention() -> StepNeedsAttention:
    return StepNeedsAttention(
        tenant="acme",
        workflow="report",
        run_id="r-1",
        step="tell",
        at="each[2]",
        effect_key="e-1",
        reason="lost",
    )


# --- the journal ---


def test_a_record_is_read_as_it_was_written(rooms: Rooms) -> None:
    full = record(
        status=StepStatus.RETRYING,
        ended_at=NOW + timedelta(seconds=2),
        output={"rows": [{"cost": "0.000000000000000001"}], "n": 3},
        failure=Failure("BUSY", "try again", "tell", "each[2]", True),
        token="t-3",
        earlier_tokens=("t-2", "t-1"),
        branch=2,
        items=4,
        until="2026-11-01T09:00:00.000000Z",
        retry_at=NOW + timedelta(seconds=9),
        lost=1,
        caught=True,
        carried_from="r-0",
    )
    saved = rooms.journal.save(ACME, full)
    assert saved.rowversion == 1
    assert rooms.journal.get(ACME, "r-1", "tell", "each[2]") == replace(full, rowversion=1)
    assert rooms.journal.get(ACME, "r-1", "tell", "") is None
    assert list(rooms.journal.every(ACME, "r-1")) == [replace(full, rowversion=1)]


def test_a_record_is_written_by_whoever_read_it_last(rooms: Rooms) -> None:
    first = rooms.journal.save(ACME, record())
    with pytest.raises(VersionConflict):
        rooms.journal.save(ACME, record())
    rooms.journal.save(ACME, replace(first, attempt=2))
    for stale in (first, replace(first, status=StepStatus.SUCCEEDED, input=None)):
        with pytest.raises(VersionConflict):
            rooms.journal.save(ACME, stale)
        with pytest.raises(VersionConflict):
            rooms.journal.save(ACME, stale, [attention()])
    assert rooms.told() == []


def test_an_event_leaves_with_its_record(rooms: Rooms) -> None:
    first = rooms.journal.save(ACME, record())
    rooms.journal.save(ACME, replace(first, status=StepStatus.UNKNOWN), [attention()])
    assert rooms.told() == ["StepNeedsAttention.v1"]


def test_an_effect_is_of_the_run_that_began_it_last(rooms: Rooms) -> None:
    assert rooms.journal.by_effect(ACME, "e-1") is None
    asked = record(status=StepStatus.WAITING)
    rooms.journal.save(ACME, asked)
    assert rooms.journal.by_effect(ACME, "e-1").run == "r-1"
    rooms.journal.save(ACME, replace(asked, run="r-2"))
    assert rooms.journal.by_effect(ACME, "e-1").run == "r-2"


def test_a_record_stays_as_long_as_if_it_were_new(rooms: Rooms) -> None:
    """A retried run takes over what was done long ago."""
    if rooms.kind == "fake":
        pytest.skip("nothing of a fake ends")
    old = record(status=StepStatus.WAITING, started_at=NOW - timedelta(days=399))
    rooms.journal.save(ACME, old)
    rows = rooms.db.scan(TableName="step-journal")["Items"]
    ends = {int(row["ttl"]["N"]) for row in rows}
    assert len(rows) == 2
    assert ends == {int((NOW + timedelta(days=400)).timestamp())}


def test_a_large_output_is_kept_elsewhere(rooms: Rooms) -> None:
    output = {"text": "x" * (LONGEST + 1)}
    saved = rooms.journal.save(ACME, record(status=StepStatus.SUCCEEDED, output=output))
    found = rooms.journal.get(ACME, "r-1", "tell", "each[2]")
    assert (found.output, found.output_location) == (None, saved.output_location)
    assert rooms.journal.output(ACME, found) == output
    with pytest.raises(NotFound):
        rooms.journal.output(GLOBEX, found)
    again = rooms.journal.save(ACME, replace(found, caught=True))
    assert rooms.journal.output(ACME, again) == output


def test_another_tenant_finds_nothing_in_the_journal(rooms: Rooms) -> None:
    rooms.journal.save(ACME, record(status=StepStatus.WAITING))
    assert rooms.journal.get(GLOBEX, "r-1", "tell", "each[2]") is None
    assert rooms.journal.by_effect(GLOBEX, "e-1") is None
    assert list(rooms.journal.every(GLOBEX, "r-1")) == []


# --- approvals ---


def test_an_approval_is_read_as_it_was_written(rooms: Rooms) -> None:
    opened = rooms.approvals.save(ACME, approval())
    assert rooms.approvals.get(ACME, "e-9") == opened == approval(rowversion=1)
    decided = replace(opened, decisions=(Decision("bob", True, NOW, "fine"),), reminded_at=NOW)
    assert rooms.approvals.save(ACME, decided) == replace(decided, rowversion=2)
    assert rooms.approvals.get(ACME, "e-9") == replace(decided, rowversion=2)


def test_an_approval_is_opened_once_and_closed_with_its_event(rooms: Rooms) -> None:
    opened = rooms.approvals.save(ACME, approval())
    with pytest.raises(VersionConflict):
        rooms.approvals.save(ACME, approval())
    event = ApprovalDecided(
        tenant="acme",
        workflow="report",
        run_id="r-1",
        approval_id="e-9",
        step="ask",
        status="approved",
        by=["bob"],
        decided_at=NOW,
    )
    rooms.approvals.save(ACME, replace(opened, status=ApprovalStatus.APPROVED), [event])
    with pytest.raises(VersionConflict):
        rooms.approvals.save(ACME, replace(opened, status=ApprovalStatus.EXPIRED), [event])
    assert rooms.told() == ["ApprovalDecided.v1"]


def test_open_approvals_are_listed_oldest_first_and_paged(rooms: Rooms) -> None:
    for number in (3, 1, 2):
        made = approval(f"e-{number}", created_at=NOW + timedelta(minutes=number), run=f"r-{number}")
        rooms.approvals.save(ACME, made)
    rooms.approvals.save(GLOBEX, approval("e-8", run="r-8"))
    closed = rooms.approvals.get(ACME, "e-2")
    rooms.approvals.save(ACME, replace(closed, status=ApprovalStatus.REJECTED))
    first = rooms.approvals.open(ACME, limit=1, cursor=None)
    rest = rooms.approvals.open(ACME, limit=1, cursor=first.cursor)
    assert [each.id for each in (*first.rows, *rest.rows)] == ["e-1", "e-3"]
    assert rest.cursor is None
    assert [each.id for each in rooms.approvals.of_run(ACME, "r-2")] == ["e-2"]
    assert rooms.approvals.get(GLOBEX, "e-1") is None
    assert list(rooms.approvals.of_run(GLOBEX, "r-1")) == []


# --- the audit ---


def test_entries_are_chained_and_made_once(rooms: Rooms) -> None:
    for act in ("run.started", "step.succeeded", "step.succeeded"):
        rooms.audit.append(ACME, "r-1", act, "ann", {"step": "tell", "n": 1}, key=act)
        rooms.clock.advance(timedelta(seconds=1))
    entries = rooms.audit.entries(ACME, "r-1")
    assert [(each.seq, each.act) for each in entries] == [(1, "run.started"), (2, "step.succeeded")]
    assert entries[1].prev == entries[0].hash
    assert rooms.audit.head(ACME, "r-1") == entries[1].hash
    assert rooms.audit.verify(ACME, "r-1") is None
    assert rooms.audit.verify(ACME, "r-1", entries[0].hash) is None
    assert rooms.audit.verify(ACME, "r-1", "0" * 64).seq == 3
    assert rooms.audit.head(GLOBEX, "r-1") is None
    assert rooms.audit.entries(GLOBEX, "r-1") == []


# --- artifacts ---


def test_outputs_and_histories_are_of_one_tenant(rooms: Rooms) -> None:
    location = rooms.artifacts.put_output(ACME, "r-1", "each[2]", "tell", '{"a":1}')
    assert location.startswith("s3://artifacts/acme/runs/r-1/steps/")
    assert json.loads(rooms.artifacts.get_output(ACME, location)) == {"a": 1}
    for tenant, address in (
        (GLOBEX, location),
        (ACME, location + "x"),
        (ACME, location.replace("/acme/", "/acme-2/")),
        (ACME, "s3://other/acme/runs/r-1/steps/x.json"),
    ):
        with pytest.raises(NotFound):
            rooms.artifacts.get_output(tenant, address)
    folder = rooms.artifacts.put_history(ACME, "r-1", {"run": {"id": "r-1"}})
    assert folder == "s3://artifacts/acme/runs/r-1/"


# --- what only DynamoDB can have ---


@pytest.mark.parametrize("rooms", ["aws"], indirect=True)
@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ({"by": {"S": "mallory"}}, 2),
        ({"facts": {"S": '{"step":"other"}'}}, 2),
        ({"at": {"S": "2026-11-01T00:00:00.000000Z"}}, 2),
        ({"run": {"S": "r-9"}}, 2),
        ({"seq": {"N": "7"}}, 2),
        ({"prev": {"S": "0" * 64}}, 2),
        (None, 2),
    ],
)
def test_a_tampered_chain_names_its_first_broken_entry(rooms: Rooms, change: Any, seq: int) -> None:
    for act in ("one", "two", "three"):
        rooms.audit.append(ACME, "r-1", act, "ann", {"step": "tell"}, key=act)
    key = {"pk": {"S": "TENANT#acme#AUDIT#r-1"}, "sk": {"S": "ENTRY#00000002"}}
    row = rooms.db.get_item(TableName="audit", Key=key)["Item"]
    if change is None:
        rooms.db.delete_item(TableName="audit", Key=key)
    else:
        rooms.db.put_item(TableName="audit", Item={**row, **change})
    assert rooms.audit.verify(ACME, "r-1").seq == seq


@pytest.mark.parametrize("rooms", ["aws"], indirect=True)
def test_a_chain_whose_end_was_cut_off_is_broken(rooms: Rooms) -> None:
    for act in ("one", "two"):
        rooms.audit.append(ACME, "r-1", act, "ann", {}, key=act)
    anchor = rooms.audit.head(ACME, "r-1")
    rooms.db.delete_item(
        TableName="audit", Key={"pk": {"S": "TENANT#acme#AUDIT#r-1"}, "sk": {"S": "ENTRY#00000002"}}
    )
    assert rooms.audit.verify(ACME, "r-1").seq == 2
    assert rooms.audit.verify(ACME, "r-1", anchor).seq == 2


@pytest.mark.parametrize("rooms", ["aws"], indirect=True)
def test_an_open_approval_is_in_the_index_until_it_is_closed(rooms: Rooms) -> None:
    key = {"pk": {"S": "TENANT#acme"}, "sk": {"S": "APPROVAL#e-9"}}
    opened = rooms.approvals.save(ACME, approval())
    assert "open" in rooms.db.get_item(TableName="execution", Key=key)["Item"]
    rooms.approvals.save(ACME, replace(opened, status=ApprovalStatus.EXPIRED))
    row = rooms.db.get_item(TableName="execution", Key=key)["Item"]
    assert "open" not in row
    assert int(row["ttl"]["N"]) > NOW.timestamp()
