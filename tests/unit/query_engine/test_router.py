"""Which engine is asked, who declines, and what no engine should be asked."""

from dataclasses import replace

import pytest

from services.query_engine.application.plan_query import PlanQuery
from services.query_engine.domain.columns import columns_read
from services.query_engine.domain.errors import failure
from services.query_engine.domain.explain import lines, split_explain
from services.query_engine.domain.facts import ColumnFacts, FileFacts, Part
from services.query_engine.domain.front_door import read_query
from services.query_engine.domain.joins import Product, Shape, shape_of
from services.query_engine.domain.query import Query
from services.query_engine.domain.router import pass_on, route
from services.query_engine.domain.routing_rules import ATHENA, DUCKDB, POLARS, RULES, Features, rule_for
from services.query_engine.domain.tables import Table
from shared.errors import BadRequest, OnyxError
from shared.tenancy import TenantId
from tests.fakes.query_engine import NOW, FakeFacts, demo_tables

ACME = TenantId("acme")
NO_JOIN = Shape(0, 0, Product(0, ()))


def query(sql: str) -> Query:
    return read_query(sql, demo_tables(), NOW)


def shape(sql: str, charges: int = 5_000_000, small: int = 100) -> Shape:
    return shape_of(query(sql).statement, {"charges": charges, "small": small})


# --- rules ---


def test_the_last_rule_always_holds_and_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert rule_for(Features(NO_JOIN)) is RULES[-1]


@pytest.mark.parametrize(
    ("features", "rule", "engine"),
    [
        (Features(NO_JOIN), "scan", POLARS),
        (Features(Shape(3, 0, Product(0, ()))), "scan", POLARS),
        (Features(Shape(1, 1, Product(10**8, ()))), "scan", POLARS),
        (Features(Shape(1, 1, Product(10**8 + 1, ()))), "large_product", DUCKDB),
        (Features(NO_JOIN, bytes=11, bytes_limit=10), "many_bytes", ATHENA),
        (Features(NO_JOIN, bytes=10, bytes_limit=10), "scan", POLARS),
        (Features(NO_JOIN, bytes=11), "scan", POLARS),
        (Features(NO_JOIN, bytes=None, bytes_limit=10), "scan", POLARS),
    ],
)
def test_a_rule_by_features(features: Features, rule: str, engine: str) -> None:
    found = rule_for(features)
    assert (found.name, found.engine) == (rule, engine)


def test_an_engine_that_is_not_configured_is_passed_over() -> None:
    routed = route(query("SELECT n FROM charges"), Features(NO_JOIN, bytes=11, bytes_limit=10))
    assert routed.decision.engine == POLARS
    (declined,) = routed.decision.declined
    assert (declined.engine, declined.why) == (ATHENA, "it is not configured here")


def test_what_one_engine_declines_another_answers_and_why_is_kept() -> None:
    routed = route(query("SELECT map_keys(tags) FROM charges"))
    (declined,) = routed.decision.declined
    assert (declined.engine, declined.running, routed.plan.engine) == (POLARS, False, DUCKDB)
    assert declined.code in ("UNSUPPORTED_SQL", "UNSUPPORTED_FUNCTION")
    assert declined.why


def test_an_engine_that_finds_out_on_the_way_passes_on_once() -> None:
    found = query("SELECT n FROM charges")
    features, engines = Features(NO_JOIN), (POLARS, DUCKDB)
    first = route(found, features, engines)
    second = pass_on(found, features, engines, first, failure("UNSUPPORTED_SQL", "no such thing"))
    assert second is not None
    assert (second.plan.engine, second.decision.engine) == (DUCKDB, DUCKDB)
    (declined,) = second.decision.declined
    assert (declined.engine, declined.why, declined.running) == (POLARS, "no such thing", True)
    assert pass_on(found, features, engines, second, failure("UNSUPPORTED_SQL", "nor here")) is None


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "NUMERIC_OVERFLOW", "QUERY_MEMORY", "DIVISION_BY_ZERO"])
def test_a_timeout_or_an_overflow_is_never_passed_on(code: str) -> None:
    found = query("SELECT n FROM charges")
    features, engines = Features(NO_JOIN), (POLARS, DUCKDB)
    assert pass_on(found, features, engines, route(found, features), failure(code, "so it is")) is None


