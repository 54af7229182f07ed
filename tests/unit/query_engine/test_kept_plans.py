"""A plan that is kept is the plan that would be made anew: whatever was published, set or asked since."""

import random
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.kept_plans import KeptPlans
from services.query_engine.application.plan_query import Planned, PlanQuery
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import LAKE_UNAVAILABLE, UNSUPPORTED_SQL, failure
from services.query_engine.domain.facts import FileFacts
from services.query_engine.domain.functions import FUNCTIONS
from services.query_engine.domain.named import NAMED
from services.query_engine.domain.policies import Binding, row_policy
from services.query_engine.domain.routing_rules import ATHENA, DUCKDB, POLARS
from services.query_engine.domain.tables import Column, Table
from shared.clock import FixedClock
from shared.errors import BadRequest
from shared.ids import SequenceIds
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import NOW, FakeEngine, FakeFacts, FakeQueryLog, demo_tables
from tests.unit.query_engine.corpus_bills import corpus_tables
from tests.unit.query_engine.test_corpus import QUERIES, name_of

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
SQL = "SELECT ServiceName, sum(BilledCost) FROM charges GROUP BY 1"
LATER = NOW + timedelta(days=40, hours=7)
BOUND = Binding(row_policy(tags={"env": ["prod"]}))
OTHERWISE = Binding(row_policy(tags={"env": ["dev"]}))


def published(*paths: str) -> dict[str, Table]:
    return demo_tables({"charges": paths or ("s3://lake/acme/1",), "small": ("s3://lake/acme/s",)})


def kept(
    plan: PlanQuery,
    text: str,
    tables: Mapping[str, Table],
    binding: Binding | None = None,
    tenant: TenantId = ACME,
    now: datetime = NOW,
) -> Planned:
    return plan(tenant, text, tables, now, None, binding, keep=True)


def fresh(
    text: str,
    tables: Mapping[str, Table],
    binding: Binding | None = None,
    tenant: TenantId = ACME,
    now: datetime = NOW,
) -> Planned:
    return PlanQuery()(tenant, text, tables, now, None, binding)


def test_the_same_question_is_planned_once() -> None:
    plan, tables = PlanQuery(), published()
    first = kept(plan, SQL, tables)
    # The catalog hands out another dict each time, of the same tables.
    assert kept(plan, SQL, dict(tables), now=LATER) is first
    assert kept(plan, SQL + " ", tables) is not first


def test_a_new_published_set_is_planned_anew() -> None:
    plan, now_there = PlanQuery(), published("s3://lake/acme/2")
    before = kept(plan, SQL, published())
    after = kept(plan, SQL, now_there)
    assert [each.table.files for each in before.plan.tables] == [("s3://lake/acme/1",)]
    assert [each.table.files for each in after.plan.tables] == [("s3://lake/acme/2",)]
    # A table more is another catalog too: a name that was unknown may be known now.
    more = {**now_there, "cur": replace(now_there["small"], name="cur")}
    assert kept(plan, SQL, more) is not after


def test_what_was_published_before_is_not_held() -> None:
    plan, tables = PlanQuery(), published()
    for number in range(5):
        kept(plan, f"{SQL} LIMIT {number}", tables)
    kept(plan, SQL, tables, tenant=GLOBEX)
    kept(plan, SQL, published())
    assert len(plan.kept) == 2


def test_a_callers_policy_is_in_the_plan() -> None:
    plan, tables = PlanQuery(), published()
    free, bound, other = (kept(plan, SQL, tables, each) for each in (None, BOUND, OTHERWISE))
    assert len({free.plan.sql, bound.plan.sql, other.plan.sql}) == 3
    assert "prod" in bound.plan.sql
    assert "dev" in other.plan.sql
    # By its content: who comes to be bound alike is answered by the same plan.
    assert kept(plan, SQL, tables, Binding(row_policy(tags={"env": ["prod"]}))) is bound
    assert kept(plan, SQL, tables, replace(BOUND, cost_center_tag="team")) is not bound


