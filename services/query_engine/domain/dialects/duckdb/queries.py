"""Whole queries in DuckDB: keys that are constants, and columns of set operations that have one scale."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, cast, integer_literal
from services.query_engine.domain.dialects.common import queries as same
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb.comparisons import widen
from services.query_engine.domain.types import Family, family


def select(node: exp.Select, context: Context) -> exp.Expr:
    same.check_select(node, context)
    for part in ("group", "order"):
        if clause := node.args.get(part):
            for each in clause.expressions:
                _no_place(each.this if isinstance(each, exp.Ordered) else each)
    return node


def _no_place(key: exp.Expr) -> None:
    """A number in GROUP BY or ORDER BY is a column's place to DuckDB; the places were resolved before."""
    if integer_literal(key) is not None:
        key.replace(cast(key.copy(), "BIGINT"))


def set_operation(node: exp.SetOperation, context: Context) -> exp.Expr:
    """DuckDB makes decimal(38,2) of decimal(38,18) beside decimal(38,2): such columns are widened first."""
    made = same.set_operation(node, context)
    for at, each in enumerate(node.left.selects):
        if family(each.unalias()) is Family.DECIMAL:
            widen(node, at)
    return made


RULES: dict[type[exp.Expr], Rewrite] = {
    exp.Select: select,
    **dict.fromkeys((exp.Union, exp.Intersect, exp.Except), set_operation),
    **dict.fromkeys((exp.Where, exp.Having), same.clause),
    exp.Join: same.join,
    exp.Limit: same.limit,
    exp.Offset: same.limit,
    exp.Ordered: same.ordered,
}
