"""FOR TIMESTAMP AS OF over the use case: which catalog is asked, whose tables, and what is kept on record."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.application.plan_query import PlanQuery
from services.query_engine.domain.answers import Answer, Limits, Status
from services.query_engine.domain.errors import AS_OF_NOT_KEPT, UNKNOWN_TABLE, not_kept
from services.query_engine.domain.tables import Column, Table
from services.query_engine.handlers import views
from shared.clock import FixedClock
from shared.errors import BadRequest
from shared.ids import SequenceIds
from shared.tenancy import Principal, Role, TenantId
from tests.fakes.query_engine import NOW, FakeEngine, FakeQueryLog, demo_tables

ACME, GLOBEX = TenantId("acme-corp"), TenantId("globex")
ADA = Principal(ACME, "ada", frozenset({Role.VIEWER}))
EVE = Principal(GLOBEX, "eve", frozenset({Role.ADMIN}))
ANSWER = Answer((Column("N", "bigint"),), b'[{"N":1}]', 1)
NOVEMBER, TENTH = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)


class Moments:
    """Published sets: number 7 now, 5 at the start of November, none kept of before."""

    def __init__(self) -> None:
        self.asked: list[tuple[TenantId, datetime | None]] = []

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        self.asked.append((tenant, as_of))
        if as_of is not None and as_of < NOVEMBER:
            raise not_kept(as_of, "acme-2026-10", [NOVEMBER])
        [snapshot] = (7,) if as_of is None else (5,) if as_of < TENTH else (6,)
        now = demo_tables({"charges": (f"s3://lake/{tenant}/{snapshot}.parquet",)})
        return {name: replace(table, snapshots=(snapshot,)) for name, table in now.items()}


def use_case(catalog: Moments, engine: FakeEngine, log: FakeQueryLog) -> AnswerQuery:
    plan = PlanQuery(database_prefix="onyx_dev_")
    return AnswerQuery(catalog, engine, log, FixedClock(NOW), SequenceIds(), Limits(10, 1000), 25, plan=plan)


def test_each_table_is_bound_as_it_was_at_its_moment() -> None:
    catalog, engine, log = Moments(), FakeEngine(ANSWER), FakeQueryLog()
    answered = use_case(catalog, engine, log)(
        ADA,
        "SELECT count(*) FROM charges a, charges FOR TIMESTAMP AS OF DATE '2026-11-01' b,"
        " small FOR TIMESTAMP AS OF DATE '2026-11-01' c WHERE a.n = b.n AND b.n = c.n",
    )
    assert catalog.asked == [(ACME, None), (ACME, NOVEMBER)]
    assert answered.record.snapshots == (5, 7)
    assert sorted(answered.record.tables) == [
        "charges",
        "charges@2026-11-01T00:00:00.000000Z",
        "small@2026-11-01T00:00:00.000000Z",
    ]
    files = {path for each in engine.plans[0].tables for path in each.table.files}
    assert files == {"s3://lake/acme-corp/5.parquet", "s3://lake/acme-corp/7.parquet"}


def test_the_tables_own_moment_comes_before_the_requests() -> None:
    catalog, engine, log = Moments(), FakeEngine(ANSWER), FakeQueryLog()
    ask = use_case(catalog, engine, log)
    record = ask(ADA, "SELECT n FROM charges FOR TIMESTAMP AS OF DATE '2026-11-01'", TENTH).record
    assert (record.snapshots, record.as_of) == ((5,), TENTH)
    assert ask(ADA, "SELECT n FROM charges", TENTH).record.snapshots == (6,)


def test_a_moment_that_is_not_kept_names_one_that_is() -> None:
    log = FakeQueryLog()
    with pytest.raises(BadRequest, match="2026-11-01") as caught:
        use_case(Moments(), FakeEngine(ANSWER), log)(
            ADA, "SELECT n FROM charges FOR TIMESTAMP AS OF DATE '2026-10-01'"
        )
    assert caught.value.code == AS_OF_NOT_KEPT
    assert log.records[ACME, "id-1"].status is Status.REFUSED


def test_a_database_is_its_own_tenants_only() -> None:
    catalog, engine, log = Moments(), FakeEngine(ANSWER), FakeQueryLog()
    ask = use_case(catalog, engine, log)
    own = "SELECT n FROM awsdatacatalog.onyx_dev_acme_corp.charges"
    assert ask(ADA, own).record.status is Status.DONE
    refusals = []
    # Another tenant's, and one that nobody has: nobody can tell them apart.
    for who, sql in ((EVE, own), (EVE, own.replace("acme_corp", "nobody"))):
        with pytest.raises(BadRequest) as caught:
            ask(who, sql)
        refusals.append((caught.value.code, caught.value.detail.replace("nobody", "acme_corp")))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] == UNKNOWN_TABLE
    assert {tenant for tenant, _ in catalog.asked} == {ACME, GLOBEX}
    assert len(engine.plans) == 1


def test_notes_reach_the_answer() -> None:
    class WithCur(Moments):
        def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
            columns = (Column("line_item_unblended_cost", "decimal(38,18)"),)
            return {"cur": Table("cur", columns)}

    ask = use_case(WithCur(), FakeEngine(ANSWER), FakeQueryLog())
    answered = ask(ADA, "SELECT sum(line_item_unblended_cost), max(product_vcpu) FROM cur")
    assert json.loads(views.answer(answered))["notes"] == [
        "no bill of yours has the column product_vcpu: it reads as null"
    ]
