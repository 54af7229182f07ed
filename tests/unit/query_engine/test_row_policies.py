"""Under a row policy a query answers as over files that hold only the rows that may be seen."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.query_engine.adapters.engines import run
from services.query_engine.application.plan_query import PlanQuery
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.policies import NOTHING, Binding, RowPolicy, row_policy
from services.query_engine.domain.query import Query
from services.query_engine.domain.restricting import restricted
from services.query_engine.domain.router import DECLINED
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import BadRequest, OnyxError
from shared.tenancy import TenantId
from tests.fakes.query_engine import NOW
from tests.fakes.query_engine_policies import COST_CENTER_TAG, seen, seen_tables
from tests.unit.query_engine.corpus_bills import corpus_tables
from tests.unit.query_engine.random_queries import COLUMNS, Grammar, random_frame
from tests.unit.query_engine.test_corpus import QUERIES, name_of

LIMITS = Limits(rows=100_000, bytes=50_000_000)
MINE, OTHER = "244071367498", "618992977833"
POLICIES: dict[str, RowPolicy] = {
    "one account": row_policy(sub_accounts=[MINE]),
    "a team": row_policy(tags={"team": ["checkout"]}),
    "all of three": row_policy(
        "all", [MINE, OTHER], {"env": ["prod", "test"]}, ["checkout", 'search\'s \\ "own"']
    ),
    "any of three": row_policy("any", [OTHER], {"app": ["checkout-web"], "env": ["dev"]}, ["nobody"]),
    "a tag that no bill has": row_policy(tags={"nowhere": ["x"]}),
}
ACCOUNT_1 = row_policy(sub_accounts=["1"])
ENGINES = ("polars", "duckdb")


@pytest.fixture(scope="session")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    return corpus_tables(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="session")
def narrowed(
    bills: dict[str, Table], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Table]]:
    """By policy: the tables over files of only the rows that may be seen."""
    made: dict[str, dict[str, Table]] = {}

    def of(policy: str) -> dict[str, Table]:
        if policy not in made:
            made[policy] = seen_tables(bills, POLICIES[policy], tmp_path_factory.mktemp("narrowed"))
        return made[policy]

    return of


def test_the_policies_tell_rows_apart(
    bills: dict[str, Table], narrowed: Callable[[str], dict[str, Table]]
) -> None:
    """So that the comparisons below compare something."""
    for policy in POLICIES:
        for name, table in narrowed(policy).items():
            if policy == "a tag that no bill has":
                assert table.rows == 0
            else:
                assert 0 < table.rows < bills[name].rows, (policy, name)


CASES = [
    pytest.param(path, policy, id=f"{name_of(path)}, {policy}")
    for path in QUERIES
    for policy in random.Random(name_of(path)).sample(sorted(POLICIES), 2)
]
"""Each query under two of the policies, chosen for good."""


@pytest.mark.parametrize(("path", "policy"), CASES)
def test_a_query_of_the_corpus_sees_only_what_it_may(
    path: Path, policy: str, bills: dict[str, Table], narrowed: Callable[[str], dict[str, Table]]
) -> None:
    text = path.read_text()
    bound = restricted(read_query(text, bills, NOW), Binding(POLICIES[policy], COST_CENTER_TAG))
    free = read_query(text, narrowed(policy), NOW)
    answered = [answer(engine, bound) == answer(engine, free) for engine in ENGINES if takes(engine, bound)]
    assert answered
    assert all(answered)


def takes(engine: str, query: Query) -> bool:
    try:
        plan_for(engine, query)
    except BadRequest as error:
        if error.code not in DECLINED:
            raise
        return False
    return True


def answer(engine: str, query: Query) -> Any:
    """Rows in an order of their own, doubles to twelve digits: they are added up in any order."""
    try:
        found = json.loads(run(plan_for(engine, query), LIMITS, {}).rows)
    except OnyxError as error:
        return error.code
    return sorted(str([_rounded(each) for each in row.values()]) for row in found)


def _rounded(value: Any) -> Any:
    return f"{value:.9g}" if isinstance(value, float) else value


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Table], dict[str, Table]]]:
    """Pairs of tables r and q of random rows: all of them, and those of account 1 alone."""
    folder = tmp_path_factory.mktemp("random")
    columns = (*COLUMNS, Column("SubAccountId", "varchar"))
    made = []
    for at, sizes in enumerate(((160, 60), (60, 0), (240, 90))):
        whole, mine = {}, {}
        for name, rows in zip(("r", "q"), sizes, strict=True):
            pick = random.Random(f"{name}{at}")
            accounts = pl.Series([pick.choice(["1", "2", "", None]) for _ in range(rows)], dtype=pl.String)
            frame = random_frame(pick, rows).with_columns(accounts.alias("SubAccountId"))
            for kept, found in ((whole, frame), (mine, seen("charges", frame, ACCOUNT_1))):
                path = folder / f"{name}{at}-{found.height}-{len(kept)}.parquet"
                found.write_parquet(path)
                kept[name] = Table("charges", columns, (FileGroup((str(path),), columns),))
        made.append((whole, mine))
    return made


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**40), lake=st.integers(0, 2))
def test_a_random_query_sees_only_what_it_may(
    seed: int, lake: int, lakes: list[tuple[dict[str, Table], dict[str, Table]]]
) -> None:
    whole, mine = lakes[lake]
    text = Grammar(seed).query()
    for engine in ENGINES:
        expected = answer(engine, read_query(text, mine, NOW))
        found = answer(engine, restricted(read_query(text, whole, NOW), Binding(ACCOUNT_1)))
        # A row that fails may be one that is not seen: see ADR 0021.
        assert found == expected or isinstance(found, str), text


# --- what somebody would try ---
# ruff: noqa: E501 - a query is to be read as it would be sent

HIDDEN = "'" + OTHER + "'"
ATTACKS = [
    f"SELECT count(*) FROM charges WHERE SubAccountId = {HIDDEN}",
    f"""SELECT count(*) FROM (SELECT SubAccountId a FROM charges c WHERE 1 = 1 OR c.SubAccountId = {HIDDEN}) t
        WHERE a <> '244071367498'""",
    "SELECT count_if(SubAccountId <> '244071367498') FROM charges WHERE SubAccountId <> '' OR true",
    "SELECT count(*) FROM (SELECT * FROM charges) x WHERE SubAccountId <> '244071367498'",
    'SELECT count(*) FROM "CHARGES" AS "subaccountid" WHERE "subaccountid"."SubAccountId" <> \'244071367498\'',
    "SELECT count(*) FROM onyx.charges WHERE SubAccountId <> '244071367498'",
    """WITH charges AS (SELECT * FROM charges), c AS (SELECT * FROM charges)
       SELECT count(*) FROM c JOIN charges d ON c.x_LineItemId = d.x_LineItemId
       WHERE d.SubAccountId <> '244071367498'""",
    """WITH cur AS (SELECT SubAccountId, BilledCost FROM charges)
       SELECT count(*) FROM cur WHERE SubAccountId <> '244071367498'""",
    """WITH charges AS (SELECT 1 AS one) SELECT count(*) FROM onyx.charges, charges
       WHERE SubAccountId <> '244071367498'""",
    """SELECT count(*) FROM (SELECT '' AS a WHERE false UNION ALL SELECT SubAccountId FROM charges) t
       WHERE a <> '244071367498'""",
    """SELECT count(*) FROM (SELECT line_item_usage_account_id AS a FROM cur UNION
       SELECT line_item_usage_account_id FROM cur2 UNION SELECT SubAccountId FROM focus) t
       WHERE a <> '244071367498'""",
    "SELECT count(*) FROM (SELECT SubAccountId a FROM charges EXCEPT SELECT '244071367498') t WHERE a IS NOT NULL",
    f"SELECT count(*) FROM (SELECT 1 AS one) o WHERE EXISTS (SELECT 1 FROM charges WHERE SubAccountId = {HIDDEN})",
    f"""SELECT count(*) FROM charges a WHERE EXISTS
        (SELECT 1 FROM charges b WHERE b.SubAccountId = {HIDDEN} AND b.BillingPeriodStart = a.BillingPeriodStart)""",
    f"SELECT count(*) FROM charges WHERE {HIDDEN} IN (SELECT SubAccountId FROM charges)",
    f"SELECT CASE WHEN (SELECT max(SubAccountId) FROM charges) = {HIDDEN} THEN 1 ELSE 0 END",
    """SELECT count(*) FROM (SELECT SubAccountId a, row_number() OVER (PARTITION BY SubAccountId
       ORDER BY BilledCost) n FROM charges) t WHERE a <> '244071367498'""",
    """SELECT count(*) FROM (SELECT lag(SubAccountId) OVER (ORDER BY ChargePeriodStart, x_LineItemId) a
       FROM charges) t WHERE a <> '244071367498'""",
    "SELECT count(*) FROM charges a LEFT JOIN charges b ON true WHERE b.SubAccountId <> '244071367498'",
    """SELECT count(*) FROM (SELECT 1 AS one) o LEFT JOIN charges b ON o.one = 1
       WHERE b.SubAccountId <> '244071367498'""",
    """SELECT count(*) FROM charges a RIGHT JOIN charges b ON a.x_LineItemId = b.x_LineItemId
       WHERE b.SubAccountId <> '244071367498' OR a.SubAccountId <> '244071367498'""",
    """SELECT count(*) FROM charges a FULL JOIN charges b ON a.x_LineItemId = b.x_BillId
       WHERE b.SubAccountId <> '244071367498' OR a.SubAccountId <> '244071367498'""",
    """SELECT count(*) FROM (charges a JOIN (SELECT 1 AS one) o ON o.one = 1)
       WHERE a.SubAccountId <> '244071367498'""",
    """SELECT count(*) FROM (SELECT 1 AS one) o CROSS JOIN (charges a JOIN (SELECT 1 AS two) p ON p.two = 2)
       WHERE a.SubAccountId <> '244071367498'""",
    "SELECT count(*) FROM charges, cur WHERE line_item_usage_account_id <> '244071367498' AND BilledCost > 20",
    """SELECT count(*) FROM (SELECT SubAccountId a, grouping(SubAccountId) g, count(*) n FROM charges
       GROUP BY GROUPING SETS ((SubAccountId), ())) t WHERE a <> '244071367498'""",
    """SELECT count(*) FROM charges FOR TIMESTAMP AS OF TIMESTAMP '2026-11-01 00:00:00' AS c
       WHERE SubAccountId <> '244071367498'""",
    """SELECT count(*) FROM charges /* ' */ -- WHERE
       WHERE SubAccountId <> '244071367498' --""",
    "WITH x AS (SELECT 1 AS one) SELECT count(*) FROM charges AS x WHERE SubAccountId <> '244071367498'",
    "WITH x AS (SELECT 1 AS one) SELECT count(*) FROM charges AS x, x WHERE SubAccountId <> '244071367498'",
    """SELECT cardinality(filter(array_agg(SubAccountId), a -> a <> '244071367498')) FROM charges""",
    "SELECT count_if(a <> '244071367498') FROM charges CROSS JOIN UNNEST(array[SubAccountId]) AS t(a)",
]
REFUSED = {*DECLINED, "ROW_POLICY", "AMBIGUOUS_COLUMN", "UNKNOWN_TABLE"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text", ATTACKS)
def test_no_row_of_others_is_seen_whatever_is_tried(text: str, engine: str, bills: dict[str, Table]) -> None:
    """Each of these counts rows of other accounts; without a policy each that is answered finds some."""

    try:
        query = read_query(text, bills, NOW, earlier=lambda moment: bills)
        bound = restricted(query, Binding(POLICIES["one account"]))
        [row] = json.loads(run(plan_for(engine, bound), LIMITS, {}).rows)
    except BadRequest as error:
        if error.code not in REFUSED:
            raise
        return
    assert set(row.values()) <= {0, None}


def test_the_attacks_find_something_where_no_policy_is(bills: dict[str, Table]) -> None:
    """Or the test above would pass of itself."""
    found = 0
    for text in ATTACKS:
        try:
            query = read_query(text, bills, NOW, earlier=lambda moment: bills)
            [row] = json.loads(run(plan_for("duckdb", query), LIMITS, {}).rows)
        except BadRequest:
            continue
        found += set(row.values()) - {0, None} != set()
    assert found >= len(ATTACKS) - 4


def test_a_window_beside_a_group_leaks_nothing_from_a_partitioned_file(
    bills: dict[str, Table], tmp_path: Path
) -> None:
    """DuckDB's window_self_join drops such a filter on one side."""
    text = """WITH d AS (SELECT SubAccountId, ServiceName, sum(BilledCost) c FROM charges GROUP BY 1, 2)
              SELECT ServiceName, c, sum(c) OVER (PARTITION BY ServiceName) AS s,
              max(SubAccountId) OVER (PARTITION BY ServiceName) AS most FROM d"""
    moved = []
    for at, path in enumerate(bills["charges"].files):
        target = tmp_path / f"tenant_id=acme/month={at}" / "0.parquet"
        target.parent.mkdir(parents=True)
        target.write_bytes(Path(path).read_bytes())
        moved.append(str(target))
    charges = bills["charges"]
    table = Table("charges", charges.columns, (FileGroup(tuple(moved), charges.groups[0].columns),))
    bound = restricted(read_query(text, {"charges": table}, NOW), Binding(POLICIES["one account"]))
    for engine in ENGINES:
        rows = json.loads(run(plan_for(engine, bound), LIMITS, {}).rows)
        assert rows
        assert {row["most"] for row in rows} == {MINE}
        assert all(row["c"] == row["s"] for row in rows)


