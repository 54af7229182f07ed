"""The arithmetic of decimals that DuckDB lacks, lent to it by Polars: so both engines have one rule.

Vectors come in as Arrow and go out as Arrow; nothing is a Python object on the way.
"""

from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
from duckdb.func import FunctionNullHandling, PythonUDFType

_MONEY = "DECIMAL(38,18)"
_DTYPE = pl.Decimal(38, 18)
_WHOLE = pl.Decimal(38, 0)
_LONG = pl.Decimal(38, 36)
_TWO_ULPS = pl.lit(Decimal("0.000000000000000002"), dtype=_DTYPE)


def quotient(dividend: Any, divisor: Any) -> Any:
    """dividend / divisor, rounded half even to 18 places. Fails on a zero divisor and on overflow."""
    left, right = pl.Series(dividend), pl.Series(divisor)
    return (left / right).cast(_DTYPE).to_arrow()


def product(left: Any, right: Any) -> Any:
    """left * right, exact and then rounded once, half even, to 18 places. Fails on overflow.

    By parts that fit 38 digits, as `dialects/polars/arithmetic.py` puts a product together: with a = A + x
    and b = B + y, A*b + x*B is exact at 18 places, and x*y decides how the last of them is rounded.
    """
    parts = pl.DataFrame({"a": pl.Series(left), "b": pl.Series(right)}).select(
        "b", A=_whole("a"), B=_whole("b"), x=_broken("a"), y=_broken("b")
    )
    exact = pl.col("A") * pl.col("b") + pl.col("x") * pl.col("B")
    # A product has the larger scale of the two: of 36 places, all that x*y has.
    rest = pl.col("x").cast(_LONG) * pl.col("y").cast(_LONG)
    summed = parts.select(exact.alias("exact"), rest.alias("rest"))
    odd = pl.col("exact") % _TWO_ULPS
    rounded = (odd.cast(_LONG) + pl.col("rest")).cast(_DTYPE)
    return summed.select((pl.col("exact") - odd + rounded).alias("product")).to_series().to_arrow()


def _whole(name: str) -> pl.Expr:
    return (pl.col(name) - _broken(name)).cast(_WHOLE)


def _broken(name: str) -> pl.Expr:
    return pl.col(name) % pl.lit(1, dtype=pl.Int64)


def register_decimals(connection: duckdb.DuckDBPyConnection) -> None:
    """`onyx_div(a, b)` and `onyx_mul(a, b)`, vector by vector."""
    for name, function in (("onyx_div", quotient), ("onyx_mul", product)):
        connection.create_function(
            name,
            function,
            [_MONEY, _MONEY],
            _MONEY,
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )
