"""Names that a pasted query has: columns of a dictionary, partitions, databases, a table as it was."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.errors import (
    AS_OF_IN_FUTURE,
    UNKNOWN_COLUMN,
    UNKNOWN_TABLE,
    UNSUPPORTED_SQL,
)
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.query import Query
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import BadRequest
from tests.fakes.query_engine import NOW

LIMITS = Limits(rows=1000, bytes=1_000_000)
CUR = tuple(
    Column(name, kind)
    for name, kind in (
        ("bill_billing_period_start_date", "timestamp"),
        ("line_item_product_code", "varchar"),
        ("line_item_unblended_cost", "decimal(38,18)"),
    )
)
ENGINES = ("polars", "duckdb")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    return {"cur": cur(tmp_path_factory.mktemp("cur") / "cur.parquet", snapshot=2)}


def cur(path: Any, snapshot: int, cost: str = "1.5") -> Table:
    """Three line items of September, one of October."""
    import polars as pl

    starts = [datetime(2026, 9, 1), datetime(2026, 9, 1), datetime(2026, 9, 1), datetime(2026, 10, 1)]  # noqa: DTZ001
    pl.DataFrame(
        {
            "bill_billing_period_start_date": pl.Series(starts, dtype=pl.Datetime("us")),
            "line_item_product_code": ["AmazonEC2", "AmazonEC2", None, "AmazonS3"],
            "line_item_unblended_cost": pl.Series([cost, "2", None, "4"]).cast(pl.Decimal(38, 18)),
        }
    ).write_parquet(path)
    return Table("cur", CUR, (FileGroup((str(path),), CUR),), rows=4, snapshots=(snapshot,))


def ask(query: Query, engine: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in json.loads(run(plan_for(engine, query), LIMITS, {}).rows)]


@pytest.mark.parametrize("engine", ENGINES)
class TestColumnsThatNoBillHas:
    def test_they_read_as_null_of_their_type_and_a_note_says_so(
        self, catalog: dict[str, Table], engine: str
    ) -> None:
        query = read_query(
            "SELECT Product_VCPU, sum(reservation_effective_cost), max(resource_tags_user_team) FROM cur"
            " WHERE savings_plan_savings_plan_a_r_n IS NULL GROUP BY product_vcpu",
            catalog,
            NOW,
        )
        assert ask(query, engine) == [(None, None, None)]
        assert set(query.notes) == {
            f"no bill of yours has the column {name}: it reads as null"
            for name in (
                "product_vcpu",
                "reservation_effective_cost",
                "resource_tags_user_team",
                "savings_plan_savings_plan_a_r_n",
            )
        }

    def test_they_have_the_dictionarys_type(self, catalog: dict[str, Table], engine: str) -> None:
        query = read_query(
            "SELECT coalesce(pricing_public_on_demand_cost, 1) c,"
            " line_item_usage_start_date + INTERVAL '1' DAY t FROM cur LIMIT 1",
            catalog,
            NOW,
        )
        answer = run(plan_for(engine, query), LIMITS, {})
        assert [each.type for each in answer.columns] == ["decimal(38,18)", "timestamp"]

    def test_what_a_query_makes_itself_is_no_such_column(
        self, catalog: dict[str, Table], engine: str
    ) -> None:
        query = read_query(
            "WITH t AS (SELECT 'x' AS product_group, line_item_product_code AS code FROM cur)"
            " SELECT product_group, count(*) FROM t JOIN cur ON code = line_item_product_code GROUP BY 1",
            catalog,
            NOW,
        )
        assert (query.notes, ask(query, engine)) == ((), [("x", 5)])

    def test_an_alias_comes_before_the_dictionary(self, catalog: dict[str, Table], engine: str) -> None:
        query = read_query(
            "SELECT coalesce(line_item_product_code, 'none') AS product_type, count(*) c FROM cur"
            " GROUP BY 1 ORDER BY product_type",
            catalog,
            NOW,
        )
        assert (query.notes, ask(query, engine)) == ((), [("AmazonEC2", 2), ("AmazonS3", 1), ("none", 1)])

    def test_they_are_no_part_of_a_star(self, catalog: dict[str, Table], engine: str) -> None:
        query = read_query("SELECT * FROM cur WHERE product_vcpu IS NULL AND month = '10'", catalog, NOW)
        assert query.columns == tuple(column.name for column in CUR)
        assert len(ask(query, engine)) == 1

    def test_a_column_of_a_correlated_subquery(self, catalog: dict[str, Table], engine: str) -> None:
        query = read_query(
            "SELECT count(*) FROM cur a WHERE EXISTS"
            " (SELECT 1 FROM cur b WHERE b.product_vcpu IS NULL AND b.month = '10')",
            catalog,
            NOW,
        )
        assert ask(query, engine) == [(4,)]


def test_a_name_that_no_dictionary_has_is_refused_with_the_tables_own_first(
    catalog: dict[str, Table],
) -> None:
    with pytest.raises(BadRequest) as caught:
        read_query("SELECT line_item_unblended_cots FROM cur", catalog, NOW)
    assert caught.value.code == UNKNOWN_COLUMN
    assert caught.value.errors[0]["nearest"][0] == "line_item_unblended_cost"
    with pytest.raises(BadRequest) as caught:
        read_query("SELECT product_vcpus FROM cur", catalog, NOW)
    assert "product_vcpu" in caught.value.errors[0]["nearest"]


def test_a_table_of_a_format_that_no_bill_has(catalog: dict[str, Table]) -> None:
    with pytest.raises(BadRequest, match=r"no CUR 2\.0 bill is published yet") as caught:
        read_query("SELECT 1 FROM cur2", catalog, NOW)
    assert caught.value.code == UNKNOWN_TABLE


@pytest.mark.parametrize("engine", ENGINES)
class TestPartitions:
    @pytest.mark.parametrize(
        ("where", "count"),
        [
            ("year = '2026' AND month = '9'", 3),
            ("year = '2026' AND month = '09'", 3),
            ("month IN ('09', '10')", 4),
            ("month BETWEEN '08' AND '09'", 3),
            ("month BETWEEN '09' AND '12'", 4),
            ("month BETWEEN '7' AND '9' OR month BETWEEN '07' AND '09'", 3),
            ("month >= '09'", 4),
            ("'09' < month", 1),
            ("billing_period = '2026-10'", 1),
            (
                "CAST(concat(year, '-', month, '-01') AS date)"
                " = date_trunc('month', current_date) - INTERVAL '2' MONTH",
                3,
            ),
            ("cur.month <> '09'", 1),
            ("year = '2025'", 0),
        ],
    )
    def test_filters(self, catalog: dict[str, Table], engine: str, where: str, count: int) -> None:
        query = read_query(f"SELECT count(*) FROM cur WHERE {where}", catalog, NOW)
        assert (query.notes, ask(query, engine)) == ((), [(count,)])

    def test_groups(self, catalog: dict[str, Table], engine: str) -> None:
        query = read_query(
            "SELECT year, month, count(*) FROM cur GROUP BY 1, month, year ORDER BY month", catalog, NOW
        )
        assert ask(query, engine) == [("2026", "10", 1), ("2026", "9", 3)]
        assert query.columns == ("year", "month", "_col2")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_held_against_an_empty_text(catalog: dict[str, Table], engine: str) -> None:
    for where, count in (("<> ''", 3), ("!= ''", 3), ("= ''", 1)):
        query = read_query(f"SELECT count(*) FROM cur WHERE line_item_unblended_cost {where}", catalog, NOW)
        assert ask(query, engine) == [(count,)]


class TestDatabases:
    @pytest.mark.parametrize(
        "table",
        [
            '"onyx"."cur"',
            "onyx.cur",
            "AwsDataCatalog.onyx_dev_acme_corp.cur",
            '"acme-corp".cur',
            '"awsdatacatalog"."Onyx_Dev_Acme_Corp"."CUR"',
        ],
    )
    def test_the_tenants_own(self, catalog: dict[str, Table], table: str) -> None:
        own = frozenset({"acme-corp", "onyx_dev_acme_corp"})
        query = read_query(f"SELECT count(*) FROM {table}", catalog, NOW, databases=own)
        assert ask(query, "polars") == [(4,)]

    @pytest.mark.parametrize(
        "table",
        [
            "onyx_dev_globex.cur",
            '"globex".cur',
            "information_schema.tables",
            "awsdatacatalog.globex.cur",
            "other.onyx.cur",
            "onyx.onyx.cur",
            '"onyx.acme".cur',
            "onyx.other",
        ],
    )
    def test_any_other_is_refused_alike(self, catalog: dict[str, Table], table: str) -> None:
        with pytest.raises(BadRequest) as caught:
            read_query(f"SELECT count(*) FROM {table}", catalog, NOW, databases=frozenset({"acme-corp"}))
        assert caught.value.code == UNKNOWN_TABLE

    def test_a_name_of_with_does_not_hide_a_table_with_its_database(self, catalog: dict[str, Table]) -> None:
        query = read_query(
            "WITH cur AS (SELECT 1 AS one FROM onyx.cur)"
            " SELECT (SELECT count(*) FROM onyx.cur), count(*), max(one) FROM cur",
            catalog,
            NOW,
        )
        assert ask(query, "duckdb") == [(4, 4, 1)]

    def test_columns_are_named_by_the_table(self, catalog: dict[str, Table]) -> None:
        query = read_query("SELECT max(cur.line_item_unblended_cost) FROM onyx.cur", catalog, NOW)
        assert ask(query, "polars") == [("4",)]


class TestAsOf:
    @pytest.fixture
    def moments(self) -> dict[datetime, Mapping[str, Table]]:
        return {}

    @pytest.fixture
    def earlier(
        self, tmp_path_factory: pytest.TempPathFactory, moments: dict[datetime, Mapping[str, Table]]
    ) -> Any:
        table = cur(tmp_path_factory.mktemp("was") / "cur.parquet", snapshot=1, cost="100")

        def tables(moment: datetime) -> Mapping[str, Table]:
            return moments.setdefault(moment, {"cur": table})

        return tables

    @pytest.mark.parametrize(
        ("clause", "moment"),
        [
            ("TIMESTAMP '2026-11-01 00:00:00'", datetime(2026, 11, 1, tzinfo=UTC)),
            ("TIMESTAMP '2026-11-01 00:00:00 UTC'", datetime(2026, 11, 1, tzinfo=UTC)),
            (
                "TIMESTAMP '2026-11-01 00:00:00.500 +02:00'",
                datetime(2026, 10, 31, 22, 0, 0, 500_000, tzinfo=UTC),
            ),
            ("TIMESTAMP '2026-11-01 00:00 Europe/Berlin'", datetime(2026, 10, 31, 23, tzinfo=UTC)),
            ("TIMESTAMP '2026-7-1'", datetime(2026, 7, 1, tzinfo=UTC)),
            ("DATE '2026-11-01'", datetime(2026, 11, 1, tzinfo=UTC)),
            ("current_timestamp - INTERVAL '7' DAY", NOW - timedelta(days=7)),
            ("(now() - interval '1' month)", NOW.replace(month=10)),
            ("date_trunc('month', current_date)", datetime(2026, 11, 1, tzinfo=UTC)),
            ("date_add('day', -1, current_date)", datetime(2026, 11, 19, tzinfo=UTC)),
            ("CAST(current_date - INTERVAL '2' DAY AS timestamp)", datetime(2026, 11, 18, tzinfo=UTC)),
            ("from_iso8601_timestamp('2026-11-01T12:00:00Z')", datetime(2026, 11, 1, 12, tzinfo=UTC)),
            ("current_timestamp AT TIME ZONE 'Europe/Berlin'", NOW),
        ],
    )
    def test_the_moment(
        self,
        catalog: dict[str, Table],
        earlier: Any,
        moments: dict[datetime, Mapping[str, Table]],
        clause: str,
        moment: datetime,
    ) -> None:
        query = read_query(
            f"SELECT max(line_item_unblended_cost) FROM cur FOR TIMESTAMP AS OF {clause}",
            catalog,
            NOW,
            earlier=earlier,
        )
        assert list(moments) == [moment]
        assert ask(query, "polars") == [("100",)]

    @pytest.mark.parametrize("engine", ENGINES)
    def test_one_table_at_two_moments(self, catalog: dict[str, Table], earlier: Any, engine: str) -> None:
        query = read_query(
            "SELECT sum(n.line_item_unblended_cost) - sum(w.line_item_unblended_cost) FROM cur n"
            " JOIN cur FOR TIMESTAMP AS OF TIMESTAMP '2026-11-01 00:00:00' AS w"
            " ON n.line_item_product_code = w.line_item_product_code AND n.month = w.month"
            " AND w.line_item_unblended_cost > 50 AND n.line_item_unblended_cost < 2",
            catalog,
            NOW,
            earlier=earlier,
        )
        plan = plan_for(engine, query)
        assert plan.snapshots == [1, 2]
        assert sorted(each.table.name for each in plan.tables) == ["cur", "cur@2026-11-01T00:00:00.000000Z"]
        assert ask(query, engine) == [("-98.5",)]

    def test_the_future_is_refused(self, catalog: dict[str, Table], earlier: Any) -> None:
        with pytest.raises(BadRequest) as caught:
            read_query(
                "SELECT 1 FROM cur FOR TIMESTAMP AS OF DATE '2027-01-01'", catalog, NOW, earlier=earlier
            )
        assert caught.value.code == AS_OF_IN_FUTURE

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT 1 FROM cur FOR VERSION AS OF 12",
            "SELECT 1 FROM cur FOR TIMESTAMP AS OF bill_billing_period_start_date",
            "SELECT 1 FROM cur FOR TIMESTAMP AS OF (SELECT max(bill_billing_period_start_date) FROM cur)",
            "WITH t AS (SELECT 1 AS x) SELECT x FROM t FOR TIMESTAMP AS OF DATE '2026-11-01'",
        ],
    )
    def test_what_is_no_moment_is_declined(self, catalog: dict[str, Table], earlier: Any, sql: str) -> None:
        with pytest.raises(BadRequest) as caught:
            read_query(sql, catalog, NOW, earlier=earlier)
        assert caught.value.code == UNSUPPORTED_SQL

    @pytest.mark.parametrize(
        "text", ["2026-13-01", "soon", "2026-02-30 00:00:00", "2026-01-01 00:00 Nowhere/Else"]
    )
    def test_what_is_no_date_is_said(self, catalog: dict[str, Table], earlier: Any, text: str) -> None:
        with pytest.raises(BadRequest) as caught:
            read_query(
                f"SELECT 1 FROM cur FOR TIMESTAMP AS OF TIMESTAMP '{text}'", catalog, NOW, earlier=earlier
            )
        assert caught.value.code == "TYPE_MISMATCH"

    def test_a_table_that_was_not_there_then(
        self, catalog: dict[str, Table], moments: dict[datetime, Mapping[str, Table]], earlier: Any
    ) -> None:
        moments[datetime(2026, 11, 1, tzinfo=UTC)] = {"charges": Table("charges", ())}
        with pytest.raises(BadRequest, match="no CUR bill was published at 2026-11-01"):
            read_query(
                "SELECT 1 FROM cur FOR TIMESTAMP AS OF DATE '2026-11-01'", catalog, NOW, earlier=earlier
            )


def test_joins_in_parentheses_at_the_head(catalog: dict[str, Table]) -> None:
    query = read_query(
        "SELECT count(*) FROM ((cur a LEFT JOIN cur b ON a.line_item_product_code = b.line_item_product_code)"
        " JOIN (cur) c ON c.line_item_product_code = b.line_item_product_code)",
        catalog,
        NOW,
    )
    assert ask(query, "duckdb") == [(9,)]
