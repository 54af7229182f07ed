"""Answer one query of one caller: refuse or plan it, record it, run it, record what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.query_engine.domain.answers import (
    Answer,
    Engine,
    Limits,
    QueryLog,
    QueryRecord,
    Status,
    kept_sql,
)
from services.query_engine.domain.errors import AS_OF_IN_FUTURE, refuse
from services.query_engine.domain.front_door import read_query
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.router import route
from services.query_engine.domain.tables import Catalog, Table
from shared.clock import Clock, iso
from shared.errors import OnyxError
from shared.ids import Ids
from shared.tenancy import Principal, Role


@dataclass(frozen=True)
class Answered:
    """An answer and the record of how it came about."""

    record: QueryRecord
    answer: Answer


@dataclass(frozen=True)
class AnswerQuery:
    """The use case, over its ports."""

    catalog: Catalog
    engine: Engine
    log: QueryLog
    clock: Clock
    ids: Ids
    limits: Limits
    timeout_seconds: float

    def __call__(self, caller: Principal, text: str, as_of: datetime | None = None) -> Answered:
        """The answer to `text` over what is published, or was at `as_of`.

        Raises OnyxError; whatever comes of it is in the log by then.
        """
        caller.require(Role.VIEWER)
        started = self.clock.now()
        record = QueryRecord(
            query_id=self.ids.new(),
            subject=caller.subject,
            sql=kept_sql(text),
            sql_bytes=len(text.encode(errors="replace")),
            status=Status.REFUSED,
            started_at=started,
            as_of=as_of,
        )
        try:
            if as_of is not None and as_of > started:
                raise refuse(AS_OF_IN_FUTURE, f"as_of {iso(as_of)} is later than now, {iso(started)}")
            plan = self._plan(text, self.catalog.tables(caller.tenant, as_of))
        except OnyxError as error:
            self.log.begin(caller.tenant, self._ended(record, Status.REFUSED, error.code))
            raise
        except Exception:
            self.log.begin(caller.tenant, self._ended(record, Status.FAILED, OnyxError.code))
            raise
        record = replace(
            record,
            status=Status.RUNNING,
            engine=plan.engine,
            files=plan.files,
            tables=tuple(each.table.name for each in plan.tables),
            snapshots=tuple(plan.snapshots),
        )
        self.log.begin(caller.tenant, record)
        try:
            answer = self.engine.run(caller.tenant, plan, self.limits, self._left(record))
        except OnyxError as error:
            self.log.finish(caller.tenant, self._ended(record, Status.FAILED, error.code))
            raise
        except Exception:
            self.log.finish(caller.tenant, self._ended(record, Status.FAILED, OnyxError.code))
            raise
        record = replace(self._ended(record, Status.DONE, ""), rows=answer.row_count, bytes=len(answer.rows))
        self.log.finish(caller.tenant, record)
        return Answered(record, answer)

    def _plan(self, text: str, tables: Mapping[str, Table]) -> Plan:
        return route(read_query(text, tables, self.clock.now()))

    def _left(self, record: QueryRecord) -> float:
        """Seconds left of the time that a query has from its arrival."""
        spent = (self.clock.now() - record.started_at).total_seconds()
        return max(self.timeout_seconds - spent, 0.1)

    def _ended(self, record: QueryRecord, status: Status, code: str) -> QueryRecord:
        elapsed = self.clock.now() - record.started_at
        return replace(record, status=status, code=code, elapsed_ms=elapsed // timedelta(milliseconds=1))
