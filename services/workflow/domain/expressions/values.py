"""Values of expressions: JSON's, where every number is an int or a Decimal, never a float."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import (
    MAX_RESULT_CHARACTERS,
    MAX_RESULT_DEPTH,
    MAX_RESULT_ELEMENTS,
    Budget,
    exceeded,
)
from shared.money import money_text, parse_decimal

Number = int | Decimal

_LARGEST_BITS = 512
_LARGEST_EXPONENT = 128


def type_name(value: Any) -> str:
    """JMESPath's name of the value's type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case Mapping():
            return "object"
        case _:
            return "expref"


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def number(value: Any) -> Number:
    """`value`, which is a number, as int or Decimal (a float as it is written). Raises ExpressionError for
    what is not finite or beyond 10**128."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, int):
        if value.bit_length() > _LARGEST_BITS:
            raise ExpressionError("a number is too large for expressions")
        return value
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ExpressionError("a number is not finite")
    if max(abs(value.adjusted()), abs(exponent)) > _LARGEST_EXPONENT:
        raise ExpressionError("a number is too large or too small for expressions")
    return Decimal(value)


def decimal(text: str) -> Decimal:
    """The number that `text` writes. Raises ExpressionError."""
    try:
        return parse_decimal(text.strip() if len(text) <= 300 else "")
    except ValueError as error:
        raise ExpressionError(f"{text[:40]!r} is not a decimal number") from error


def truth(value: Any) -> bool:
    """JMESPath's: null, false, and empty texts, arrays and objects are false; all else, 0 too, is true."""
    return not (value is None or value is False or value == "" or value == [] or value == {})


def same(left: Any, right: Any, budget: Budget) -> bool:
    """JMESPath's `==`, in depth: types differ or values differ. Paid for by element, because a small
    expression can build values that share their parts and are exponentially large to walk."""
    waiting = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        budget.steps()
        if one is other:
            continue
        if is_number(one) and is_number(other):
            if number(one) != number(other):
                return False
            continue
        if type_name(one) != type_name(other):
            return False
        match one:
            case str():
                budget.characters(min(len(one), len(other)))
                if one != other:
                    return False
            case list() | tuple():
                if len(one) != len(other):
                    return False
                budget.steps(len(one))
                waiting.extend(zip(one, other, strict=True))
            case Mapping():
                if one.keys() != other.keys():
                    return False
                budget.steps(len(one))
                waiting.extend((each, other[key]) for key, each in one.items())
            case _:
                if one != other:
                    return False
    return True


def settled(value: Any, budget: Budget) -> Any:
    """A result as it leaves: a copy that shares nothing, no float in it, within the limits of size."""
    size = _Size(budget)
    return size.copy(value, 0)


class _Size:
    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._elements = 0
        self._characters = 0

    def copy(self, value: Any, depth: int) -> Any:
        self._elements += 1
        self._budget.steps()
        if self._elements > MAX_RESULT_ELEMENTS:
            exceeded(f"its result has more than {MAX_RESULT_ELEMENTS:,} elements")
        if depth > MAX_RESULT_DEPTH:
            exceeded(f"its result is nested deeper than {MAX_RESULT_DEPTH} levels")
        match value:
            case None | bool():
                return value
            case str():
                return self._text(value)
            case int() | float() | Decimal():
                return number(value)
            case Mapping():
                return {self._text(key): self.copy(each, depth + 1) for key, each in value.items()}
            case list() | tuple():
                return [self.copy(each, depth + 1) for each in value]
            case _:
                raise ExpressionError("an expression reference (&) is no value: it only stands in a function")

    def _text(self, value: Any) -> str:
        text = str(value)
        self._characters += len(text)
        if self._characters > MAX_RESULT_CHARACTERS:
            exceeded(f"its result has more than {MAX_RESULT_CHARACTERS:,} characters")
        return text


def scalar_text(value: Any) -> str | None:
    """The text of a scalar in a template or a table, null as empty; None for arrays and objects."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Decimal():
            return money_text(value)
        case int():
            return str(value)
        case _:
            return None
