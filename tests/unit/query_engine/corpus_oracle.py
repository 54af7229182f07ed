"""What DuckDB, run directly on the corpus's files, answers to a query written for Athena.

The translation is sqlglot's, with the fixes below; where that is not enough, `<name>.duckdb.sql` beside the
query says it by hand. Nothing of the query engine is used: its mistakes are not to be made twice.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from services.query_engine.domain.tables import Table
from shared.money import money_text
from tests.fakes.query_engine import NOW


def oracle(tables: Mapping[str, Table], absent: Mapping[str, Iterable[str]]) -> duckdb.DuckDBPyConnection:
    """The tables as such, and once more in the schema `doubles` with doubles for decimals.

    `absent` are columns by table that no file has: null here, too.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET default_null_order = 'nulls_last'")
    connection.execute("CREATE SCHEMA doubles")
    for name, table in tables.items():
        files = ", ".join(f"'{path}'" for path in table.files)
        more = "".join(f", CAST(NULL AS VARCHAR) AS {each}" for each in sorted(absent.get(name, ())))
        if name == "charges":
            more += ", strftime(BillingPeriodStart, '%Y-%m') AS billing_period"
        connection.execute(
            f"CREATE TABLE {name} AS SELECT *{more} FROM read_parquet([{files}], union_by_name = true)"
        )
        money = [each.name for each in table.columns if each.type.startswith("decimal")]
        held = {row[0].lower() for row in connection.execute(f"DESCRIBE {name}").fetchall()}
        cast = ", ".join(f'CAST("{each}" AS DOUBLE) AS "{each}"' for each in money if each.lower() in held)
        connection.execute(f"CREATE TABLE doubles.{name} AS SELECT * REPLACE ({cast}) FROM {name}")
    return connection


def ask(connection: duckdb.DuckDBPyConnection, text: str, by_hand: str | None) -> list[tuple[Any, ...]]:
    """The rows, as `plain` has them; as doubles where decimals overflow (a product of two costs does)."""
    sql = by_hand or translated(text)
    try:
        found = connection.execute("USE main; " + sql).fetchall()
    except (duckdb.OutOfRangeException, duckdb.ConversionException):
        found = connection.execute("USE doubles; " + sql).fetchall()
    return [tuple(plain(value) for value in row) for row in found]


def translated(text: str) -> str:
    """Athena's SQL as DuckDB's."""
    statement = sqlglot.parse_one(text, dialect="athena")
    for fix in _FIXES:
        statement = statement.transform(fix)
    return statement.sql(dialect="duckdb")


def _now(node: exp.Expr) -> exp.Expr:
    """The clock stands still."""
    if isinstance(node, exp.CurrentTimestamp):
        return exp.cast(exp.Literal.string(f"{NOW:%Y-%m-%d %H:%M:%S}"), "TIMESTAMP")
    if isinstance(node, exp.CurrentDate):
        return exp.cast(exp.Literal.string(f"{NOW:%Y-%m-%d}"), "DATE")
    return node


def _exact(node: exp.Expr) -> exp.Expr:
    """What is approximate in Trino is exact here and in the engine."""
    if isinstance(node, exp.ApproxDistinct):
        return exp.Count(this=exp.Distinct(expressions=[node.this]))
    return node


def _absent_parts(node: exp.Expr) -> exp.Expr:
    """SPLIT_PART beyond the last part is null in Trino, '' in DuckDB."""
    if isinstance(node, exp.SplitPart) and not node.meta.get("fixed"):
        node.meta["fixed"] = True
        parts = exp.func("string_split", node.this.copy(), node.args["delimiter"].copy(), dialect="duckdb")
        return exp.Anonymous(this="list_extract", expressions=[parts, node.args["part_index"].copy()])
    return node


def _no_database(node: exp.Expr) -> exp.Expr:
    """The tables stand in DuckDB's own database."""
    if isinstance(node, exp.Table):
        node.set("db", None)
        node.set("catalog", None)
    return node


_FIXES: tuple[Callable[[exp.Expr], exp.Expr], ...] = (_now, _exact, _absent_parts, _no_database)


def plain(value: Any) -> Any:
    """One form for what both say: decimals as they are written, doubles as doubles."""
    match value:
        case bool() | None | float():
            return value
        case int():
            return value
        case Decimal():
            return money_text(value)
        case datetime():
            return f"{value.isoformat()}Z"
        case date():
            return value.isoformat()
        case timedelta():
            return str(value)
        case list():
            return [plain(each) for each in value]
        case dict():
            return {key: plain(each) for key, each in value.items()}
    return value


def same(mine: Any, other: Any) -> bool:
    """Whether two cells are one value: exactly, but to 9 digits where either is a double.

    DuckDB's quotients and averages of decimals are doubles, so what is made of them can only be so close.
    """
    if isinstance(mine, float) or isinstance(other, float):
        if mine is None or other is None or isinstance(mine, bool | list | dict):
            return False
        try:
            left, right = float(mine), float(other)
        except ValueError:
            return False
        return abs(left - right) <= 1e-9 * max(abs(left), abs(right), 1.0)
    if isinstance(mine, list) and isinstance(other, list):
        return len(mine) == len(other) and all(map(same, mine, other))
    if _is_number(mine) and _is_number(other):
        return Decimal(str(mine)) == Decimal(str(other))
    if isinstance(mine, str) and isinstance(other, str) and len(mine) != len(other):
        return _midnight(mine) == _midnight(other)
    return bool(mine == other)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return True
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except ArithmeticError:
        return False


def _midnight(value: str) -> str:
    """A date and its first instant: what a date plus an interval is differs between the two."""
    return value.removesuffix("T00:00:00Z").removesuffix("T00:00:00.000Z")


def rows_of(answer: bytes) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in json.loads(answer)]