# --- joins ---


@pytest.mark.parametrize(
    ("sql", "joins", "untied", "rows"),
    [
        ("SELECT n FROM charges", 0, 0, 0),
        ("SELECT a.n FROM charges a JOIN small b ON a.n = b.n", 1, 0, 0),
        ("SELECT a.n FROM charges a, small b WHERE a.n = b.n + 1", 1, 0, 0),
        ("SELECT a.n FROM charges a JOIN small b USING (n)", 1, 0, 0),
        ("SELECT a.n FROM charges a, small b", 1, 1, 500_000_000),
        ("SELECT a.n FROM charges a JOIN small b ON a.n > b.n", 1, 1, 500_000_000),
        ("SELECT a.n FROM charges a, small b WHERE a.m = 1", 1, 1, 100),
        (
            "SELECT a.n FROM charges a, small b WHERE (a.n = b.n AND a.m = 1) OR (a.n = b.n AND a.m = 2)",
            1,
            0,
            0,
        ),
        ("SELECT a.n FROM charges a, small b WHERE a.n = b.n OR a.m = 2", 1, 1, 500_000_000),
        ("SELECT a.n FROM charges a, small b, small c WHERE a.n = b.n", 2, 1, 500_000_000),
        ("WITH a AS (SELECT n FROM charges) SELECT a.n FROM a CROSS JOIN small b", 1, 1, 500_000_000),
        ("SELECT a.n FROM (SELECT n FROM charges GROUP BY n) a CROSS JOIN small b", 1, 1, 100),
        ("SELECT a.n FROM charges a CROSS JOIN (SELECT max(m) m FROM charges) b", 1, 1, 5_000_000),
    ],
)
def test_the_shape_of_joins(sql: str, joins: int, untied: int, rows: int) -> None:
    found = shape(sql)
    assert (found.joins, found.untied, found.product.rows) == (joins, untied, rows)


def test_a_cross_join_of_millions_is_refused_with_what_to_do() -> None:
    held = demo_tables({"charges": ("s3://l/acme/1", "s3://l/acme/2")})
    tables = {name: replace(each, rows=5_000_000) for name, each in held.items()}
    with pytest.raises(BadRequest) as refused:
        PlanQuery()(ACME, "SELECT count(*) FROM charges a, charges b WHERE a.n > b.n", tables, NOW)
    assert refused.value.code == "SQL_TOO_COMPLEX"
    assert "every row of a (5,000,000 rows) with every row of b" in refused.value.detail
    assert "ON a.key = b.key" in refused.value.detail
    planned = PlanQuery()(ACME, "SELECT count(*) FROM charges a, charges b WHERE a.n = b.n", tables, NOW)
    assert planned.routed.decision.rule == "scan"


# --- columns ---


@pytest.mark.parametrize(
    ("sql", "charges"),
    [
        ("SELECT ServiceName FROM charges WHERE n > 1", {"servicename", "n"}),
        ("SELECT count(*) FROM charges", {"day"}),
        ("SELECT Tags['env'] FROM charges", {"tags"}),
        ("SELECT a.m FROM (SELECT n, m, f FROM charges) a ORDER BY 1", {"n", "m", "f"}),
        ("SELECT b.n FROM small b WHERE EXISTS (SELECT 1 FROM charges a WHERE a.m = b.n)", {"m"}),
        ("WITH charges AS (SELECT n FROM charges) SELECT n FROM charges", {"n"}),
        ("SELECT a.n, b.flag FROM charges a JOIN charges b USING (m)", {"n", "flag", "m"}),
        ("SELECT sum(n) OVER (PARTITION BY m ORDER BY day) FROM charges", {"n", "m", "day"}),
    ],
)
def test_the_columns_that_are_read(sql: str, charges: set[str]) -> None:
    assert set(columns_read(query(sql))["charges"]) == charges


