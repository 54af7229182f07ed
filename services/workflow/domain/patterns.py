"""Event patterns, in the syntax and with the meaning of Amazon EventBridge.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html

Each field holds a list of alternatives, of which one must match; all fields must match. An array in the data
matches where one of its elements does. Numbers are compared exactly, as decimals (EventBridge: as doubles).
Amounts of money are texts in events, so `numeric` does not see them: that is what `when` is for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from services.workflow.domain.pattern_operators import OPERATORS, Test, scalar_key

OR = "$or"
_MOST_DEPTH = 50
"""How deep arrays of the data are followed."""

Predicate = Callable[[Any], bool]


def matches(pattern: Mapping[str, Any], data: Any) -> bool:
    """Whether the data match; the empty pattern matches all. For many patterns or events: `compiled`."""
    return compiled(pattern)(data)


def compiled(pattern: Mapping[str, Any]) -> Predicate:
    """The pattern as a function. Of a pattern that `services.workflow.domain.pattern_checks` finds nothing
    wrong with; else it raises ValueError, KeyError or TypeError."""
    if not pattern:
        return lambda data: True
    return _object(pattern)


def leaves(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The scalars that a field's alternatives are compared with, through arrays on the way."""
    if not path:
        yield from flat(value, objects=False)
        return
    for each in flat(value, objects=True):
        if path[0] in each:
            yield from leaves(each[path[0]], path[1:])


def flat(value: Any, *, objects: bool, depth: int = 0) -> Iterator[Any]:
    """The objects (or the scalars) that a value offers: itself, or what its arrays hold."""
    if isinstance(value, list | tuple):
        if depth < _MOST_DEPTH:
            for each in value:
                yield from flat(each, objects=objects, depth=depth + 1)
    elif isinstance(value, Mapping) == objects:
        yield value


def _scalars(value: Any) -> Sequence[Any]:
    # Almost every value is one: that is answered without walking.
    return (value,) if isinstance(value, str | int) else list(flat(value, objects=False))


def _object(pattern: Mapping[str, Any]) -> Predicate:
    parts = [_any_of(value) if name == OR else _field(name, value) for name, value in pattern.items()]
    if len(parts) == 1:
        return parts[0]
    return lambda data: all(part(data) for part in parts)


def _any_of(alternatives: Any) -> Predicate:
    predicates = [_object(each) for each in alternatives]
    return lambda data: any(each(data) for each in predicates)


def _field(name: str, expected: Any) -> Predicate:
    if isinstance(expected, Mapping):
        return _nested(name, _object(expected))
    exact = {scalar_key(each) for each in expected if not isinstance(each, Mapping)}
    exists = {each["exists"] for each in expected if isinstance(each, Mapping) and "exists" in each}
    tests: list[Test] = [
        OPERATORS[operator](operand)
        for each in expected
        if isinstance(each, Mapping)
        for operator, operand in each.items()
        if operator != "exists"
    ]

    def test(data: Any) -> bool:
        found = _scalars(data[name]) if isinstance(data, Mapping) and name in data else ()
        if exists and bool(found) in exists:
            return True
        return any(scalar_key(each) in exact or any(holds(each) for holds in tests) for each in found)

    return test


def _nested(name: str, predicate: Predicate) -> Predicate:
    def test(data: Any) -> bool:
        inside = list(flat(data[name], objects=True)) if isinstance(data, Mapping) and name in data else []
        # Nothing there is asked as an empty object: `exists: false` holds of it.
        return any(predicate(each) for each in inside or [{}])

    return test


Field = tuple[tuple[str, ...], frozenset[Any]]
"""A field's path, and the plain values of which it must be one."""


def demands(pattern: Mapping[str, Any]) -> Iterator[list[Field]]:
    """What an index can go by: lists of fields, of each of which at least one field must hold where the
    pattern matches. (A list of more than one is of an `$or`.)"""
    for name, expected in pattern.items():
        if name == OR:
            each_demands = [next(iter(sorted(demands(each), key=len)), None) for each in expected]
            if all(each_demands):
                yield [field for each in each_demands if each for field in each]
        elif isinstance(expected, Mapping):
            for inside in demands(expected):
                yield [((name, *path), values) for path, values in inside]
        elif all(not isinstance(each, Mapping) for each in expected):
            yield [((name,), frozenset(scalar_key(each) for each in expected))]
