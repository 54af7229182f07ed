"""What the footer of a parquet file says of its columns. Files never change, so facts hold for good."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from shared.tenancy import TenantId

Value = int | Decimal | str | date | datetime
"""Timestamps are naive and UTC. There are none for doubles (a NaN stands in no bound) and booleans."""


class ColumnFacts(NamedTuple):
    """Of one column in one part of a file: compressed bytes, the number of nulls, and bounds.

    `low` is no greater than any value there. No value is greater than `high`, but for a text: a writer may
    have cut it, so that texts which begin with `high` can be there. None is "not known".
    """

    bytes: int
    low: Value | None = None
    high: Value | None = None
    nulls: int | None = None


class Part(NamedTuple):
    """A row group. Columns stand under their case-folded names."""

    rows: int
    columns: Mapping[str, ColumnFacts]


@dataclass(frozen=True)
class FileFacts:
    """`bytes` is the size of the file."""

    bytes: int
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @cached_property
    def whole(self) -> Part:
        """All parts as one: what most files are ruled out by."""
        if len(self.parts) == 1:
            return self.parts[0]
        names = self.parts[0].columns if self.parts else ()
        return Part(self.rows, {name: _merged(self.parts, name) for name in names})


class FactsSource(Protocol):
    """Hands out the facts of a tenant's files."""

    def facts(self, tenant: TenantId, paths: Sequence[str]) -> Mapping[str, FileFacts]:
        """By path. Raises OnyxError where the files cannot be read now."""
        ...


class NoFacts:
    """Where nothing is known of any file."""

    def facts(self, tenant: TenantId, paths: Sequence[str]) -> Mapping[str, FileFacts]:
        return {}


def _merged(parts: Sequence[Part], name: str) -> ColumnFacts:
    found = [part.columns[name] for part in parts]
    # A part of nulls only has no bounds, and takes none from the others.
    valued = [each for each, part in zip(found, parts, strict=True) if each.nulls != part.rows]
    nulls = [each.nulls for each in found if each.nulls is not None]
    return ColumnFacts(
        sum(each.bytes for each in found),
        _extreme([each.low for each in valued], min),
        _extreme([each.high for each in valued], max),
        sum(nulls) if len(nulls) == len(found) else None,
    )


def _extreme(values: Sequence[Value | None], pick: Callable[[Any], Value]) -> Value | None:
    """Of one column of one file, so of one type. None where one of them is not known."""
    return None if not values or None in values else pick(values)