def test_another_tenant_has_plans_of_its_own() -> None:
    plan, tables = PlanQuery(), published()
    assert kept(plan, SQL, tables) is not kept(plan, SQL, tables, tenant=GLOBEX)
    mine = SQL.replace("FROM ", "FROM acme.")
    kept(plan, mine, tables)
    with pytest.raises(BadRequest, match=r"acme\.charges"):
        kept(plan, mine, tables, tenant=GLOBEX)


@pytest.mark.parametrize(
    "clock", ["now()", "current_timestamp", "current_date", "localtimestamp", "date_trunc('day', now())"]
)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT {} x FROM charges",
        "SELECT n FROM charges WHERE chargeperiodstart < {}",
        "WITH a AS (SELECT n FROM small WHERE n > (SELECT count({}) FROM small)) SELECT n FROM a",
        "SELECT n FROM small ORDER BY chargeperiodstart < {}",
    ],
)
def test_what_reads_the_clock_is_planned_each_time(clock: str, text: str) -> None:
    plan, tables = PlanQuery(), published()
    asked = text.format(clock)
    kept(plan, asked, tables)
    assert kept(plan, asked, tables, now=LATER).plan == fresh(asked, tables, now=LATER).plan
    assert len(plan.kept) == 0


@pytest.fixture(scope="session")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    return corpus_tables(tmp_path_factory.mktemp("kept"))


def test_no_query_of_the_corpus_is_answered_by_a_plan_of_another_moment(bills: dict[str, Table]) -> None:
    plan = PlanQuery()
    for path in QUERIES:
        text = path.read_text()
        kept(plan, text, bills)
        found, anew = kept(plan, text, bills, now=LATER), fresh(text, bills, now=LATER)
        assert found.routed == anew.routed, name_of(path)
        assert found.notes == anew.notes


def test_every_function_of_the_clock_is_known_as_one() -> None:
    """By what it does: called without arguments, its plan differs from moment to moment."""
    tables, named = published(), {*NAMED, *(name for each in FUNCTIONS.values() for name in each.names)}
    clocks = set()
    for name in named:
        for call in (name, f"{name}()"):
            try:
                at = [fresh(f"SELECT {call} x FROM charges", tables, now=each) for each in (NOW, LATER)]
            except BadRequest:
                continue
            if at[0].plan.sql != at[1].plan.sql:
                clocks.add(name)
                plan = PlanQuery()
                kept(plan, f"SELECT {call} x FROM charges", tables)
                assert len(plan.kept) == 0, call
    assert clocks == {"now", "current_timestamp", "current_date", "localtimestamp"}


class Moments:
    """A catalog whose sets are published one after another, of two tenants."""

    def __init__(self) -> None:
        self.now = {ACME: published("s3://lake/acme/1"), GLOBEX: published("s3://lake/globex/1")}
        self.asked: list[datetime | None] = []

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        self.asked.append(as_of)
        return dict(self.now[tenant]) if as_of is None else published(f"s3://lake/{tenant}/at")


def test_moments_of_the_past_are_looked_up_each_time() -> None:
    catalog, engine = Moments(), FakeEngine(Answer((Column("x", "bigint"),), b"[]", 0))
    plan = PlanQuery()
    ask = AnswerQuery(
        catalog, engine, FakeQueryLog(), FixedClock(NOW), SequenceIds(), Limits(10, 1000), 25, plan=plan
    )
    ada = Principal(ACME, "ada", frozenset({Role.VIEWER}))
    moment = NOW - timedelta(days=3)
    ask(ada, SQL)
    ask(ada, SQL, moment)
    ask(ada, SQL)
    assert [each.tables[0].table.files for each in engine.plans] == [
        ("s3://lake/acme/1",),
        ("s3://lake/acme/at",),
        ("s3://lake/acme/1",),
    ]
    # The moment did not drive out what is there now.
    assert engine.plans[2] is engine.plans[0]
    assert len(plan.kept) == 1
    catalog.asked.clear()
    at = SQL.replace("charges", "charges FOR TIMESTAMP AS OF TIMESTAMP '2026-11-17 00:00:00'")
    for _ in range(2):
        ask(ada, at)
    assert sum(each is not None for each in catalog.asked) == 2
    assert len(plan.kept) == 1


