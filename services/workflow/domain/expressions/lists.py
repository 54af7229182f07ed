"""Functions of arrays and objects, and of any value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget
from services.workflow.domain.expressions.values import is_number, number, same, type_name


def contains(budget: Budget, subject: Sequence[Any] | str, search: Any) -> bool:
    if isinstance(subject, str):
        if not isinstance(search, str):
            return False
        budget.characters(len(subject) + len(search))
        return search in subject
    return any(same(each, search, budget) for each in subject)


def default(budget: Budget, value: Any, other: Any) -> Any:
    return other if value is None else value


def not_null(budget: Budget, *values: Any) -> Any:
    return next((each for each in values if each is not None), None)


def to_array(budget: Budget, value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def type_of(budget: Budget, value: Any) -> str:
    return type_name(value)


def length(budget: Budget, value: Any) -> int:
    return len(value)


def keys(budget: Budget, value: Mapping[str, Any]) -> list[str]:
    budget.steps(len(value))
    return list(value)


def values(budget: Budget, value: Mapping[str, Any]) -> list[Any]:
    budget.steps(len(value))
    return list(value.values())


def merge(budget: Budget, *objects: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in objects:
        budget.steps(len(each))
        merged.update(each)
    return merged


def backwards(budget: Budget, value: list[Any] | str) -> Any:
    if isinstance(value, str):
        budget.characters(len(value))
    else:
        budget.steps(len(value))
    return value[::-1]


def mapped(budget: Budget, by: Any, values: Sequence[Any]) -> list[Any]:
    return [by.visit(by.expression, each) for each in values]


def largest(budget: Budget, values: Sequence[Any]) -> Any:
    _pay(budget, values)
    return max(values, default=None)


def smallest(budget: Budget, values: Sequence[Any]) -> Any:
    _pay(budget, values)
    return min(values, default=None)


def in_order(budget: Budget, values: Sequence[Any]) -> list[Any]:
    _pay(budget, values)
    return sorted(values)


def largest_by(budget: Budget, values: Sequence[Any], by: Any) -> Any:
    return max(_keyed(budget, values, by), key=_first, default=(None, None))[1]


def smallest_by(budget: Budget, values: Sequence[Any], by: Any) -> Any:
    return min(_keyed(budget, values, by), key=_first, default=(None, None))[1]


def in_order_by(budget: Budget, values: Sequence[Any], by: Any) -> list[Any]:
    return [each for _, each in sorted(_keyed(budget, values, by), key=_first)]


_first: Callable[[tuple[Any, Any]], Any] = lambda pair: pair[0]  # noqa: E731 - as typed as a def, and shorter


def _keyed(budget: Budget, values: Sequence[Any], by: Any) -> list[tuple[Any, Any]]:
    keyed = [(by.visit(by.expression, each), each) for each in values]
    found = {type_name(key) for key, _ in keyed}
    if not (found <= {"number"} or found <= {"string"}):
        raise ExpressionError(
            f"orders by numbers or by texts, not by {', '.join(sorted(found))}"
            " (default(value, other) stands in for null, decimal(text) makes a number)"
        )
    keyed = [(number(key) if is_number(key) else key, each) for key, each in keyed]
    _pay(budget, [key for key, _ in keyed])
    return keyed


def _pay(budget: Budget, values: Sequence[Any]) -> None:
    budget.steps(len(values))
    budget.characters(sum(len(each) for each in values if isinstance(each, str)))
