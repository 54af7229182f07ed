"""Tags that a tenant asks for so often that `charges` has a column for each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.cost_center.domain.tables import ColumnSpec, ColumnType
from services.cost_center.domain.tags import FOCUS, normal_key
from services.cost_center.events import TagsPromoted
from shared.errors import BadRequest
from shared.ids import deterministic_id
from shared.tenancy import TenantId

MOST = 20
LONGEST = 128
"""The longest key that AWS takes."""
_PREFIX = "x_Tag_"


@dataclass(frozen=True)
class PromotedTag:
    """A key in its normal form, and the column that holds its value."""

    key: str

    @property
    def column(self) -> ColumnSpec:
        return ColumnSpec(_PREFIX + re.sub(r"\W", "_", self.key), ColumnType.STRING)


Promoted = tuple[PromotedTag, ...]


@dataclass(frozen=True)
class TagSettings:
    """A tenant's choice, with the version of its row (None: there is none)."""

    promoted: Promoted = ()
    version: int | None = None


class ChosenTags(Protocol):
    """What an ingest asks."""

    def settings(self, tenant: TenantId) -> TagSettings: ...


class PromotedTags(ChosenTags, Protocol):
    """Where the choice is kept."""

    def save(self, tenant: TenantId, settings: TagSettings, event: TagsPromoted) -> None:
        """In place of the version that was read. Raises Conflict where another was there before."""
        ...


class NoTags:
    """Nobody chose any."""

    def settings(self, tenant: TenantId) -> TagSettings:
        return TagSettings()


NO_TAGS: ChosenTags = NoTags()


def promoted(keys: Sequence[str]) -> Promoted:
    """The tags of those keys, however they are written, each once, in their order.

    Raises BadRequest (INVALID_TAG_KEY) for an empty or too long key, for too many, and for two whose columns
    would have one name.
    """
    normal = list(dict.fromkeys(normal_key(key.strip(), FOCUS) for key in keys))
    if len(normal) > MOST:
        raise BadRequest(f"at most {MOST} tags can be promoted, not {len(normal)}", code="INVALID_TAG_KEY")
    tags = tuple(PromotedTag(key) for key in normal)
    columns: dict[str, str] = {}
    for tag in tags:
        if not tag.key or len(tag.key) > LONGEST:
            raise BadRequest(f"a tag's key has 1 to {LONGEST} characters", code="INVALID_TAG_KEY")
        other = columns.setdefault(tag.column.name.casefold(), tag.key)
        if other != tag.key:
            raise BadRequest(
                f"{other!r} and {tag.key!r} would have one column, {tag.column.name}", code="INVALID_TAG_KEY"
            )
    return tags


def recipe_with(recipe: str, tags: Promoted) -> str:
    """An id of rules that make these columns beside their own: a bill that comes again is curated anew when
    the choice has changed."""
    return deterministic_id(recipe, *(tag.key for tag in tags)) if tags else recipe
