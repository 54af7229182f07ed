"""The operators of event patterns: each makes a test of one scalar from its operand."""

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Test = Callable[[Any], bool]

COMPARISONS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)


def decimal(value: Any) -> Decimal | None:
    """A JSON number exactly; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    # A float's shortest text is what stood in the JSON.
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def scalar_key(value: Any) -> tuple[str, Any]:
    """Equal for scalars that are equal in JSON: 1 and 1.0 are, 1 and "1" or true are not."""
    exact = decimal(value)
    return (type(value).__name__, value) if exact is None else ("number", exact)


def prefix(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        wanted = operand["equals-ignore-case"].lower()
        return lambda value: isinstance(value, str) and value.lower().startswith(wanted)
    return lambda value: isinstance(value, str) and value.startswith(operand)


def suffix(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        wanted = operand["equals-ignore-case"].lower()
        return lambda value: isinstance(value, str) and value.lower().endswith(wanted)
    return lambda value: isinstance(value, str) and value.endswith(operand)


def equals_ignore_case(operand: str) -> Test:
    wanted = operand.lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def exactly(operand: Any) -> Test:
    wanted = scalar_key(operand)
    return lambda value: scalar_key(value) == wanted


def wildcard(operand: str) -> Test:
    """`*` is any text, `\\*` a star. Each part is searched after the one before, which is enough: no text
    makes it try again."""
    first, *rest = _wildcard_parts(operand)
    if not rest:
        return lambda value: bool(value == first)
    *middle, last = rest

    def test(value: Any) -> bool:
        if not isinstance(value, str) or not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            at = value.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return at <= end

    return test


def _wildcard_parts(operand: str) -> list[str]:
    parts = [""]
    escaped = False
    for char in operand:
        if escaped or char not in "\\*":
            parts[-1] += char
            escaped = False
        elif char == "*":
            parts.append("")
        else:
            escaped = True
    return parts


def cidr(operand: str) -> Test:
    given, _, mask = operand.partition("/")
    network = ipaddress.ip_network(f"{plain_ipv4(given)}/{mask}", strict=False)

    def test(value: Any) -> bool:
        if not isinstance(value, str) or "%" in value:
            return False
        try:
            address = ipaddress.ip_address(plain_ipv4(value))
        except ValueError:
            return False
        return address.version == network.version and address in network

    return test


def plain_ipv4(text: str) -> str:
    """An IPv4 address with its numbers read as decimals: `010.0.0.1` is `10.0.0.1`, as AWS reads it."""
    if not _IPV4.fullmatch(text) or len(text) > 64:
        return text
    return ".".join(str(int(each)) for each in text.split("."))


def numeric(operand: Any) -> Test:
    conditions = [
        (COMPARISONS[name], decimal(bound)) for name, bound in zip(operand[::2], operand[1::2], strict=True)
    ]

    def test(value: Any) -> bool:
        exact = decimal(value)
        return exact is not None and all(
            bound is not None and compare(exact, bound) for compare, bound in conditions
        )

    return test


def anything_but(operand: Any) -> Test:
    if isinstance(operand, Mapping):
        ((inner, given),) = operand.items()
        tests = [OPERATORS[inner](each) for each in (given if isinstance(given, list | tuple) else [given])]
        return lambda value: not any(test(value) for test in tests)
    refused = {scalar_key(each) for each in (operand if isinstance(operand, list | tuple) else [operand])}
    return lambda value: scalar_key(value) not in refused


OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "prefix": prefix,
    "suffix": suffix,
    "equals-ignore-case": equals_ignore_case,
    "exactly": exactly,
    "wildcard": wildcard,
    "cidr": cidr,
    "numeric": numeric,
    "anything-but": anything_but,
}
"""All but `exists`, which asks about the field and not about a value of it."""
