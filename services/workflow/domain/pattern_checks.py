"""What is wrong with an event pattern, by field: before it is published, and in words."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.pattern_operators import COMPARISONS, decimal, plain_ipv4
from services.workflow.domain.patterns import OR

MOST_DEPTH = 20
MOST_VALUES = 500
_NESTED_IN_ANYTHING_BUT = ("prefix", "suffix", "wildcard", "equals-ignore-case")


@dataclass(frozen=True)
class PatternFinding:
    """`path` are the keys that lead to it (`detail.state[0]`)."""

    path: str
    message: str


def check(pattern: Any, path: str = "") -> list[PatternFinding]:
    """All that is wrong; empty: it can be compiled, and means something."""
    if not isinstance(pattern, Mapping):
        return [PatternFinding(path, "a pattern is an object of fields")]
    found = list(_object(pattern, path, 0))
    if _count(pattern) > MOST_VALUES:
        found.append(PatternFinding(path, f"a pattern has at most {MOST_VALUES} values"))
    return found


def _count(value: Any) -> int:
    # Deeper than what is checked is refused anyway.
    if isinstance(value, Mapping):
        return sum(_count(each) for each in value.values())
    return sum(_count(each) for each in value) if isinstance(value, list | tuple) else 1


def _object(
    pattern: Mapping[str, Any], path: str, depth: int, beside: frozenset[str] = frozenset()
) -> Iterator[PatternFinding]:
    """`beside` are the fields that stand next to the `$or` in which the object is."""
    if depth > MOST_DEPTH:
        yield PatternFinding(path, f"a pattern is at most {MOST_DEPTH} levels deep")
        return
    for name, expected in pattern.items():
        where = f"{path}.{name}" if path else str(name)
        if name == OR:
            yield from _or(expected, where, depth, beside | (pattern.keys() - {OR}))
        elif name in beside:
            # EventBridge joins the two lists: to whoever reads it, both must hold.
            yield PatternFinding(where, "the field stands beside $or as well: name it in one place")
        elif isinstance(expected, Mapping):
            if not expected:
                yield PatternFinding(where, "an empty object matches nothing: name a field, or leave it out")
            yield from _object(expected, where, depth + 1)
        elif isinstance(expected, list | tuple):
            yield from _alternatives(expected, where)
        else:
            yield PatternFinding(where, "the value of a field is a list of alternatives, or an object")


def _or(expected: Any, where: str, depth: int, beside: frozenset[str]) -> Iterator[PatternFinding]:
    if not isinstance(expected, list | tuple) or len(expected) < 2:
        yield PatternFinding(where, "$or is a list of at least two objects")
        return
    for at, each in enumerate(expected):
        if not isinstance(each, Mapping) or not each:
            yield PatternFinding(f"{where}[{at}]", "each alternative of $or is an object with a field")
        else:
            yield from _object(each, f"{where}[{at}]", depth + 1, beside)


def _alternatives(expected: Any, where: str) -> Iterator[PatternFinding]:
    if not expected:
        yield PatternFinding(where, "an empty list matches nothing: name a value")
    for at, each in enumerate(expected):
        here = f"{where}[{at}]"
        if isinstance(each, list | tuple):
            yield PatternFinding(here, "an alternative is a value or an operator, not a list")
        elif isinstance(each, Mapping):
            if len(each) != 1:
                yield PatternFinding(here, "an alternative holds exactly one operator")
                continue
            ((operator, operand),) = each.items()
            said = _operator(operator, operand)
            if said:
                yield PatternFinding(f"{here}.{operator}", said)


def _operator(name: str, operand: Any) -> str | None:
    checks = _CHECKS.get(name)
    if checks is None:
        return f"is no operator; known are {', '.join(sorted(_CHECKS))}"
    return checks(operand)


def _text(operand: Any) -> str | None:
    return None if isinstance(operand, str) else "takes a text"


def _affix(operand: Any) -> str | None:
    if isinstance(operand, Mapping):
        if list(operand) != ["equals-ignore-case"] or not isinstance(operand["equals-ignore-case"], str):
            return 'takes a text, or {"equals-ignore-case": "text"}'
        return None
    return _text(operand)


def _wildcard(operand: Any) -> str | None:
    if not isinstance(operand, str):
        return "takes a text"
    unescaped = re.sub(r"\\[*\\]", "", operand)
    if "\\" in unescaped:
        return "a backslash stands before a star or a backslash only"
    # Without what is escaped, two stars side by side may be a star, an escaped character and a star.
    if re.search(r"(?<!\\)(?:\\\\)*\*\*", operand):
        return "two stars side by side say no more than one"
    return None


def _cidr(operand: Any) -> str | None:
    refusal = "takes a network such as 10.0.0.0/24 or 2001:db8::/32"
    if not isinstance(operand, str):
        return refusal
    address, parted, mask = operand.partition("/")
    if not parted or not re.fullmatch(r"[0-9]{1,3}", mask) or "%" in address:
        return refusal
    try:
        network = ipaddress.ip_network(f"{plain_ipv4(address)}/{int(mask)}", strict=False)
    except ValueError:
        return refusal
    return "names one address: compare it exactly" if network.prefixlen == network.max_prefixlen else None


def _exists(operand: Any) -> str | None:
    return None if isinstance(operand, bool) else "takes true or false"


def _numeric(operand: Any) -> str | None:
    refusal = 'takes a comparison such as [">=", 10] or a range such as [">", 0, "<=", 5]'
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        return refusal
    names, bounds = operand[::2], [decimal(each) for each in operand[1::2]]
    if any(not isinstance(name, str) or name not in COMPARISONS for name in names):
        return refusal
    if any(bound is None or not bound.is_finite() for bound in bounds):
        return refusal
    if len(operand) == 2:
        return None
    if names[0] not in (">", ">=") or names[1] not in ("<", "<="):
        return "a range names its lower bound first"
    low, high = bounds
    return None if low is not None and high is not None and low < high else "the range holds no number"


def _anything_but(operand: Any) -> str | None:
    if isinstance(operand, Mapping):
        if len(operand) != 1 or next(iter(operand)) not in _NESTED_IN_ANYTHING_BUT:
            return f"takes values, or one of {', '.join(_NESTED_IN_ANYTHING_BUT)}"
        ((inner, given),) = operand.items()
        return _anything_but_nested(inner, given if isinstance(given, list | tuple) else [given])
    values = operand if isinstance(operand, list | tuple) else [operand]
    texts = [isinstance(each, str) for each in values]
    numbers = [decimal(each) is not None for each in values]
    if not values or not (all(texts) or all(numbers)):
        return "takes texts or numbers, not both, and at least one"
    return None


def _anything_but_nested(inner: str, values: Any) -> str | None:
    if not values:
        return f"{inner} takes at least one text"
    for each in values:
        said = _wildcard(each) if inner == "wildcard" else _text(each)
        if said:
            return f"{inner} {said}"
        if not each and inner in ("prefix", "suffix"):
            return f"{inner} takes a text that is not empty"
    return None


_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _text,
    "exactly": _text,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "exists": _exists,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
