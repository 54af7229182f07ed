"""SUM and AVG of decimals over ROWS BETWEEN n PRECEDING AND ...: Polars has no moving sum of decimals.

Its own moves doubles only, and money is never one. So the rows of the frame are fetched one by one, each by
LAG or LEAD over the same window, and added up exactly.
"""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    MONEY,
    Context,
    binary,
    cast,
    integer_literal,
    money,
    name_of,
    paren,
    typed,
)
from services.query_engine.domain.dialects.polars.arithmetic import quotient

MAX_ROWS = 100
"""The longest frame: each of its rows is an expression of its own."""


def moving_window(node: exp.Expr) -> exp.Window | None:
    """`node`, where it is a window over a number of rows; Polars itself answers what is UNBOUNDED."""
    if not isinstance(node, exp.Window) or (spec := node.args.get("spec")) is None:
        return None
    bounds = (_side(spec, "start"), _side(spec, "end"))
    rows = str(spec.args.get("kind")).upper() == "ROWS"
    return None if not rows or any(each.startswith("UNBOUNDED") for each in bounds) else node


def moving_total(window: exp.Window, context: Context) -> exp.Expr:
    """The frame's exact sum, or its average rounded once; null where the frame has no value."""
    function = window.this
    if not isinstance(function, exp.Sum | exp.Avg) or isinstance(function.this, exp.Distinct):
        raise context.unsupported(window, "A moving sum or average takes neither FILTER nor DISTINCT here")
    first, last = _offset(window, "start", context), _offset(window, "end", context)
    if not 0 <= last - first < MAX_ROWS:
        raise context.unsupported(window, f"A moving {name_of(function)} has 1 to {MAX_ROWS} rows here")
    rows = [_row(window, function.this, offset) for offset in range(first, last + 1)]
    total = _added([cast(_or_zero(row), MONEY) for row in rows], MONEY)
    count = _added([_counted(row) for row in rows], "BIGINT")
    some = typed(exp.Nullif(this=count, expression=exp.Literal.number(0)), exp.DType.BIGINT)
    if isinstance(function, exp.Avg):
        return quotient(total, some)
    seen = exp.Is(this=paren(some), expression=exp.Null())
    choice = exp.Case(ifs=[exp.If(this=seen, true=cast(exp.Null(), MONEY))], default=total)
    return typed(choice, exp.DataType.build(MONEY))


def _side(spec: exp.Expr, name: str) -> str:
    value, side = spec.args.get(name), spec.args.get(f"{name}_side")
    text = value.sql() if isinstance(value, exp.Expr) else str(value or "CURRENT ROW")
    return f"{text} {side or ''}".strip().upper()


def _offset(window: exp.Window, name: str, context: Context) -> int:
    """Rows from the current one: those before it are below 0."""
    spec = window.args["spec"]
    if _side(spec, name) == "CURRENT ROW":
        return 0
    value = spec.args.get(name)
    number = integer_literal(value) if isinstance(value, exp.Expr) else None
    if number is None or number < 0:
        raise context.unsupported(window, "A bound of ROWS BETWEEN is a whole number here")
    return -number if str(spec.args.get(f"{name}_side")).upper() == "PRECEDING" else number


def _row(window: exp.Window, value: exp.Expr, offset: int) -> exp.Expr:
    """The value `offset` rows away, over the same partition and order."""
    if offset == 0:
        return money(value.copy())
    kind = exp.Lag if offset < 0 else exp.Lead
    near = kind(this=money(value.copy()), offset=exp.Literal.number(abs(offset)))
    made = window.copy()
    made.set("this", typed(near, exp.DataType.build(MONEY)))
    made.set("spec", None)
    return typed(made, exp.DataType.build(MONEY))


def _or_zero(row: exp.Expr) -> exp.Expr:
    zero = cast(exp.Literal.number(0), MONEY)
    return typed(exp.Coalesce(this=row.copy(), expressions=[zero]), exp.DataType.build(MONEY))


def _counted(row: exp.Expr) -> exp.Expr:
    empty = exp.Is(this=row.copy(), expression=exp.Null())
    case = exp.Case(ifs=[exp.If(this=empty, true=exp.Literal.number(0))], default=exp.Literal.number(1))
    return typed(case, exp.DType.BIGINT)


def _added(parts: list[exp.Expr], kind: str) -> exp.Expr:
    """The sum as a balanced tree: a long chain would nest deeper than Polars reads."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return binary(exp.Add, _added(parts[:half], kind), _added(parts[half:], kind), kind)
