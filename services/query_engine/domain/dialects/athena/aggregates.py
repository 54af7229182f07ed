"""Aggregates and windows: Trino's own, but for the average of decimals, which it rounds half up."""

from sqlglot import exp

from services.query_engine.domain.dialects.athena.decimals import quotient
from services.query_engine.domain.dialects.build import (
    Context,
    cast,
    integer_literal,
    name_of,
    require,
    typed,
)
from services.query_engine.domain.dialects.common import aggregates as same
from services.query_engine.domain.dialects.common.comparisons import alike
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.types import NUMERIC, Family, family


def aggregate(node: exp.Expr, context: Context) -> exp.Expr:
    """SUM, AVG, FILTER or OVER: the outermost of them is rewritten, once all within it is."""
    above = exp.Filter | exp.Window | exp.IgnoreNulls | exp.RespectNulls
    if isinstance(node.parent, above) and node.arg_key == "this":
        return node
    inner = same.innermost(node)
    if isinstance(inner, same.NEEDS_OVER) and not isinstance(node, exp.Window):
        raise context.unsupported(node, f"{name_of(inner)} needs OVER (...)")
    if not isinstance(inner, exp.Sum | exp.Avg):
        return node
    argument = same.argument_of(inner)
    require(context, argument, *NUMERIC, what=name_of(inner))
    found = family(argument)
    if isinstance(inner, exp.Avg):
        return _average(node) if found is Family.DECIMAL else typed(node, exp.DType.DOUBLE)
    return typed(node, exp.DType.BIGINT) if found is Family.INTEGER else node


def _average(node: exp.Expr) -> exp.Expr:
    """sum / count, rounded once. No rows give null, as null / null."""
    total = same.with_argument(node.copy(), lambda each: each, exp.Sum, "DECIMAL")
    count = same.with_argument(node, lambda each: each, exp.Count, "BIGINT")
    some = typed(exp.Nullif(this=count, expression=exp.Literal.number(0)), exp.DType.BIGINT)
    return quotient(total, some)


def neighbour(node: exp.Lag | exp.Lead, context: Context) -> exp.Expr:
    """lag and lead: an offset of whole rows, and a default of the value's type."""
    offset, default = node.args.get("offset"), node.args.get("default")
    if offset is not None and (integer_literal(offset) is None or (integer_literal(offset) or 0) < 0):
        raise context.unsupported(node, f"The offset of {name_of(node)} is a whole number from 0")
    if default is not None and family(default) is not Family.NULL:
        this, default = alike(node, (node.this, default), context)
        node.set("this", this)
        node.set("default", cast(default, this.type.sql()) if this.type else default)
    return aggregate(node, context)


RULES: dict[type[exp.Expr], Rewrite] = {
    **dict.fromkeys((exp.Sum, exp.Avg, exp.Filter, exp.Window), aggregate),
    **dict.fromkeys((exp.RowNumber, exp.Rank, exp.DenseRank), aggregate),
    **dict.fromkeys((exp.FirstValue, exp.LastValue), aggregate),
    **dict.fromkeys((exp.Lag, exp.Lead), neighbour),
    exp.Count: same.count,
    **dict.fromkeys((exp.Min, exp.Max), same.one_argument),
    exp.CountIf: same.count_if,
    exp.ApproxDistinct: same.approx_distinct,
    exp.AnyValue: same.any_value,
    **dict.fromkeys((exp.Stddev, exp.StddevSamp, exp.Variance), same.spread),
}
