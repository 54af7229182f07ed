"""Conditions over one table's columns, as tests of whether any row of a part of a file may meet them.

A test that says no is never wrong: what it does not understand it lets through.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from services.query_engine.domain.constants import as_moment, constant, moment_of
from services.query_engine.domain.facts import Value
from services.query_engine.domain.ranges import Bounds, Lookup, Range, range_of

Test = Callable[[Lookup], bool]

_FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}
_NEGATED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
}
_LONGEST_LIST = 2000


class Reader:
    """Reads conditions on the columns of `source` (an alias).

    `nulls` says whether IS NULL is taken at its word: beside an outer join it is not, as there a row that is
    left out may come back as nulls.
    """

    def __init__(self, source: str, now: datetime, *, nulls: bool) -> None:
        self._source = source
        self._now = now
        self._nulls = nulls

    def test(self, node: exp.Expr, *, negated: bool = False) -> Test | None:
        """None where nothing can be said. A condition that is null is not met, negated or not."""
        match node:
            case exp.Paren():
                return self.test(node.this, negated=negated)
            case exp.Not():
                return self.test(node.this, negated=not negated)
            case exp.And() | exp.Or():
                # Long chains lean to one side: they are walked, not recursed into.
                parts = [self.test(each, negated=negated) for each in chain(node)]
                return _all(parts) if isinstance(node, exp.And) is not negated else _any(parts)
            case exp.Between():
                parts = [
                    self._compared(node.this, exp.GTE, node.args["low"], negated=negated),
                    self._compared(node.this, exp.LTE, node.args["high"], negated=negated),
                ]
                return _any(parts) if negated else _all(parts)
            case exp.In() if not negated and node.args.get("query") is None:
                return self._membership(node)
            case exp.Is() if isinstance(node.expression, exp.Null):
                return self._null(node.this, negated=negated)
            case exp.Like() if not negated and not node.args.get("negate"):
                return self._like(node)
            case exp.Binary() if type(node) in _FLIPPED:
                return self._compared(node.this, type(node), node.expression, negated=negated)
        return None

    def _compared(
        self, left: exp.Expr, kind: type[exp.Expr], right: exp.Expr, *, negated: bool
    ) -> Test | None:
        found, value = self._range(left), self._constant(right)
        if found is None or value is None:
            kind = _FLIPPED[kind]
            found, value = self._range(right), self._constant(left)
        if found is None or value is None:
            return None
        return _compared(found, _NEGATED[kind] if negated else kind, value)

    def _membership(self, node: exp.In) -> Test | None:
        found = self._range(node.this)
        if found is None or len(node.expressions) > _LONGEST_LIST:
            return None
        values = [self._constant(each) for each in node.expressions]
        return _any([None if each is None else _compared(found, exp.EQ, each) for each in values])

    def _null(self, node: exp.Expr, *, negated: bool) -> Test | None:
        found = self._range(node)
        if found is None:
            return None
        if negated:
            return lambda lookup: found(lookup).value
        # A cast may make a null of a value, so only a bare column tells.
        return (lambda lookup: found(lookup).null) if self._nulls and isinstance(node, exp.Column) else None

    def _like(self, node: exp.Like) -> Test | None:
        found, pattern = self._range(node.this), self._constant(node.expression)
        if found is None or not isinstance(pattern, str) or "\\" in pattern:
            return None
        prefix = pattern[: min((pattern + each).index(each) for each in "%_")]
        return (lambda lookup: _may_begin(found(lookup), prefix)) if prefix else None

    def _range(self, node: exp.Expr) -> Range | None:
        return range_of(node, self._source)

    def _constant(self, node: exp.Expr) -> Value | None:
        return constant(node, self._now)


def conjuncts(node: exp.Expr) -> Iterable[exp.Expr]:
    """The parts of which each has to be met."""
    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, exp.And):
        return [node]
    return [part for each in chain(node) for part in conjuncts(each)]


def chain(node: exp.Expr) -> list[exp.Expr]:
    """The parts of x AND y AND z, or of x OR y OR z, in their order."""
    kind, parts = type(node), []
    while type(node) is kind:
        parts.append(node.expression)
        node = node.this
    return [node, *reversed(parts)]


def _all(parts: Iterable[Test | None]) -> Test | None:
    tests = [each for each in parts if each is not None]
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda lookup: all(each(lookup) for each in tests)


def _any(parts: Iterable[Test | None]) -> Test | None:
    tests = []
    for each in parts:
        if each is None:
            return None
        tests.append(each)
    return lambda lookup: any(each(lookup) for each in tests)


def _compared(found: Range, kind: type[exp.Expr], value: Value) -> Test:
    return lambda lookup: _may_compare(kind, found(lookup), value)


def _may_compare(kind: type[exp.Expr], bounds: Bounds, value: Value) -> bool:
    if not bounds.value:
        return False
    low = None if bounds.low is None else _order(bounds.low, value)
    high = None if bounds.high is None else _order(bounds.high, value)
    if high is not None and isinstance(bounds.high, str) and isinstance(value, str):
        high = 1 if value.startswith(bounds.high) else high
    if kind is exp.EQ:
        return (low is None or low <= 0) and (high is None or high >= 0)
    if kind is exp.NEQ:
        return not (low == high == 0)
    if kind is exp.LT:
        return low is None or low < 0
    if kind is exp.LTE:
        return low is None or low <= 0
    if kind is exp.GT:
        return high is None or high > 0
    return high is None or high >= 0


def _order(bound: Value, value: Value) -> int | None:
    """-1, 0 or 1 as `bound` is less, equal or greater; None for two that are not compared here."""
    left: Value | None = bound
    right: Value | None = value
    if isinstance(left, date) and isinstance(right, str):
        right = moment_of(right)
    if isinstance(left, datetime) is not isinstance(right, datetime):
        left, right = (as_moment(each) if isinstance(each, date) else each for each in (left, right))
    kinds = {int: 0, Decimal: 0, str: 1, date: 2, datetime: 3}
    if right is None or kinds.get(type(left), -1) != kinds.get(type(right), -2):
        return None
    return (left > right) - (left < right)  # type: ignore[operator]


def _may_begin(bounds: Bounds, prefix: str) -> bool:
    low, high, _, value = bounds
    if not value:
        return False
    if isinstance(high, str) and high < prefix and not prefix.startswith(high):
        return False
    return not (isinstance(low, str) and low > prefix and not low.startswith(prefix))
