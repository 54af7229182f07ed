"""Money is decimal(38, 18) from the file to the JSON string; a float never holds it.

Every operation here names its own context: the process's default (28 digits) would round silently.
"""

import re
from collections.abc import Iterable
from decimal import (
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

SCALE = 18
PRECISION = 38

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
# Far beyond any bill, and near enough that writing the number out cannot exhaust memory.
_LARGEST_EXPONENT = 128
_QUANTUM = Decimal(1).scaleb(-SCALE)
_ROUNDING = Context(prec=2 * PRECISION + 64, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, Overflow])
_EXACT = Context(prec=4096, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact, Clamped])


def parse_decimal(text: str) -> Decimal:
    """The exact value that `text` writes: sign, decimals and scientific notation are accepted.

    Raises ValueError for an empty text, NaN, infinity, spaces, underscores, thousands separators,
    digits that are not ASCII, and magnitudes beyond 10**128 or below 10**-128.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"not a decimal number: {text[:64]!r}")
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or max(abs(value.adjusted()), abs(exponent)) > _LARGEST_EXPONENT:
        raise ValueError(f"number out of range: {text[:64]!r}")
    return value


def quantize(value: Decimal) -> Decimal:
    """`value` rounded half even to 18 decimals.

    Raises ValueError when the result needs more than 38 digits (decimal(38, 18) holds 20 before the
    point) or is not finite.
    """
    if not value.is_finite():
        raise ValueError(f"not a finite amount: {value}")
    if value.adjusted() > 2 * PRECISION:
        raise ValueError(f"amount does not fit decimal({PRECISION}, {SCALE}): {value}")
    rounded = value.quantize(_QUANTUM, context=_ROUNDING)
    if rounded and rounded.adjusted() >= PRECISION - SCALE:
        raise ValueError(f"amount does not fit decimal({PRECISION}, {SCALE}): {value}")
    return rounded


def money_text(value: Decimal) -> str:
    """The canonical text: no exponent, no trailing zeros, no plus sign, "0" for every zero.

    Raises ValueError for NaN and infinity.
    """
    if not value.is_finite():
        raise ValueError(f"not a finite amount: {value}")
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum without any rounding; Decimal("0") for no values.

    Raises decimal.Inexact where 4096 digits do not hold it: never for amounts of `parse_decimal`.
    """
    total = Decimal(0)
    for value in values:
        total = _EXACT.add(total, value)
    return total
