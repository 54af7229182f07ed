"""Exact amounts as whole numbers of 1e-10: what AWS prints, and what no float comes near."""

from decimal import Decimal

import polars as pl

PLACES = 10
ONE = 10**PLACES
CENT = ONE // 100

_STEP = pl.lit(Decimal(1).scaleb(-PLACES))


def units(amount: str) -> int:
    """`"0.0832"` -> 832000000. Raises ValueError for more than 10 decimals."""
    whole, _, part = amount.removeprefix("-").partition(".")
    if len(part) > PLACES:
        raise ValueError(f"{amount} has more than {PLACES} decimals")
    scaled = int(f"{whole}{part:0<{PLACES}}")
    return -scaled if amount.startswith("-") else scaled


def text(amount: int) -> str:
    """-> plain digits without zeros at the end, exact at any size."""
    whole, part = divmod(abs(amount), ONE)
    digits = f"{whole}.{part:0{PLACES}d}".rstrip("0").rstrip(".")
    return f"-{digits}" if amount < 0 else digits


def decimal(column: pl.Expr) -> pl.Expr:
    """Units -> Decimal(38, 10)."""
    return column.cast(pl.Int128).cast(pl.Decimal(38, 0)) * _STEP


def finer(column: pl.Expr) -> pl.Expr:
    """Units of 1e-18 -> Decimal(38, 18)."""
    return column.cast(pl.Int128).cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-18))


def share(amount: int, part: int, whole: int) -> int:
    """amount x part / whole, rounded half even."""
    quotient, rest = divmod(amount * part, whole)
    return quotient + (1 if 2 * rest > whole or (2 * rest == whole and quotient % 2) else 0)


def share_expr(amount: pl.Expr, part: int | pl.Expr, whole: int) -> pl.Expr:
    """`share` of a column."""
    product = amount.cast(pl.Int128) * part
    quotient, twice = product // whole, (product % whole) * 2
    up = (twice > whole) | ((twice == whole) & (quotient % 2 == 1))
    return (quotient + up.cast(pl.Int128)).cast(pl.Int64)
