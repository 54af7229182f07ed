"""The arithmetic of decimals that DuckDB lacks, lent to it by Polars: so both engines have one rule."""

from typing import Any

import duckdb
import polars as pl
from duckdb.func import FunctionNullHandling, PythonUDFType

_MONEY = "DECIMAL(38,18)"
_DTYPE = pl.Decimal(38, 18)


def _quotient(dividend: Any, divisor: Any) -> Any:
    """dividend / divisor, rounded half even to 18 places. Fails on a zero divisor and on overflow."""
    left, right = pl.Series(dividend), pl.Series(divisor)
    return (left / right).cast(_DTYPE).to_arrow()


def register_decimals(connection: duckdb.DuckDBPyConnection) -> None:
    """`onyx_div(a, b)`, vector by vector."""
    connection.create_function(
        "onyx_div",
        _quotient,
        [_MONEY, _MONEY],
        _MONEY,
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
