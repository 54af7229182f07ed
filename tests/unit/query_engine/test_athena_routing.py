"""When a query goes to Athena: by its bytes, where Athena is configured and takes it; and by which port."""

from dataclasses import replace

import pytest

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.plan_query import PlanQuery
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import failure
from services.query_engine.domain.facts import ColumnFacts, FileFacts, Part
from services.query_engine.domain.router import HERE
from services.query_engine.domain.routing_rules import ATHENA, DUCKDB, POLARS
from services.query_engine.domain.tables import Column
from shared.clock import FixedClock
from shared.errors import OnyxError
from shared.ids import SequenceIds
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import NOW, FakeCatalog, FakeEngine, FakeFacts, FakeQueryLog
from tests.fakes.query_engine_athena import published_tables

ADA = Principal(TenantId("acme"), "ada", frozenset({Role.VIEWER}))
EVE = Principal(TenantId("globex"), "eve", frozenset({Role.VIEWER}))
ANSWER = Answer((Column("N", "bigint"),), b'[{"N":1}]', 1)
SUM = "SELECT sum(n) FROM charges"
MEDIAN = "SELECT approx_percentile(n, 0.5) FROM charges"
BYTES = 100
"""Of the column n in each of the two files."""


def facts() -> FakeFacts:
    part = Part(10, {"n": ColumnFacts(BYTES)})
    paths = [path for tenant in ("acme", "globex") for path in published_tables(tenant)["charges"].files]
    return FakeFacts({path: FileFacts(BYTES, (part,)) for path in paths})


def use_case(here: FakeEngine, there: FakeEngine, limit: int, *, configured: bool = True) -> AnswerQuery:
    catalog = FakeCatalog({tenant: published_tables(tenant) for tenant in ("acme", "globex")})
    available = (*HERE, ATHENA) if configured else HERE
    return AnswerQuery(
        *(catalog, here, FakeQueryLog(), FixedClock(NOW), SequenceIds(), Limits(10, 1000), 25),
        plan=PlanQuery(facts(), available, limit if configured else None),
        elsewhere={ATHENA: there} if configured else {},
    )


@pytest.fixture
def here() -> FakeEngine:
    return FakeEngine(ANSWER)


@pytest.fixture
def there() -> FakeEngine:
    return FakeEngine(ANSWER)


def test_more_bytes_than_one_machine_should_read_go_there(here: FakeEngine, there: FakeEngine) -> None:
    record = use_case(here, there, 2 * BYTES - 1)(ADA, SUM).record
    assert record.decision is not None
    assert (record.decision.engine, record.decision.rule, record.decision.declined) == (
        ATHENA,
        "many_bytes",
        (),
    )
    (plan,) = there.plans
    assert here.plans == []
    # By which a start that is asked for again starts nothing twice.
    assert (plan.engine, plan.query_id) == (ATHENA, record.query_id)
    assert "FOR VERSION AS OF 101" in plan.sql
    assert plan.tables[0].table.name == "charges"


def test_as_many_as_it_may_read_stay_here(here: FakeEngine, there: FakeEngine) -> None:
    record = use_case(here, there, 2 * BYTES)(ADA, SUM).record
    assert (record.engine, len(here.plans), there.plans) == (POLARS, 1, [])
    assert here.plans[0].query_id == ""


def test_bytes_count_after_files_were_left_out(here: FakeEngine, there: FakeEngine) -> None:
    """Of the month that is asked for."""
    ask = use_case(here, there, 2 * BYTES - 1)
    months = published_tables()["charges"].files
    old = Part(10, {"n": ColumnFacts(BYTES, 1, 5, 0)})
    new = Part(10, {"n": ColumnFacts(BYTES, 6, 9, 0)})
    known = FakeFacts({months[0]: FileFacts(BYTES, (old,)), months[1]: FileFacts(BYTES, (new,))})
    ask = replace(ask, plan=replace(ask.plan, facts=known))
    assert ask(ADA, f"{SUM} WHERE n > 5").record.engine == POLARS
    assert ask(ADA, SUM).record.engine == ATHENA


def test_what_it_declines_is_answered_here_and_why_is_on_record(here: FakeEngine, there: FakeEngine) -> None:
    record = use_case(here, there, 1)(ADA, MEDIAN).record
    assert record.decision is not None
    first = record.decision.declined[0]
    assert (first.engine, first.code, first.running) == (ATHENA, "UNSUPPORTED_FUNCTION", False)
    assert "approx_percentile is not written for Athena" in first.why
    assert (record.decision.engine, there.plans) == (DUCKDB, [])


def test_not_configured_it_is_never_asked(here: FakeEngine, there: FakeEngine) -> None:
    record = use_case(here, there, 1, configured=False)(ADA, SUM).record
    assert (record.engine, len(here.plans), there.plans) == (POLARS, 1, [])


def test_what_it_cannot_hand_out_is_passed_on_once(here: FakeEngine) -> None:
    there = FakeEngine(failure("UNSUPPORTED_SQL", "A column of Athena's type row cannot be read again"))
    record = use_case(here, there, 1)(ADA, SUM).record
    assert record.decision is not None
    assert (record.decision.engine, record.decision.declined[0].running) == (POLARS, True)


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "QUERY_TOO_LARGE", "QUERY_BUSY", "NUMERIC_OVERFLOW"])
def test_what_fails_there_is_not_tried_here(here: FakeEngine, code: str) -> None:
    with pytest.raises(OnyxError) as raised:
        use_case(here, FakeEngine(failure(code, "no")), 1)(ADA, SUM)
    assert (raised.value.code, here.plans) == (code, [])


def test_without_the_bytes_a_query_waits_for_them(here: FakeEngine, there: FakeEngine) -> None:
    """They are what the choice is made by."""
    ask = use_case(here, there, 1)
    unknown = FakeFacts(failure("LAKE_UNAVAILABLE", "the footers cannot be read"))
    ask = replace(ask, plan=replace(ask.plan, facts=unknown))
    with pytest.raises(OnyxError) as raised:
        ask(ADA, SUM)
    assert (raised.value.code, here.plans, there.plans) == ("LAKE_UNAVAILABLE", [], [])


def test_each_tenants_plan_reads_its_own_database(here: FakeEngine, there: FakeEngine) -> None:
    ask = use_case(here, there, 1)
    for caller in (ADA, EVE):
        ask(caller, SUM)
    assert [str(tenant) for tenant in there.tenants] == ["acme", "globex"]
    mine, other = (plan.sql for plan in there.plans)
    assert ("onyx_dev_globex" in mine, "onyx_dev_acme" in other) == (False, False)
    assert ("onyx_dev_acme" in mine, "onyx_dev_globex" in other) == (True, True)


def test_explain_says_so(here: FakeEngine, there: FakeEngine) -> None:
    answered = use_case(here, there, 1)(ADA, f"EXPLAIN {SUM}")
    assert b"Engine: athena" in answered.answer.rows
    assert (here.plans, there.plans) == ([], [])
