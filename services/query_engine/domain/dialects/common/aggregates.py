"""Aggregates in any engine: their arguments, and those that are others by another name."""

from collections.abc import Callable

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, cast, name_of, require, typed
from services.query_engine.domain.types import NUMERIC, Family

NEEDS_OVER = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)


def innermost(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Filter | exp.Window):
        node = node.this
    return node


def argument_of(function: exp.Expr) -> exp.Expr:
    inner: exp.Expr = function.this
    return inner.expressions[0] if isinstance(inner, exp.Distinct) else inner


def with_argument(
    node: exp.Expr,
    change: Callable[[exp.Expr], exp.Expr],
    function: type[exp.Expr] | None = None,
    returns: str | None = None,
) -> exp.Expr:
    """`node` with its aggregate's argument changed, and the aggregate itself replaced if one is given."""
    inner = innermost(node)
    argument = argument_of(inner)
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