def test_explain_tells_how_it_is_now() -> None:
    plan, tables = PlanQuery(), published()
    kept(plan, f"EXPLAIN {SQL}", tables)
    assert len(plan.kept) == 0


def test_a_plan_without_facts_is_made_anew_when_there_may_be_some() -> None:
    tables = published("s3://lake/acme/1", "s3://lake/acme/2")
    text = "SELECT n FROM charges WHERE n > 3"
    plan = PlanQuery(FakeFacts(failure(LAKE_UNAVAILABLE, "not now")))
    kept(plan, text, tables)
    assert len(plan.kept) == 0
    known = FakeFacts({path: FileFacts(1, ()) for path in tables["charges"].files})
    plan = PlanQuery(known)
    kept(plan, text, tables)
    kept(plan, text, tables)
    assert len(known.asked) == 1


def test_other_settings_have_other_plans() -> None:
    tables = published()
    facts = FakeFacts({path: FileFacts(1, ()) for table in tables.values() for path in table.files})
    here, athena = PlanQuery(), PlanQuery(facts, (POLARS, DUCKDB, ATHENA), 0)
    assert kept(here, SQL, tables).features.bytes_limit is None
    assert kept(athena, SQL, tables).features.bytes_limit == 0


def test_a_kept_plan_is_passed_on_like_a_fresh_one() -> None:
    plan, tables = PlanQuery(), published()
    declined = failure(UNSUPPORTED_SQL, "the engine does not answer this")
    expected = fresh(SQL, tables).passed_on(declined)
    assert expected is not None
    assert expected.plan.engine == DUCKDB
    for _ in range(3):
        assert kept(plan, SQL, tables).passed_on(declined) == expected
    assert kept(plan, SQL, tables).plan == fresh(SQL, tables).plan


def test_as_many_are_kept_as_there_is_room_for() -> None:
    tables, plan = published(), PlanQuery(kept=KeptPlans(4000))
    texts = [f"SELECT n FROM charges LIMIT {number}" for number in range(100)]
    first = kept(plan, texts[0], tables)
    for text in texts:
        kept(plan, text, tables)
        assert kept(plan, texts[0], tables) is first  # asked again and again, it stays
    assert 10 < len(plan.kept) < 40
    before = len(plan.kept)
    kept(plan, "SELECT n FROM charges WHERE n IN (" + ", ".join(map(str, range(500))) + ")", tables)
    assert len(plan.kept) == before


def test_whatever_happens_the_plan_is_the_one_that_a_fresh_look_makes() -> None:
    """Two tenants, several texts, sets published, policies changed, time going by, from several threads."""
    selects = ("n", "now() x", "count(*)", "max(n)", "current_date d")
    texts = [SQL, *(f"SELECT {each} FROM charges WHERE n > 2" for each in selects)]
    catalog, plan = Moments(), PlanQuery(kept=KeptPlans(2000))
    lock = threading.Lock()

    def asking(seed: int) -> int:
        pick = random.Random(seed)
        for number in range(60):
            tenant, text = pick.choice((ACME, GLOBEX)), pick.choice(texts)
            binding, now = pick.choice((None, BOUND, OTHERWISE)), pick.choice((NOW, LATER))
            if pick.random() < 0.15:
                with lock:
                    catalog.now[tenant] = published(f"s3://lake/{tenant}/{seed}-{number}")
            tables = catalog.tables(tenant)
            found = kept(plan, text, tables, binding, tenant, now)
            assert found.routed == fresh(text, tables, binding, tenant, now).routed
        return seed

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(asking, range(3))) == [0, 1, 2]
