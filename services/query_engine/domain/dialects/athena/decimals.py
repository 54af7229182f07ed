"""Products and quotients of decimals, exact and then rounded once, half even, to 18 places, in Trino's SQL.

Trino's + - * are exact or fail: a product has the scale of both, a sum the larger one, of 38 digits. A
quotient is rounded half up at the larger scale, and so is a cast. Where half up and half even differ (a tie
whose even neighbour is the other one) the last place is taken back. What is used twice is the parameter of a
lambda over an array of one, which Trino computes once.
https://trino.io/docs/current/functions/decimal.html
"""

from functools import cache

from sqlglot import exp

from services.query_engine.domain.dialects.build import MONEY, money, typed
from services.query_engine.domain.trino import DIALECT

SHORT_SCALE = 4
"""A factor of up to so many decimals leaves 16 digits before the point in a plain product."""
MOST_NODES = 600
"""Of both sides of a product: it is written with each once, and some twenty operators around them."""

_ULP = "CAST(0.000000000000000001 AS DECIMAL(38, 18))"
_TWO_ULPS = "CAST(0.000000000000000002 AS DECIMAL(38, 18))"
_HALF_ULP = "CAST(0.0000000000000000005 AS DECIMAL(38, 19))"


def _rounded(value: str) -> str:
    """`value` (any scale) to 18 places: half up, less a unit where that was an odd end of a tie."""
    up = "CAST(onyx__x AS DECIMAL(38, 18))"
    return (
        f"ELEMENT_AT(TRANSFORM(ARRAY[{value}], onyx__x -> CASE "
        f"WHEN ABS(onyx__x - {up}) = {_HALF_ULP} AND {up} % {_TWO_ULPS} <> 0 "
        f"THEN {up} - SIGN(onyx__x) * {_ULP} ELSE {up} END), 1)"
    )


ROUNDED = _rounded("onyx__p")

# a = A + x and b = B + y (whole and broken parts): A*b + x*B is exact at 18 places, x*y at 36. Whether a tie
# goes up depends on the last digit of the sum, so what is beyond a multiple of two units of the last place
# joins x*y before the one rounding.
_A, _B = "TRUNCATE(onyx__a)", "TRUNCATE(onyx__b)"
_X, _Y = f"(onyx__a - {_A})", f"(onyx__b - {_B})"
_ODD = f"(onyx__e % {_TWO_ULPS})"
_SMALL = f"{_ODD} + CAST({_X} AS DECIMAL(18, 18)) * CAST({_Y} AS DECIMAL(18, 18))"
PRODUCT = (
    "ELEMENT_AT(ZIP_WITH(ARRAY[onyx__p], ARRAY[onyx__q], (onyx__a, onyx__b) -> "
    f"ELEMENT_AT(TRANSFORM(ARRAY[{_A} * onyx__b + {_X} * {_B}], onyx__e -> "
    f"onyx__e - {_ODD} + {_rounded(_SMALL)}), 1)), 1)"
)

# r = a/b half up. It was a tie if a - r*b is half a unit of b, again put together from parts that fit.
_R = "TRUNCATE(onyx__r)"
_LEFT = (
    f"(onyx__a - {_R} * onyx__b - (onyx__r - {_R}) * {_B}"
    f" - CAST(onyx__r - {_R} AS DECIMAL(18, 18)) * CAST({_Y} AS DECIMAL(18, 18)))"
)
QUOTIENT = (
    "ELEMENT_AT(ZIP_WITH(ARRAY[onyx__p], ARRAY[onyx__q], (onyx__a, onyx__b) -> "
    "ELEMENT_AT(TRANSFORM(ARRAY[onyx__a / onyx__b], onyx__r -> CASE "
    f"WHEN onyx__r % {_TWO_ULPS} <> 0 AND ABS({_LEFT} + {_LEFT}) = ABS(onyx__b) * {_ULP} "
    f"THEN onyx__r - SIGN(onyx__r) * {_ULP} ELSE onyx__r END), 1)), 1)"
)


@cache
def _parsed(template: str) -> exp.Expr:
    from sqlglot import parse_one

    made: exp.Expr = parse_one(template, dialect=DIALECT)
    return made


def _filled(template: str, **values: exp.Expr) -> exp.Expr:
    made = _parsed(template).copy()
    for column in list(made.find_all(exp.Column)):
        if column.name in values:
            column.replace(values[column.name])
    return typed(made, exp.DataType.build(MONEY))


def rounded(node: exp.Expr) -> exp.Expr:
    """`node`, which may have more than 18 decimals, to 18."""
    return _filled(ROUNDED, onyx__p=node)


def product(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return _filled(PRODUCT, onyx__p=money(left), onyx__q=money(right))


def quotient(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return _filled(QUOTIENT, onyx__p=money(left), onyx__q=money(right))


def short_product(left: exp.Expr, right: exp.Expr, scale: int) -> exp.Expr:
    """Where `scale` decimals leave room enough before the point."""
    plain = typed(exp.Mul(this=left, expression=right), exp.DataType.build(f"DECIMAL(38, {scale})"))
    return rounded(plain)
