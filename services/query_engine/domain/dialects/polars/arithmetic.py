"""Literals and + - * / %: Trino's integers, and decimals rounded once, half even, to 18 places.

Polars adds, subtracts and divides decimals as wanted, and fails on overflow. It multiplies to the sum of
both scales, so that decimal(38,18) squared holds no more than 99: a product is put together from parts
that fit. Its integers wrap silently and its `/` gives a double: integers go through decimal(38,0).
"""

from collections.abc import Callable
from functools import partial

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    SCALE,
    Context,
    binary,
    call,
    cast,
    integer_literal,
    money,
    paren,
    typed,
    whole,
)
from services.query_engine.domain.dialects.common import operators
from services.query_engine.domain.dialects.scales import scale_of, with_scale
from services.query_engine.domain.types import Family, family

_SHORT_SCALE = 4
"""A literal of up to so many decimals leaves 16 digits before the point in a plain product."""
_MAX_PRODUCT_NODES = 4_000

_D = "DECIMAL(38, 18)"
_TWO_ULPS = "0.000000000000000002"


def arithmetic(node: exp.Binary, context: Context) -> exp.Expr:
    """`left op right` by the families of both sides."""
    return operators.arithmetic(node, context, _INTEGERS, _DECIMALS)


# --- integers ---


def _checked(kind: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Through decimals, so that overflow and a zero divisor fail instead of wrapping or giving null."""
    return cast(binary(kind, whole(left), right, "DECIMAL(38, 0)"), "BIGINT")


def _integer_quotient(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Towards zero, as Trino."""
    if integer_literal(right):
        return call("DIV", left, right, returns="BIGINT")
    quotient = binary(exp.Div, money(left), right, _D)
    return cast(call("TRUNC", quotient, returns=_D), "BIGINT")


_INTEGERS: dict[type[exp.Expr], Callable[[exp.Expr, exp.Expr], exp.Expr]] = {
    exp.Add: partial(_checked, exp.Add),
    exp.Sub: partial(_checked, exp.Sub),
    exp.Mul: partial(_checked, exp.Mul),
    exp.Mod: partial(_checked, exp.Mod),
    exp.Div: _integer_quotient,
}


# --- decimals ---


def _as_is(node: exp.Binary, context: Context) -> exp.Expr:
    scale = max(scale_of(node.this), scale_of(node.expression))
    return with_scale(typed(node, exp.DataType.build(_D)), scale)


def quotient(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Polars divides to the scale of the dividend and rounds half even: give it 18 places."""
    return binary(exp.Div, money(left), right, _D)


def _product(node: exp.Binary, context: Context) -> exp.Expr:
    left, right = node.this, node.expression
    if Family.INTEGER in (family(left), family(right)):
        return paren(_as_is(node, context))
    if (plain := scale_of(left) + scale_of(right)) <= SCALE:
        return with_scale(binary(exp.Mul, left, right, f"DECIMAL(38, {plain})"), plain)
    for side in (left, right):
        if (scale := _literal_scale(side)) is not None and scale <= _SHORT_SCALE:
            return cast(binary(exp.Mul, left, right, _D), _D)
    if sum(1 for _ in left.walk()) + sum(1 for _ in right.walk()) > _MAX_PRODUCT_NODES // 7:
        raise context.unsupported(
            node, "A product of products of decimals is too long: name its parts in a subquery"
        )
    return _long_product(money(left), money(right))


def _literal_scale(node: exp.Expr) -> int | None:
    while isinstance(node, exp.Paren | exp.Neg):
        node = node.this
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return len(node.this.name.partition(".")[2])
    return None


def _long_product(a: exp.Expr, b: exp.Expr) -> exp.Expr:
    """a * b, exact and then rounded once, half even, to 18 places.

    With a = A + x and b = B + y (whole and broken parts): A*b + x*B is exact at 18 places, x*y is below 1
    and exact at 36. Whether a tie goes up depends on the last digit of the sum, so what A*b + x*B has
    beyond a multiple of two units of the last place joins x*y before the one rounding.
    """
    exact = binary(
        exp.Add,
        binary(exp.Mul, _whole_part(a), b.copy(), _D),
        binary(exp.Mul, _broken_part(a), _whole_part(b), _D),
        _D,
    )
    odd = binary(exp.Mod, exact.copy(), cast(exp.Literal.number(_TWO_ULPS), _D), _D)
    rest = binary(exp.Mul, _broken_part(a), _broken_part(b), "DECIMAL(38, 36)")
    rounded = cast(binary(exp.Add, odd.copy(), rest, "DECIMAL(38, 36)"), _D)
    return binary(exp.Add, binary(exp.Sub, exact, odd, _D), rounded, _D)


def _whole_part(node: exp.Expr) -> exp.Expr:
    return whole(call("TRUNC", node.copy(), returns=_D))


def _broken_part(node: exp.Expr) -> exp.Expr:
    return binary(exp.Mod, node.copy(), exp.Literal.number(1), _D)


def _quotient(node: exp.Binary, context: Context) -> exp.Expr:
    return quotient(node.this, node.expression)


_DECIMALS: dict[type[exp.Expr], Callable[[exp.Binary, Context], exp.Expr]] = {
    exp.Add: _as_is,
    exp.Sub: _as_is,
    exp.Mod: _as_is,
    exp.Mul: _product,
    exp.Div: _quotient,
}
