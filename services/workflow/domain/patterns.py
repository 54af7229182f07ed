"""Event patterns, in the syntax and with the meaning of Amazon EventBridge.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html

Each field holds a list of alternatives, of which one must match; all fields must match. An array in the data
matches where one of its elements does. Numbers are compared exactly, as decimals (EventBridge: as doubles).
Amounts of money are texts in events, so `numeric` does not see them: that is what `when` is for.
"""

from collections.abc import Callable, Iterator, Mapping
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
        found = list(flat(data[name], objects=False)) if isinstance(data, Mapping) and name in data else []
        if bool(found) in exists:
            return True
        return any(scalar_key(each) in exact or any(holds(each) for holds in tests) for each in found)

    return test


def _nested(name: str, predicate: Predicate) -> Predicate:
    def test(data: Any) -> bool:
        inside = list(flat(data[name], objects=True)) if isinstance(data, Mapping) and name in data else []
        # Nothing there is asked as an empty object: `exists: false` holds of it.
        return any(predicate(each) for each in inside or [{}])

    return test


def exact_values(pattern: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], frozenset[Any]]]:
    """The fields that must be one of some plain values: what an index can go by. (Those within `$or` are
    not among them.)"""
    for name, expected in pattern.items():
        if name == OR:
            continue
        if isinstance(expected, Mapping):
            for path, values in exact_values(expected):
                yield (name, *path), values
        elif all(not isinstance(each, Mapping) for each in expected):
            yield (name,), frozenset(scalar_key(each) for each in expected)
