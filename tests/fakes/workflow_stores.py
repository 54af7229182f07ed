"""The workflow service's stores in memory: they refuse what DynamoDB would, and keep the events that left."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.workflow.domain.audit_chain import Broken, Entry, chained, first_broken
from services.workflow.domain.ports import Page, Published
from services.workflow.domain.run import Approval, ApprovalStatus, Run, RunStatus, StepRecord, StepStatus
from services.workflow.domain.runtime_ports import FailPoint, no_failpoint
from shared.clock import Clock
from shared.errors import NotFound, VersionConflict
from shared.events import Event
from shared.json_text import plain
from shared.tenancy import TenantId


@dataclass
class FakeBus:
    """The outbox and the bus: events in the order in which they were written."""

    told: list[tuple[TenantId, Event]] = field(default_factory=list)

    def tell(self, tenant: TenantId, events: Sequence[Event]) -> None:
        self.told += [(tenant, each) for each in events]

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for _, event in self.told if isinstance(event, kind)]


class FakeRuns:
    """`failpoint` stands for a crash before and after each write."""

    def __init__(self, bus: FakeBus, failpoint: FailPoint = no_failpoint) -> None:
        self.rows: dict[tuple[TenantId, str], Run] = {}
        self._bus = bus
        self._failpoint = failpoint

    def get(self, tenant: TenantId, run: str) -> Run | None:
        return self.rows.get((tenant, run))

    def create(self, tenant: TenantId, run: Run, events: Sequence[Event] = ()) -> bool:
        if (tenant, run.id) in self.rows:
            return False
        self.rows[tenant, run.id] = replace(run, rowversion=1)
        self._bus.tell(tenant, events)
        return True

    def change(self, tenant: TenantId, before: Run, after: Run, events: Sequence[Event] = ()) -> Run:
        held = self.get(tenant, before.id)
        if held is None or held.rowversion != before.rowversion:
            raise VersionConflict(f"run {before.id} was changed")
        saved = replace(after, rowversion=(before.rowversion or 0) + 1)
        self.rows[tenant, before.id] = saved
        self._bus.tell(tenant, events)
        self._failpoint("run written")
        return saved

    def take_place(self, tenant: TenantId, before: Run, after: Run, places: int | None) -> Run | None:
        return self.change(tenant, before, after)

    def of_workflow(
        self,
        tenant: TenantId,
        workflow: str | None,
        *,
        status: RunStatus | None,
        limit: int,
        cursor: str | None,
    ) -> Page[Run]:
        found = [run for (owner, _), run in self.rows.items() if owner == tenant]
        return Page([run for run in found if workflow in (None, run.workflow)][:limit], None)


class FakeVersions:
    def __init__(self) -> None:
        self.rows: dict[tuple[TenantId, str, int], Published] = {}

    def get(self, tenant: TenantId, workflow: str, version: int) -> Published | None:
        return self.rows.get((tenant, workflow, version))


class FakeJournal:
    """Outputs longer than `longest` characters of JSON are kept elsewhere, as in S3."""

    def __init__(self, bus: FakeBus, failpoint: FailPoint = no_failpoint, longest: int = 16_000) -> None:
        self.rows: dict[tuple[TenantId, str, str, str], StepRecord] = {}
        self.effects: dict[tuple[TenantId, str], tuple[str, str, str]] = {}
        self.outputs: dict[str, str] = {}
        self._bus = bus
        self._failpoint = failpoint
        self._longest = longest

    def get(self, tenant: TenantId, run: str, step: str, at: str) -> StepRecord | None:
        return self.rows.get((tenant, run, at, step))

    def every(self, tenant: TenantId, run: str) -> Sequence[StepRecord]:
        return [row for key, row in sorted(self.rows.items()) if key[:2] == (tenant, run)]

    def save(self, tenant: TenantId, record: StepRecord, events: Sequence[Event] = ()) -> StepRecord:
        key = (tenant, record.run, record.at, record.step)
        held = self.rows.get(key)
        if (None if held is None else held.rowversion) != record.rowversion:
            raise VersionConflict(f"step {record.step} was changed")
        text = json.dumps(plain(record.output))
        kept = replace(record, rowversion=(record.rowversion or 0) + 1)
        if record.output is not None:
            kept = replace(kept, output=json.loads(text), output_location=None)
        if len(text) > self._longest:
            location = f"s3://artifacts/{tenant}/{record.run}/{record.at}/{record.step}"
            self.outputs[location] = text
            kept = replace(kept, output=None, output_location=location)
        if record.input is not None:
            kept = replace(kept, input=json.loads(json.dumps(plain(record.input))))
        self.rows[key] = kept
        if record.status in (StepStatus.WAITING, StepStatus.UNKNOWN):
            self.effects[tenant, record.effect_key] = (record.run, record.step, record.at)
        self._bus.tell(tenant, events)
        self._failpoint("journal written")
        return kept

    def by_effect(self, tenant: TenantId, effect_key: str) -> StepRecord | None:
        found = self.effects.get((tenant, effect_key))
        return None if found is None else self.get(tenant, *found)

    def output(self, tenant: TenantId, record: StepRecord) -> Any:
        if record.output_location is None:
            return record.output
        if not record.output_location.startswith(f"s3://artifacts/{tenant}/"):
            raise NotFound("no such output")
        return json.loads(self.outputs[record.output_location])


class FakeApprovals:
    def __init__(self, bus: FakeBus, failpoint: FailPoint = no_failpoint) -> None:
        self.rows: dict[tuple[TenantId, str], Approval] = {}
        self._bus = bus
        self._failpoint = failpoint

    def get(self, tenant: TenantId, approval: str) -> Approval | None:
        return self.rows.get((tenant, approval))

    def save(self, tenant: TenantId, approval: Approval, events: Sequence[Event] = ()) -> Approval:
        held = self.get(tenant, approval.id)
        if (None if held is None else held.rowversion) != approval.rowversion:
            raise VersionConflict(f"approval {approval.id} was changed")
        saved = replace(approval, rowversion=(approval.rowversion or 0) + 1)
        self.rows[tenant, approval.id] = saved
        self._bus.tell(tenant, events)
        self._failpoint("approval written")
        return saved

    def open(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[Approval]:
        found = [
            each
            for (owner, _), each in self.rows.items()
            if owner == tenant and each.status is ApprovalStatus.OPEN
        ]
        found.sort(key=lambda each: (each.created_at, each.id))
        start = int(cursor or 0)
        following = str(start + limit) if len(found) > start + limit else None
        return Page(found[start : start + limit], following)

    def of_run(self, tenant: TenantId, run: str) -> Sequence[Approval]:
        found = [each for (owner, _), each in self.rows.items() if owner == tenant and each.run == run]
        return sorted(found, key=lambda each: each.id)


class FakeAudit:
    """Chained as in production."""

    def __init__(self, clock: Clock) -> None:
        self.chains: dict[tuple[TenantId, str], list[Entry]] = {}
        self._clock = clock

    def append(
        self, tenant: TenantId, run: str, act: str, by: str, facts: Mapping[str, Any], *, key: str
    ) -> None:
        chain = self.chains.setdefault((tenant, run), [])
        if any(each.key == key for each in chain):
            return
        last = chain[-1] if chain else None
        chain.append(chained(last, run=run, act=act, by=by, facts=facts, key=key, at=self._clock.now()))

    def head(self, tenant: TenantId, run: str) -> str | None:
        chain = self.chains.get((tenant, run))
        return chain[-1].hash if chain else None

    def entries(self, tenant: TenantId, run: str) -> list[Entry]:
        return list(self.chains.get((tenant, run), ()))

    def verify(self, tenant: TenantId, run: str, anchor: str | None = None) -> Broken | None:
        return first_broken(self.entries(tenant, run), run, anchor)


class FakeArtifacts:
    def __init__(self) -> None:
        self.histories: dict[tuple[TenantId, str], Mapping[str, Any]] = {}
        self.outputs: dict[str, str] = {}

    def put_output(self, tenant: TenantId, run: str, at: str, step: str, text: str) -> str:
        location = f"s3://artifacts/{tenant}/runs/{run}/steps/{at}/{step}.json"
        self.outputs[location] = text
        return location

    def get_output(self, tenant: TenantId, location: str) -> str:
        if not location.startswith(f"s3://artifacts/{tenant}/") or location not in self.outputs:
            raise NotFound("no such output")
        return self.outputs[location]

    def put_history(self, tenant: TenantId, run: str, document: Mapping[str, Any]) -> str:
        self.histories[tenant, run] = json.loads(json.dumps(document))
        return f"s3://artifacts/{tenant}/runs/{run}/"
