"""Answer one query of one caller: refuse or plan it, record it, run it, record what came of it."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from services.query_engine.application.plan_query import Planned, PlanQuery
from services.query_engine.application.running import LEASE
from services.query_engine.domain.answers import (
    Answer,
    Engine,
    Format,
    Limits,
    QueryLog,
    QueryRecord,
    Status,
    kept_sql,
    result_key,
)
from services.query_engine.domain.errors import (
    AS_OF_IN_FUTURE,
    QUERY_CANCELLED,
    UNSUPPORTED_SQL,
    refuse,
)
from services.query_engine.domain.explain import Explanation, lines
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.policies import NoPolicies, ReadPolicies
from services.query_engine.domain.routing_rules import Decision
from services.query_engine.domain.tables import Catalog, Column
from shared.clock import Clock, iso
from shared.errors import OnyxError
from shared.ids import Ids
from shared.json_text import dumps
from shared.tenancy import Principal, Role, TenantId


@dataclass(frozen=True)
class Answered:
    """An answer and the record of how it came about; `notes` are for whoever asked. Of EXPLAIN the answer is
    a text, and `explanation` the same for programs."""

    record: QueryRecord
    answer: Answer
    notes: tuple[str, ...] = ()
    explanation: Explanation | None = None


@dataclass(frozen=True)
class Accepted:
    """A query that is planned and on record as running, and how long it may take from its arrival."""

    tenant: TenantId
    record: QueryRecord
    planned: Planned
    limits: Limits
    timeout_seconds: float


@dataclass(frozen=True)
class AnswerQuery:
    """The use case, over its ports. `file_limits` and the bucket are of answers that are put to files;
    `long_timeout_seconds` is of queries that nobody waits for. `engine` runs what is planned for this
    machine, `elsewhere` (by name) what is planned for another engine. `policies` say which rows a caller may
    see."""

    catalog: Catalog
    engine: Engine
    log: QueryLog
    clock: Clock
    ids: Ids
    limits: Limits
    timeout_seconds: float
    file_limits: Limits = field(default=Limits(0, 0))
    results_bucket: str = ""
    long_timeout_seconds: float = 0
    plan: PlanQuery = field(default_factory=PlanQuery)
    elsewhere: Mapping[str, Engine] = field(default_factory=dict)
    policies: ReadPolicies = field(default_factory=NoPolicies)

    def __call__(
        self,
        caller: Principal,
        text: str,
        as_of: datetime | None = None,
        form: Format = Format.JSON,
        stop: threading.Event | None = None,
    ) -> Answered:
        """The answer to `text` over what is published, or was at `as_of`.

        Raises OnyxError; whatever comes of it is in the log by then.
        """
        return self.run(self.accept(caller, text, as_of, form), stop)

    def accept(
        self,
        caller: Principal,
        text: str,
        as_of: datetime | None = None,
        form: Format = Format.JSON,
        *,
        long: bool = False,
        started_at: datetime | None = None,
    ) -> Accepted:
        """Plan the query and record that it runs. Raises OnyxError for one that is refused; that is on
        record then. A `long` one has more time, and its answer is put to a file whatever its form."""
        caller.require(Role.VIEWER)
        started = started_at or self.clock.now()
        record = QueryRecord(
            query_id=self.ids.new(),
            subject=caller.subject,
            sql=kept_sql(text),
            sql_bytes=len(text.encode(errors="replace")),
            status=Status.REFUSED,
            started_at=started,
            as_of=as_of,
            format=form,
        )
        try:
            if as_of is not None and as_of > started:
                raise refuse(AS_OF_IN_FUTURE, f"as_of {iso(as_of)} is later than now, {iso(started)}")
            binding = self.policies.binding(caller.tenant, caller.subject)
            tables = self.catalog.tables(caller.tenant, as_of)
            earlier = partial(self.catalog.tables, caller.tenant)
            planned = self.plan(
                caller.tenant, text, tables, self.clock.now(), earlier, binding, keep=as_of is None
            )
            if planned.explanation is not None and (long or form is not Format.JSON):
                raise refuse(UNSUPPORTED_SQL, "EXPLAIN is answered at once and as JSON")
        except OnyxError as error:
            self.log.begin(caller.tenant, self._ended(record, Status.REFUSED, error.code))
            raise
        except Exception:
            self.log.begin(caller.tenant, self._ended(record, Status.FAILED, OnyxError.code))
            raise
        limits = self._limits(caller.tenant, record, long)
        record = replace(
            record,
            status=Status.RUNNING,
            engine=planned.plan.engine,
            decision=planned.routed.decision,
            files=planned.plan.files,
            tables=tuple(each.table.name for each in planned.plan.tables),
            snapshots=tuple(planned.plan.snapshots),
            stored=limits.target is not None,
            lease_until=self.clock.now() + LEASE,
        )
        self.log.begin(caller.tenant, record)
        timeout = self.long_timeout_seconds if long else self.timeout_seconds
        return Accepted(caller.tenant, record, planned, limits, timeout)

    def run(
        self,
        accepted: Accepted,
        stop: threading.Event | None = None,
        wait: Callable[[float], None] | None = None,
    ) -> Answered:
        """The answer, which is on record then; so is what it failed of. `wait(seconds)` is for its turn."""
        tenant, record = accepted.tenant, accepted.record
        try:
            if wait is not None:
                wait(self._left(accepted))
            answer, decision = self._answer(accepted, stop)
        except OnyxError as error:
            status = Status.CANCELLED if error.code == QUERY_CANCELLED else Status.FAILED
            self.log.finish(tenant, self._ended(record, status, error.code))
            raise
        except Exception:
            self.log.finish(tenant, self._ended(record, Status.FAILED, OnyxError.code))
            raise
        record = replace(
            self._ended(record, Status.DONE, ""),
            engine=answer.engine or decision.engine,
            decision=decision,
            rows=answer.row_count,
            bytes=answer.size,
        )
        self.log.finish(tenant, record)
        return Answered(record, answer, accepted.planned.notes, accepted.planned.explanation)

    def _answer(self, accepted: Accepted, stop: threading.Event | None) -> tuple[Answer, Decision]:
        """From the engine it was planned for; from the next one, once, where that finds that it cannot."""
        planned = accepted.planned
        if planned.explanation is not None:
            return _explained(planned.explanation), planned.routed.decision
        routed = planned.routed
        try:
            return self._run(accepted, routed.plan, stop), routed.decision
        except OnyxError as error:
            other = planned.passed_on(error)
            if other is None:
                raise
        return self._run(accepted, other.plan, stop), other.decision

    def _run(self, accepted: Accepted, plan: Plan, stop: threading.Event | None) -> Answer:
        engine = self.elsewhere.get(plan.engine, self.engine)
        if plan.engine in self.elsewhere:
            plan = replace(plan, query_id=accepted.record.query_id)
        return engine.run(accepted.tenant, plan, accepted.limits, self._left(accepted), stop)

    def _limits(self, tenant: TenantId, record: QueryRecord, long: bool) -> Limits:
        """Of JSON they are the same in a response and in a file, from which it becomes a response."""
        limits = self.limits if record.format is Format.JSON else self.file_limits
        if record.format is Format.JSON and not long:
            return limits
        target = f"s3://{self.results_bucket}/{result_key(tenant, record.query_id, record.format)}"
        return replace(limits, format=record.format, target=target)

    def _left(self, accepted: Accepted) -> float:
        """Seconds left of the time that a query has from its arrival."""
        spent = (self.clock.now() - accepted.record.started_at).total_seconds()
        return max(accepted.timeout_seconds - spent, 0.1)

    def _ended(self, record: QueryRecord, status: Status, code: str) -> QueryRecord:
        elapsed = self.clock.now() - record.started_at
        return replace(
            record,
            status=status,
            code=code,
            elapsed_ms=elapsed // timedelta(milliseconds=1),
            stored=record.stored and status is Status.DONE,
            lease_until=None,
        )


_PLAN = "Query Plan"
"""The one column of EXPLAIN, as Athena calls it."""


def _explained(explanation: Explanation) -> Answer:
    rows = [{_PLAN: line} for line in lines(explanation)]
    return Answer((Column(_PLAN, "varchar"),), dumps(rows).encode(), len(rows))
