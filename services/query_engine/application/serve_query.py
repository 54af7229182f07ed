"""Queries as a server takes them: each in its tenant's turn, with somebody waiting for it or nobody."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.query_engine.application.answer_query import Accepted, Answered, AnswerQuery
from services.query_engine.application.running import Running
from services.query_engine.application.turns import Turn, Turns
from services.query_engine.domain.answers import Format, QueryRecord
from shared.errors import OnyxError
from shared.observability import logger
from shared.tenancy import Principal, Role


@dataclass(frozen=True)
class Asked:
    """What a caller sent."""

    sql: str
    as_of: datetime | None = None
    format: Format = Format.JSON


@dataclass(frozen=True)
class ServeQuery:
    """`spawn` runs a function beside the caller."""

    answer: AnswerQuery
    turns: Turns
    running: Running
    spawn: Callable[[Callable[[], None]], None]

    def now(self, caller: Principal, asked: Asked, stop: threading.Event) -> Answered:
        """The answer. `stop` is for whoever learns that nobody waits for it any more.

        A query that finds the line full was not looked at, and is not on record. Raises OnyxError.
        """
        caller.require(Role.VIEWER)
        started = self.answer.clock.now()
        with self.turns.enter(caller.tenant) as turn:
            turn.wait(self.answer.timeout_seconds, stop)
            accepted = self.answer.accept(caller, asked.sql, asked.as_of, asked.format, started_at=started)
            return self._run(accepted, stop)

    def later(self, caller: Principal, asked: Asked) -> QueryRecord:
        """The record of a query that was accepted and is run beside. Raises OnyxError for one that is not."""
        caller.require(Role.VIEWER)
        turn = self.turns.enter(caller.tenant, long=True)
        try:
            accepted = self.answer.accept(caller, asked.sql, asked.as_of, asked.format, long=True)
            stop = threading.Event()
            # Before anybody can know its id: a cancellation that comes at once finds it.
            self.running.add(accepted.tenant, accepted.record.query_id, stop)
            self.spawn(lambda: self._beside(accepted, turn, stop))
        except BaseException:
            turn.leave()
            raise
        return accepted.record

    def _beside(self, accepted: Accepted, turn: Turn, stop: threading.Event) -> None:
        with turn:
            try:
                self._run(accepted, stop, lambda seconds: turn.wait(seconds, stop))
            except OnyxError as error:
                logger.info("a query that nobody waits for failed", code=error.code)
            except Exception:  # noqa: BLE001 - there is nobody above to tell
                logger.exception("a query that nobody waits for failed")

    def _run(
        self, accepted: Accepted, stop: threading.Event, wait: Callable[[float], None] | None = None
    ) -> Answered:
        tenant, query_id = accepted.tenant, accepted.record.query_id
        self.running.add(tenant, query_id, stop)
        try:
            return self.answer.run(accepted, stop, wait)
        finally:
            self.running.remove(tenant, query_id)
