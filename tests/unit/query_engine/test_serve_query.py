"""Queries that nobody waits for: their records, results, ends; and whose they are."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.read_query import CancelQuery, FetchResult, Found, ReadQuery
from services.query_engine.application.running import BEAT, LEASE, Running
from services.query_engine.application.serve_query import Asked, ServeQuery
from services.query_engine.application.turns import Turns
from services.query_engine.domain.answers import RESULTS_KEPT, Answer, Format, Limits, QueryRecord, Status
from services.query_engine.domain.errors import failure
from services.query_engine.domain.tables import Column
from services.query_engine.handlers import views
from shared.clock import FixedClock
from shared.errors import Forbidden, NotFound, OnyxError
from shared.ids import SequenceIds
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import NOW, FakeCatalog, FakeEngine, FakeQueryLog, demo_tables

ACME = TenantId("acme")
ADA = Principal(ACME, "ada", frozenset({Role.VIEWER}))
BOB = Principal(ACME, "bob", frozenset({Role.ANALYST}))
ROOT = Principal(ACME, "root", frozenset({Role.ADMIN}))
EVE = Principal(TenantId("globex"), "ada", frozenset({Role.ADMIN}))
ANSWER = Answer((Column("N", "bigint"),), b"", 1, 42)
SQL = "select n from charges"


class FakeResults:
    def link(self, tenant: TenantId, key: str) -> tuple[str, datetime]:
        return f"https://results/{key}", NOW + timedelta(minutes=15)

    def content(self, tenant: TenantId, key: str) -> bytes:
        return b'{"columns":[{"name":"N","type":"bigint"}],"rows":[{"N":1}]}'


class World:
    """The use cases over fakes; what is spawned waits in `beside`."""

    def __init__(self, answer: Answer | OnyxError = ANSWER) -> None:
        self.engine, self.log, self.clock = FakeEngine(answer), FakeQueryLog(), FixedClock(NOW)
        self.beside: list[Callable[[], None]] = []
        self.running = Running(self.log, self.clock)
        self.turns = Turns(slots=1, waiting=1, waiting_in_all=2)
        self.serve = ServeQuery(
            AnswerQuery(
                FakeCatalog({"acme": demo_tables(), "globex": demo_tables()}),
                self.engine,
                self.log,
                self.clock,
                SequenceIds(),
                Limits(10, 1000),
                25,
                Limits(10**6, 10**9),
                "results",
                840,
            ),
            self.turns,
            self.running,
            self.beside.append,
        )
        self.read = ReadQuery(self.log, self.clock)
        self.fetch = FetchResult(self.read, FakeResults())
        self.cancel = CancelQuery(self.read, self.running)

    def later(self, form: Format = Format.JSON, caller: Principal = ADA) -> QueryRecord:
        return self.serve.later(caller, Asked(SQL, format=form))


def test_one_that_nobody_waits_for_is_told_from_its_acceptance_to_its_result() -> None:
    world = World()
    accepted = world.later()
    assert (accepted.status, world.engine.plans) == (Status.RUNNING, [])
    assert world.fetch(ADA, accepted.query_id) == Found(accepted)
    world.beside.pop()()
    found = world.fetch(ADA, accepted.query_id)
    assert (found.record.status, found.record.rows, found.record.bytes) == (Status.DONE, 1, 42)
    assert world.engine.timeouts == [840]
    # JSON is bounded as it is in a response, which it becomes.
    target = f"s3://results/acme/queries/{accepted.query_id}/query-{accepted.query_id}.json"
    assert world.engine.limits == [Limits(10, 1000, Format.JSON, target)]
    body = json.loads(views.state(found))
    assert body["rows"] == [{"N": 1}]
    assert body["file"]["url"].startswith("https://results/acme/queries/")
    assert body["file"]["filename"] == f"query-{accepted.query_id}.json"


def test_a_file_has_an_address_and_limits_of_its_own() -> None:
    world = World()
    answered = world.serve.now(ADA, Asked(SQL, format=Format.PARQUET), threading.Event())
    (limits,) = world.engine.limits
    assert (limits.rows, limits.bytes, limits.format) == (10**6, 10**9, Format.PARQUET)
    stored = world.fetch.file(ACME, answered.record)
    assert stored is not None
    body = json.loads(views.answer(answered, stored))
    assert "rows" not in body
    assert body["file"]["content_type"] == "application/vnd.apache.parquet"
    assert body["file"]["filename"].endswith(".parquet")
    world.clock.advance(RESULTS_KEPT + timedelta(seconds=1))
    assert world.fetch(ADA, answered.record.query_id).file is None


def test_one_that_fails_beside_is_on_record_and_has_no_result() -> None:
    world = World(failure("QUERY_TIMEOUT", "too long"))
    accepted = world.later()
    world.beside.pop()()
    found = world.fetch(ADA, accepted.query_id)
    assert (found.record.status, found.record.code, found.file) == (Status.FAILED, "QUERY_TIMEOUT", None)


def test_a_refused_one_takes_no_place() -> None:
    world = World()
    for _ in range(5):
        with pytest.raises(OnyxError) as refused:
            world.serve.later(ADA, Asked("select nope from charges"))
        assert refused.value.code == "UNKNOWN_COLUMN"
    assert world.beside == []
    world.serve.now(ADA, Asked(SQL), threading.Event())


def test_a_full_line_is_told_before_anything_is_read() -> None:
    world = World()
    world.later()
    world.later()
    before = dict(world.log.records)
    for ask in (world.later, lambda: world.serve.now(ADA, Asked(SQL), threading.Event())):
        with pytest.raises(OnyxError) as busy:
            ask()
        assert busy.value.code == "QUERY_BUSY"
    assert world.log.records == before
    for each in world.beside:
        each()


def test_a_cancelled_one_is_on_record_as_that() -> None:
    world = World(failure("QUERY_CANCELLED", "The query was cancelled"))
    accepted = world.later()
    assert world.cancel(ADA, accepted.query_id).status is Status.RUNNING
    world.beside.pop()()
    record = world.read(ADA, accepted.query_id)
    assert (record.status, record.code) == (Status.CANCELLED, "QUERY_CANCELLED")
    # One that is over stays as it is.
    assert world.cancel(ADA, accepted.query_id) == record


def test_one_of_another_server_is_ended_by_its_record() -> None:
    world, stop = World(), threading.Event()
    accepted = world.later()
    world.running.remove(ACME, accepted.query_id)
    assert world.cancel(ADA, accepted.query_id).cancel_requested
    elsewhere = Running(world.log, world.clock)
    elsewhere.add(ACME, accepted.query_id, stop)
    elsewhere.beat()
    assert not stop.is_set(), "one that began a moment ago is not looked at"
    world.clock.advance(BEAT)
    elsewhere.beat()
    assert stop.is_set()


def test_a_running_one_is_believed_as_long_as_its_server_says_so() -> None:
    world = World()
    accepted = world.later()
    world.clock.advance(LEASE)
    assert world.read(ADA, accepted.query_id).status is Status.RUNNING
    world.running.beat()
    world.clock.advance(LEASE)
    assert world.read(ADA, accepted.query_id).status is Status.RUNNING
    world.clock.advance(timedelta(seconds=1))
    lost = world.read(ADA, accepted.query_id)
    assert (lost.status, lost.code) == (Status.FAILED, "WORKER_LOST")
    old = replace(accepted, lease_until=None)
    assert old.judged(NOW).status is Status.FAILED


def test_only_who_sent_it_or_an_administrator_cancels_and_no_other_tenant_knows_of_it() -> None:
    world = World()
    accepted = world.later()
    with pytest.raises(Forbidden):
        world.cancel(BOB, accepted.query_id)
    for act in (world.cancel, world.fetch, world.read):
        with pytest.raises(NotFound):
            act(EVE, accepted.query_id)
    assert world.fetch(BOB, accepted.query_id).record == accepted
    assert world.cancel(ROOT, accepted.query_id) == accepted


def test_a_result_is_for_who_asked_for_it_and_an_administrator() -> None:
    """Rows that one user may see are not for every user of the tenant; that there was a query is."""
    world = World()
    accepted = world.later()
    world.beside.pop()()
    seen = [world.fetch(each, accepted.query_id).content is not None for each in (ADA, ROOT, BOB)]
    assert seen == [True, True, False]
    hidden = world.fetch(BOB, accepted.query_id)
    assert (hidden.record.status, hidden.file) == (Status.DONE, None)


def test_a_result_that_is_gone_leaves_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: FakeResults, tenant: TenantId, key: str) -> bytes:
        raise NotFound("gone")

    monkeypatch.setattr(FakeResults, "content", gone)
    world = World()
    accepted = world.later()
    world.beside.pop()()
    assert world.fetch(ADA, accepted.query_id) == Found(world.read(ADA, accepted.query_id))
