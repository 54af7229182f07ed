"""Aggregates and windows: sums that cannot wrap, averages of decimals, what has another name."""

from collections.abc import Callable

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    cast,
    integer_literal,
    money,
    name_of,
    require,
    typed,
    whole,
)
from services.query_engine.domain.dialects.polars.arithmetic import quotient
from services.query_engine.domain.dialects.polars.moving import moving_total, moving_window
from services.query_engine.domain.types import NUMERIC, Family, family

_NEEDS_OVER = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)


def aggregate(node: exp.Expr, context: Context) -> exp.Expr:
    """SUM, AVG, FILTER or OVER: the outermost of them is rewritten, once all within it is."""
    if isinstance(node.parent, exp.Filter | exp.Window) and node.arg_key == "this":
        return node
    inner = _innermost(node)
    if isinstance(inner, _NEEDS_OVER) and not isinstance(node, exp.Window):
        raise context.unsupported(node, f"{name_of(inner)} needs OVER (...)")
    if not isinstance(inner, exp.Sum | exp.Avg):
        return node
    argument = _argument(inner)
    require(context, argument, *NUMERIC, what=name_of(inner))
    found = family(argument)
    if found is Family.DECIMAL and (window := moving_window(node)):
        return moving_total(window, context)
    if isinstance(inner, exp.Sum):
        return _sum(node, found)
    return _average(node) if found is Family.DECIMAL else typed(node, exp.DType.DOUBLE)


def _innermost(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Filter | exp.Window):
        node = node.this
    return node


def _argument(function: exp.Expr) -> exp.Expr:
    inner: exp.Expr = function.this
    return inner.expressions[0] if isinstance(inner, exp.Distinct) else inner


def _sum(node: exp.Expr, found: Family) -> exp.Expr:
    if found is not Family.INTEGER:
        return node
    if isinstance(node, exp.Window) and node.args.get("spec"):
        return typed(_with_argument(node, lambda each: cast(each, "BIGINT")), exp.DType.BIGINT)
    return cast(_with_argument(node, whole), "BIGINT")


def _average(node: exp.Expr) -> exp.Expr:
    """sum / count, rounded once: Polars' own average is a double. No rows give null, as null / null."""
    total = _with_argument(node.copy(), money, exp.Sum, "DECIMAL(38, 18)")
    count = _with_argument(node, lambda each: each, exp.Count, "BIGINT")
    some = typed(exp.Nullif(this=count, expression=exp.Literal.number(0)), exp.DType.BIGINT)
    return quotient(total, some)


def _with_argument(
    node: exp.Expr,
    change: Callable[[exp.Expr], exp.Expr],
    function: type[exp.Expr] | None = None,
    returns: str | None = None,
) -> exp.Expr:
    """`node` with its aggregate's argument changed, and the aggregate itself replaced if one is given."""
    inner = _innermost(node)
    argument = _argument(inner)
    # A placeholder keeps the place while the argument moves into its new wrapping.
    place = exp.Null()
    argument.replace(place)
    place.replace(change(argument))
    if function is not None:
        kind = exp.DataType.build(returns) if returns else None
        made = typed(function(this=inner.this), kind)
        if inner is node:
            node = made
        else:
            inner.replace(made)
            typed(node, kind)
    return node


def count(node: exp.Count, context: Context) -> exp.Expr:
    """One argument, as in Trino; Polars' count is a bigint."""
    distinct = node.this if isinstance(node.this, exp.Distinct) else None
    if node.expressions or (distinct and len(distinct.expressions) != 1):
        raise context.unsupported(node, "count takes one argument")
    return node if node.this else typed(exp.Count(this=exp.Star()), exp.DType.BIGINT)


def one_argument(node: exp.Expr, context: Context) -> exp.Expr:
    if node.expressions:
        raise context.unsupported(node, f"{name_of(node)} takes one argument here")
    return node


def count_if(node: exp.CountIf, context: Context) -> exp.Expr:
    require(context, node.this, Family.BOOLEAN, what="count_if")
    case = exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))])
    return typed(exp.Count(this=typed(case, exp.DType.BIGINT)), exp.DType.BIGINT)


def approx_distinct(node: exp.ApproxDistinct, context: Context) -> exp.Expr:
    """Exactly: the best approximation there is."""
    return typed(exp.Count(this=exp.Distinct(expressions=[node.this])), exp.DType.BIGINT)


def any_value(node: exp.AnyValue, context: Context) -> exp.Expr:
    """The greatest is as arbitrary as any, and the same on every run."""
    return typed(exp.Max(this=node.this), node.type)


def spread(node: exp.Expr, context: Context) -> exp.Expr:
    """stddev and variance, of doubles."""
    require(context, node.this, *NUMERIC, what=name_of(node))
    return typed(type(node)(this=cast(node.this, "DOUBLE")), exp.DType.DOUBLE)


def neighbour(node: exp.Lag | exp.Lead, context: Context) -> exp.Expr:
    if node.args.get("default") is not None:
        raise context.unsupported(node, f"{name_of(node)} takes no default here: use coalesce")
    offset = node.args.get("offset")
    if offset is not None and (integer_literal(offset) or 0) < 1:
        raise context.unsupported(node, f"The offset of {name_of(node)} is a whole number from 1")
    return node


def window_spec(node: exp.WindowSpec, context: Context) -> exp.Expr:
    """ROWS as written; RANGE only where it is what a window without a frame means anyway."""
    if str(node.args.get("kind")).upper() == "ROWS":
        return node
    frame = tuple(
        str(node.args.get(part) or "").upper() for part in ("start", "start_side", "end", "end_side")
    )
    if str(node.args.get("kind")).upper() != "RANGE" or frame[:3] != (
        "UNBOUNDED",
        "PRECEDING",
        "CURRENT ROW",
    ):
        raise context.unsupported(node, "Of window frames only ROWS BETWEEN ... is supported here")
    return node