# --- how it is put in ---


def sql_of(text: str, policy: RowPolicy, tables: dict[str, Table], tag: str = "cost_center") -> str:
    return restricted(read_query(text, tables, NOW), Binding(policy, tag)).statement.sql("trino")


SMALL = {
    "charges": Table(
        "charges",
        (
            Column("SubAccountId", "varchar"),
            Column("BilledCost", "decimal(38,18)"),
            Column("Tags", "map(varchar, varchar)"),
        ),
    ),
    "cur": Table(
        "cur",
        (
            Column("line_item_usage_account_id", "varchar"),
            Column("resource_tags_user_cost_center", "varchar"),
        ),
    ),
    "focus": Table("focus", (Column("SubAccountId", "varchar"), Column("Tags", "varchar"))),
    "azure": Table("azure", (Column("SubscriptionId", "varchar"),)),
}


def test_the_condition_stands_where_the_table_is_read() -> None:
    policy = row_policy(sub_accounts=["it's"])
    assert sql_of("SELECT count(*) FROM charges WHERE BilledCost > 1 OR BilledCost < 0", policy, SMALL) == (
        'SELECT COUNT(*) AS "onyx__unnamed_0" FROM "charges" AS "charges" WHERE "charges"."subaccountid" IN '
        """('it''s') AND ("charges"."billedcost" > 1 OR "charges"."billedcost" < 0)"""
    )
    joined = sql_of(
        "SELECT a.Tags FROM charges a LEFT JOIN charges b ON a.BilledCost = b.BilledCost", policy, SMALL
    )
    assert joined.endswith(
        """ON "a"."billedcost" = "b"."billedcost" AND "b"."subaccountid" IN ('it''s') """
        """WHERE "a"."subaccountid" IN ('it''s')"""
    )
    full = sql_of(
        "SELECT count(*) FROM charges a FULL JOIN charges b ON a.BilledCost = b.BilledCost", policy, SMALL
    )
    assert full.count("""FROM "charges" AS""") == 2
    assert full.count("SELECT") == 3


