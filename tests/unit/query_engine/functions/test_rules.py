"""What is taken in has a rule: nothing reaches an engine unread."""

import pytest
from sqlglot import exp

from services.query_engine.domain.dialects.duckdb import calls
from services.query_engine.domain.dialects.duckdb.macros import MACROS, macros_for
from services.query_engine.domain.dialects.duckdb.table import REWRITES
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.functions import FUNCTIONS
from services.query_engine.domain.named import NAMED
from services.query_engine.domain.syntax import NODES
from shared.errors import BadRequest
from tests.fakes.query_engine import NOW, demo_tables


def test_every_named_function_is_written_for_duckdb() -> None:
    assert NAMED.keys() == calls.NAMES.keys()


# Kinds of node that mean the same in DuckDB as they stand, or have none by the time it writes.
SAME = {
    *(exp.Alias, exp.All, exp.Any, exp.Boolean, exp.CTE, exp.Column, exp.ColumnDef, exp.Cube, exp.DataType),
    *(exp.DataTypeParam, exp.Distinct, exp.Dot, exp.Exists, exp.Fetch, exp.From, exp.Group, exp.GroupingSets),
    *(exp.Identifier, exp.IgnoreNulls, exp.IntervalSpan, exp.Lambda, exp.LimitOptions, exp.Null, exp.Order),
    *(exp.Paren, exp.Rollup, exp.Star, exp.Subquery, exp.Table, exp.TableAlias, exp.Var, exp.Version),
    *(exp.WindowSpec, exp.With),
}


def test_every_kind_of_node_is_written_for_duckdb_or_known_to_mean_the_same() -> None:
    assert (NODES.keys() | FUNCTIONS.keys()) - REWRITES.keys() <= SAME


def test_no_name_is_both_a_class_and_a_call() -> None:
    assert not {name for each in FUNCTIONS.values() for name in each.names} & NAMED.keys()


@pytest.mark.parametrize("name", sorted(NAMED))
def test_polars_is_given_no_call_by_name(name: str) -> None:
    given = ", ".join(["1"] * NAMED[name].least)
    with pytest.raises(BadRequest) as caught:
        compile_query(f"SELECT {name}({given})", demo_tables(), NOW, "polars")
    assert caught.value.code in ("UNSUPPORTED_FUNCTION", "UNSUPPORTED_SQL", "NOT_GROUPED")
    assert name in caught.value.detail or caught.value.code == "UNSUPPORTED_SQL"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ARRAY[1]",
        "SELECT x FROM UNNEST(ARRAY[1]) AS t(x)",
        "SELECT x FROM (VALUES 1) AS t(x)",
        "SELECT N FROM charges WHERE ServiceName LIKE 'a' ESCAPE '!'",
        "SELECT count(*) FROM charges GROUP BY ROLLUP (N)",
        "SELECT N FROM charges WHERE N > ALL (SELECT M FROM small)",
        "SELECT lag(N) IGNORE NULLS OVER (ORDER BY M) FROM charges",
        "SELECT CAST(NULL AS array(bigint))",
        "SELECT JSON '1'",
    ],
)
def test_polars_declines_what_it_has_no_rule_for(sql: str) -> None:
    with pytest.raises(BadRequest) as caught:
        compile_query(sql, demo_tables(), NOW, "polars")
    assert caught.value.code in ("UNSUPPORTED_FUNCTION", "UNSUPPORTED_SQL")
    assert compile_query(sql, demo_tables(), NOW, "duckdb").sql


def test_a_plan_defines_the_macros_that_it_names_and_theirs() -> None:
    made = macros_for("SELECT ONYX_JSON_SCALAR(x, 'y')")
    assert [each.split()[3].partition("(")[0] for each in made] == ["onyx_json", "onyx_json_scalar"]
    assert macros_for("SELECT 1") == []
    assert len(macros_for(" ".join(MACROS))) == len(MACROS)
