"""Functions of numbers. Sums are exact; products and quotients are rounded once, half even, to scale 18."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from fractions import Fraction
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget
from services.workflow.domain.expressions.values import Number, decimal, is_number
from shared.money import SCALE, exact_sum, quantize

_WIDE = Context(prec=400, rounding=ROUND_HALF_EVEN)


def absolute(budget: Budget, value: Number) -> Number:
    return value.copy_abs() if isinstance(value, Decimal) else abs(value)


def add(budget: Budget, left: Number, right: Number) -> Number:
    return total(budget, (left, right))


def subtract(budget: Budget, left: Number, right: Number) -> Number:
    return total(budget, (left, right.copy_negate() if isinstance(right, Decimal) else -right))


def multiply(budget: Budget, left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    return _once(Fraction(left) * Fraction(right))


def divide(budget: Budget, left: Number, right: Number) -> Decimal:
    if not right:
        raise ExpressionError("division by zero")
    return _once(Fraction(left) / Fraction(right))


def total(budget: Budget, values: Sequence[Number]) -> Number:
    if all(isinstance(each, int) for each in values):
        return sum(each for each in values if isinstance(each, int))
    try:
        return exact_sum(Decimal(each) for each in values)
    except Inexact as error:
        raise ExpressionError("the sum does not fit") from error


def average(budget: Budget, values: Sequence[Number]) -> Decimal | None:
    return _once(Fraction(total(budget, values)) / len(values)) if values else None


def _once(exact: Fraction) -> Decimal:
    """Rounded once to scale 18: `round` of a fraction is half even."""
    try:
        return quantize(Decimal(f"{round(exact * 10**SCALE)}E-{SCALE}"))
    except ValueError as error:
        raise ExpressionError("the result does not fit decimal(38, 18)") from error


def ceil(budget: Budget, value: Number) -> int:
    return math.ceil(value)


def floor(budget: Budget, value: Number) -> int:
    return math.floor(value)


def rounded(budget: Budget, value: Number, digits: Number = 0) -> Number:
    """Half even, to 0 to 18 digits after the point; without digits a whole number."""
    if not isinstance(digits, int) or not 0 <= digits <= SCALE:
        raise ExpressionError(f"the digits are a whole number from 0 to {SCALE}")
    if isinstance(value, int):
        return value
    exact = value.quantize(Decimal(f"1E-{digits}"), context=_WIDE)
    return exact if digits else int(exact)


def to_decimal(budget: Budget, value: str | Number | None) -> Decimal | None:
    if value is None:
        return None
    return decimal(value) if isinstance(value, str) else Decimal(value)


def to_number(budget: Budget, value: Any) -> Number | None:
    """JMESPath's: null for what is no number."""
    if isinstance(value, str):
        try:
            found = decimal(value)
        except ExpressionError:
            return None
        return int(found) if value.strip().lstrip("+-").isdigit() else found
    return value if is_number(value) else None