def test_a_tag_is_one_however_a_report_writes_it() -> None:
    policy = row_policy(tags={"CostCenter": ["42"]})
    assert """"charges"."tags"['cost_center'] IN ('42')""" in sql_of("SELECT 1 FROM charges", policy, SMALL)
    assert '"cur"."resource_tags_user_cost_center" IN' in sql_of("SELECT 1 FROM cur", policy, SMALL)
    focus = sql_of("SELECT 1 FROM focus", policy, SMALL)
    assert all(f"'$[\"{key}\"]'" in focus for key in ("CostCenter", "user:CostCenter", "cost_center"))
    assert sql_of("SELECT 1 FROM cur", row_policy(cost_centers=["42"]), SMALL) == (
        sql_of("SELECT 1 FROM cur", policy, SMALL)
    )


def test_what_a_table_does_not_have_no_row_has() -> None:
    nowhere = row_policy(tags={"nowhere": ["x"]})
    assert sql_of("SELECT 1 FROM cur", nowhere, SMALL).endswith("WHERE FALSE")
    both = row_policy("all", ["1"], {"nowhere": ["x"]})
    assert sql_of("SELECT 1 FROM cur", both, SMALL).endswith("WHERE FALSE")
    either = row_policy("any", ["1"], {"nowhere": ["x"]})
    assert sql_of("SELECT 1 FROM cur", either, SMALL).endswith("IN ('1')")
    assert sql_of("SELECT 1 FROM azure", NOTHING, SMALL).endswith("WHERE FALSE")
    with pytest.raises(BadRequest) as refused:
        sql_of("SELECT 1 FROM azure", either, SMALL)
    assert refused.value.code == "ROW_POLICY"