def test_both_engines_bind_the_same_columns() -> None:
    found = query("SELECT Tags['env'], sum(BilledCost) FROM charges GROUP BY 1")
    for engine in (POLARS, DUCKDB):
        routed = route(found, Features(NO_JOIN), (engine,))
        (bound,) = routed.plan.tables
        assert bound.columns == ("billedcost", "tags")
        assert [each.name for each in bound.read] == ["BilledCost", "Tags"]


# --- planning with facts ---


def test_facts_are_read_only_where_they_can_leave_something_out() -> None:
    facts = FakeFacts({})
    tables = demo_tables({"charges": ("s3://l/acme/1", "s3://l/acme/2")})
    plan = PlanQuery(facts)
    plan(ACME, "SELECT sum(n) FROM charges WHERE flag", tables, NOW)
    assert facts.asked == []
    plan(ACME, "SELECT sum(n) FROM charges WHERE day > DATE '2026-01-01'", tables, NOW)
    assert facts.asked == [("acme", ("s3://l/acme/1", "s3://l/acme/2"))]


def test_without_facts_a_query_is_answered_all_the_same() -> None:
    facts = FakeFacts(failure("LAKE_UNAVAILABLE", "not now"))
    tables = demo_tables({"charges": ("s3://l/acme/1", "s3://l/acme/2")})
    sql = "SELECT sum(n) FROM charges WHERE day > DATE '2026-01-01'"
    planned = PlanQuery(facts)(ACME, sql, tables, NOW)
    assert planned.plan.files == 2
    with pytest.raises(OnyxError) as refused:
        PlanQuery(facts, (POLARS, DUCKDB, ATHENA), bytes_limit=10)(ACME, sql, tables, NOW)
    assert refused.value.code == "LAKE_UNAVAILABLE"


def test_explain_says_what_is_read_by_whom() -> None:
    tables: dict[str, Table] = demo_tables({"charges": ("s3://l/acme/1", "s3://l/acme/2")})
    parts = [Part(10, {"n": ColumnFacts(100, at, at, 0), "m": ColumnFacts(7)}) for at in (1, 2)]
    facts = FakeFacts(
        {path: FileFacts(1000, (part,)) for path, part in zip(tables["charges"].files, parts, strict=True)}
    )
    planned = PlanQuery(facts)(ACME, "EXPLAIN SELECT sum(n) FROM charges WHERE n = 2", tables, NOW)
    assert planned.explanation is not None
    assert planned.plan.files == 1
    text = list(lines(planned.explanation))
    assert text[0] == "Engine: polars"
    assert "  files: 1 of 2" in text
    assert "  bytes of these columns: 100 of 200" in text
    assert "  rows: at most 10 of 0" in text
    assert "  published: never, snapshots 7" in text
    assert any(line.startswith("  SELECT") for line in text)


@pytest.mark.parametrize(
    ("text", "rest", "explained"),
    [
        ("SELECT 1", "SELECT 1", False),
        ("explain select 1", "        select 1", True),
        ("-- why\nEXPLAIN\n/* a */ SELECT 1", "      \n       \n        SELECT 1", True),
        ("EXPLAIN(SELECT 1)", "       (SELECT 1)", True),
        ("SELECT 'EXPLAIN'", "SELECT 'EXPLAIN'", False),
        ("EXPLAINED", "EXPLAINED", False),
    ],
)
def test_explain_is_told_from_its_query(text: str, rest: str, explained: bool) -> None:
    assert split_explain(text) == (rest, explained)
