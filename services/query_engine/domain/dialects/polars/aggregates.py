"""Aggregates and windows: sums that cannot wrap, averages of decimals, what has another name."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    cast,
    integer_literal,
    name_of,
    require,
    typed,
    whole,
)
from services.query_engine.domain.dialects.common.aggregates import (
    NEEDS_OVER,
    argument_of,
    innermost,
    with_argument,
)
from services.query_engine.domain.dialects.polars.arithmetic import quotient
from services.query_engine.domain.dialects.polars.moving import moving_total, moving_window
from services.query_engine.domain.types import NUMERIC, Family, family


def aggregate(node: exp.Expr, context: Context) -> exp.Expr:
    """SUM, AVG, FILTER or OVER: the outermost of them is rewritten, once all within it is."""
    if isinstance(node.parent, exp.Filter | exp.Window) and node.arg_key == "this":
        return node
    inner = innermost(node)
    if isinstance(inner, NEEDS_OVER) and not isinstance(node, exp.Window):
        raise context.unsupported(node, f"{name_of(inner)} needs OVER (...)")
    if not isinstance(inner, exp.Sum | exp.Avg):
        return node
    argument = argument_of(inner)
    require(context, argument, *NUMERIC, what=name_of(inner))
    found = family(argument)
    if found is Family.DECIMAL and (window := moving_window(node)):
        return moving_total(window, context)
    if isinstance(inner, exp.Sum):
        return _sum(node, found)
    return _average(node) if found is Family.DECIMAL else typed(node, exp.DType.DOUBLE)


def _sum(node: exp.Expr, found: Family) -> exp.Expr:
    if found is not Family.INTEGER:
        return node
    if isinstance(node, exp.Window) and node.args.get("spec"):
        return typed(with_argument(node, lambda each: cast(each, "BIGINT")), exp.DType.BIGINT)
    return cast(with_argument(node, whole), "BIGINT")


def _average(node: exp.Expr) -> exp.Expr:
    """sum / count, rounded once: Polars' own average is a double. No rows give null, as null / null."""
    # The sum is made 18 places wide, not each of its terms.
    total = with_argument(node.copy(), lambda each: each, exp.Sum, "DECIMAL")
    count = with_argument(node, lambda each: each, exp.Count, "BIGINT")
    some = typed(exp.Nullif(this=count, expression=exp.Literal.number(0)), exp.DType.BIGINT)
    return quotient(total, some)


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