def test_explain_tells_the_caller_their_own_conditions(bills: dict[str, Table]) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    text = "EXPLAIN SELECT count(*) FROM charges"
    planned = PlanQuery()(
        TenantId("acme"), text, bills, now, binding=Binding(POLICIES["any of three"], COST_CENTER_TAG)
    )
    assert planned.explanation is not None
    [table] = planned.explanation.tables
    [told] = table.policies
    assert told.startswith("(\"subaccountid\" IN ('618992977833')")
    assert """"tags"['team'] IN ('nobody')""" in told
    free = PlanQuery()(TenantId("acme"), text, bills, now).explanation
    assert free is not None
    assert free.tables[0].policies == ()


def test_the_second_telling_is_not_blind(bills: dict[str, Table]) -> None:
    frame = pl.DataFrame({"SubAccountId": ["1", None, "2"], "Tags": pl.Series([None] * 3, dtype=pl.String)})
    assert seen("focus", frame, row_policy(sub_accounts=["1"])).height == 1


# --- what a policy may say ---


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs sub_accounts"),
        ({"tags": {"env": []}}, "needs a value"),
        ({"sub_accounts": [""]}, "1 to 256 characters"),
        ({"sub_accounts": ["x" * 257]}, "1 to 256 characters"),
        ({"sub_accounts": ["a\x00b"]}, "cannot be written"),
        ({"tags": {" ": ["x"]}}, "1 to 128 characters"),
        ({"tags": {"CostCenter": ["1"], "cost_center": ["2"]}}, "are one"),
        ({"cost_centers": [str(each) for each in range(1001)]}, "at most 1000"),
        ({"tags": {f"k{each}": ["x"] for each in range(21)}}, "at most 20 tags"),
        ({"sub_accounts": ["1"], "everything": True}, "no other condition"),
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        row_policy(**given)
    assert refused.value.code == "ROW_POLICY"
