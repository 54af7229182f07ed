"""A query whose engine finds out on the way that it cannot, and EXPLAIN, through the use case."""

import json
import threading
from dataclasses import replace

import pytest

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.plan_query import PlanQuery
from services.query_engine.application.read_query import ReadQuery
from services.query_engine.domain.answers import Answer, Format, Limits, Status
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.routing_rules import ATHENA, DUCKDB, POLARS
from services.query_engine.domain.tables import Column
from services.query_engine.handlers import views
from shared.clock import FixedClock
from shared.errors import BadRequest, OnyxError
from shared.ids import SequenceIds
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import NOW, FakeCatalog, FakeEngine, FakeFacts, FakeQueryLog, demo_tables

ACME = TenantId("acme")
ADA = Principal(ACME, "ada", frozenset({Role.VIEWER}))
ANSWER = Answer((Column("N", "bigint"),), b'[{"N":1}]', 1)
SQL = "select n from charges"


class Declining(FakeEngine):
    """Answers for the engines that are not among `declining`."""

    def __init__(self, code: str, *declining: str) -> None:
        super().__init__(ANSWER)
        self._code = code
        self._declining = declining

    def run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        timeout_seconds: float,
        stop: threading.Event | None = None,
    ) -> Answer:
        found = super().run(tenant, plan, limits, timeout_seconds, stop)
        if plan.engine in self._declining:
            raise failure(self._code, f"{plan.engine} does not answer this")
        return found


def use_case(engine: FakeEngine, log: FakeQueryLog) -> AnswerQuery:
    catalog = FakeCatalog({"acme": demo_tables({"charges": ("s3://lake/acme/1",)})})
    return AnswerQuery(catalog, engine, log, FixedClock(NOW), SequenceIds(), Limits(10, 1000), 25)


def test_the_next_engine_answers_and_the_record_says_why() -> None:
    engine, log = Declining("UNSUPPORTED_SQL", POLARS), FakeQueryLog()
    answered = use_case(engine, log)(ADA, SQL)
    assert [plan.engine for plan in engine.plans] == [POLARS, DUCKDB]
    record = ReadQuery(log, FixedClock(NOW))(ADA, answered.record.query_id)
    assert (record.status, record.engine) == (Status.DONE, DUCKDB)
    assert record.decision is not None
    (declined,) = record.decision.declined
    assert (declined.engine, declined.why, declined.running) == (POLARS, "polars does not answer this", True)
    assert views.audit(record).decision == views.decided(record.decision)


def test_it_is_passed_on_once() -> None:
    engine, log = Declining("UNSUPPORTED_SQL", POLARS, DUCKDB), FakeQueryLog()
    with pytest.raises(BadRequest) as refused:
        use_case(engine, log)(ADA, SQL)
    assert [plan.engine for plan in engine.plans] == [POLARS, DUCKDB]
    assert refused.value.detail == "duckdb does not answer this"
    assert log.records["acme", "id-1"].status is Status.FAILED


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "NUMERIC_OVERFLOW", "QUERY_MEMORY"])
def test_what_failed_is_not_tried_elsewhere(code: str) -> None:
    engine = Declining(code, POLARS)
    with pytest.raises(OnyxError):
        use_case(engine, FakeQueryLog())(ADA, SQL)
    assert [plan.engine for plan in engine.plans] == [POLARS]


def test_explain_asks_no_engine_and_is_on_record() -> None:
    engine, log = FakeEngine(ANSWER), FakeQueryLog()
    answered = use_case(engine, log)(ADA, f"EXPLAIN {SQL}")
    assert engine.plans == []
    body = json.loads(views.answer(answered))
    assert body["columns"] == [{"name": "Query Plan", "type": "varchar"}]
    assert body["rows"][0] == {"Query Plan": "Engine: polars"}
    assert body["explain"]["tables"][0]["columns"] == ["n"]
    assert body["row_count"] == len(body["rows"])
    record = log.records["acme", "id-1"]
    assert (record.status, record.engine, record.sql) == (Status.DONE, POLARS, f"EXPLAIN {SQL}")


def test_explain_is_no_file() -> None:
    ask = use_case(FakeEngine(ANSWER), FakeQueryLog())
    with pytest.raises(BadRequest) as refused:
        ask(ADA, f"EXPLAIN {SQL}", None, Format.CSV)
    assert refused.value.code == "UNSUPPORTED_SQL"
    with pytest.raises(BadRequest):
        ask.accept(ADA, f"EXPLAIN {SQL}", long=True)


def test_facts_that_cannot_be_read_are_done_without() -> None:
    engine, log = FakeEngine(ANSWER), FakeQueryLog()
    catalog = FakeCatalog({"acme": demo_tables({"charges": ("s3://lake/acme/1", "s3://lake/acme/2")})})
    facts = FakeFacts(failure("QUERY_BUSY", "all are at work"))
    ask = replace(use_case(engine, log), catalog=catalog, plan=PlanQuery(facts))
    assert ask(ADA, "select n from charges where n = 5").answer is ANSWER
    assert facts.asked == [(ACME, ("s3://lake/acme/1", "s3://lake/acme/2"))]
    assert engine.plans[0].files == 2


def test_an_engine_elsewhere_has_its_own_port() -> None:
    here, there = Declining("UNSUPPORTED_SQL", POLARS, DUCKDB), FakeEngine(ANSWER)
    ask = replace(use_case(here, FakeQueryLog()), elsewhere={DUCKDB: there})
    assert ask(ADA, SQL).answer is ANSWER
    assert ([plan.engine for plan in here.plans], [plan.engine for plan in there.plans]) == (
        [POLARS],
        [DUCKDB],
    )
    assert ATHENA not in PlanQuery().available
