"""Which of many triggers an event fires, without asking each of them.

Triggers are kept by event type, and those of one type by the values of one field that their pattern demands
exactly (of an `$or`, of one field in each of its alternatives): of the fields that it has, the one whose
values the fewest triggers share. An event then asks only the triggers of the values that it holds, and those
that demand no plain value. (The same idea, with more
machinery, is in Event Ruler, EventBridge's own matcher: https://github.com/aws/event-ruler.)
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.workflow.domain.pattern_operators import scalar_key
from services.workflow.domain.patterns import Field, Predicate, compiled, demands, leaves

T = TypeVar("T")
Path = tuple[str, ...]


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """`what` fires on events of `type` (`BillIngested.v1`) whose data match `pattern`."""

    type: str
    pattern: Mapping[str, Any]
    what: T


class Matcher(Generic[T]):
    """Built once for a set of triggers; answers in the order in which they were given."""

    def __init__(self, candidates: Iterable[Candidate[T]]) -> None:
        by_type: dict[str, list[Candidate[T]]] = defaultdict(list)
        for each in candidates:
            by_type[each.type].append(each)
        self._by_type = {type: _OfType(each) for type, each in by_type.items()}

    def match(self, type: str, data: Any) -> list[T]:
        """What fires on an event of `type` that says `data`."""
        found = self._by_type.get(type)
        return [] if found is None else found.match(data)


class _OfType(Generic[T]):
    """The triggers of one event type. Numbers stand for them, in their order."""

    def __init__(self, candidates: list[Candidate[T]]) -> None:
        self._what = [each.what for each in candidates]
        self._predicates: list[Predicate] = [compiled(each.pattern) for each in candidates]
        self._always: list[int] = []
        self._index: dict[Path, dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
        demanded = [list(demands(each.pattern)) for each in candidates]
        shared = Counter(
            (path, value)
            for each in demanded
            for fields in each
            for path, values in fields
            for value in values
        )

        def asked_by(fields: Sequence[Field]) -> int:
            return sum(shared[path, value] for path, values in fields for value in values)

        for at, each in enumerate(demanded):
            if not each:
                self._always.append(at)
            for path, values in min(each, key=asked_by, default=()):
                for value in values:
                    self._index[path][value].append(at)

    def match(self, data: Any) -> list[T]:
        return [self._what[at] for at in sorted(set(self._asked(data))) if self._predicates[at](data)]

    def _asked(self, data: Any) -> Iterator[int]:
        yield from self._always
        for path, by_value in self._index.items():
            for value in leaves(data, path):
                yield from by_value.get(scalar_key(value), ())
