"""Row policies: which rows of their tenant's tables a caller may see, whatever they ask."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.query_engine.domain.errors import ROW_POLICY
from shared.errors import BadRequest
from shared.tag_keys import FOCUS, normal_key
from shared.tenancy import TenantId

COST_CENTER_TAG = "cost_center"
MOST_VALUES = 1000
"""Of a policy in all. A query with as many is planned in milliseconds."""
MOST_TAGS = 20
LONGEST_VALUE = 256
"""AWS's own limit for the value of a tag."""
LONGEST_KEY = 128
_SUBJECT = re.compile(r"[\w.@:+=,|~-]{1,128}")
ME = "me"
"""In a path: whoever asks."""


class Match(StrEnum):
    """Whether a row has to meet one of a policy's conditions or all of them."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True)
class RowPolicy:
    """A row is seen that meets any, or all, of the conditions that are given; each is met by one of its
    values. Without a condition no row is seen, unless `everything` says so.

    A cost center is the value of the tag that the tenant calls so.
    """

    match: Match = Match.ANY
    sub_accounts: tuple[str, ...] = ()
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    cost_centers: tuple[str, ...] = ()
    everything: bool = False


NOTHING = RowPolicy()


@dataclass(frozen=True)
class PolicySettings:
    """A tenant's own: whether those see nothing for whom there is no policy, and which tag is the cost
    center. `version` is that of the row, and moves with each change of any of the tenant's policies; None:
    nothing was ever set."""

    deny_unnamed: bool = False
    cost_center_tag: str = COST_CENTER_TAG
    version: int | None = None


@dataclass(frozen=True)
class SetPolicy:
    """A policy as it is kept: whom it binds, by whom it was set and when."""

    subject: str
    policy: RowPolicy
    set_by: str
    set_at: datetime
    version: int


@dataclass(frozen=True)
class Binding:
    """What binds one caller now."""

    policy: RowPolicy
    cost_center_tag: str = COST_CENTER_TAG


@dataclass(frozen=True)
class PolicyPage:
    policies: tuple[SetPolicy, ...]
    cursor: str | None


class ReadPolicies(Protocol):
    """What a query asks."""

    def binding(self, tenant: TenantId, subject: str) -> Binding | None:
        """What binds `subject`; None where all rows of the tenant may be seen.

        A policy that was set before this was asked is in it.
        """
        ...


class Policies(ReadPolicies, Protocol):
    """Where policies are kept. Each change is kept as well: who, when, what."""

    def settings(self, tenant: TenantId) -> PolicySettings: ...

    def find(self, tenant: TenantId, subject: str) -> SetPolicy | None: ...

    def page(self, tenant: TenantId, limit: int, cursor: str | None) -> PolicyPage:
        """By subject, `limit` of them; a cursor is the subject that a page ended with."""
        ...

    def save(self, tenant: TenantId, given: SetPolicy) -> None:
        """As version `given.version`, in place of the one before. Raises Conflict for a race lost."""
        ...

    def remove(self, tenant: TenantId, found: SetPolicy, by: str, at: datetime) -> None:
        """Raises Conflict where it is another by now."""
        ...

    def configure(self, tenant: TenantId, settings: PolicySettings, by: str, at: datetime) -> None:
        """In place of the settings of `settings.version`. Raises Conflict for a race lost."""
        ...


class NoPolicies:
    """Where everybody sees all rows of their tenant."""

    def binding(self, tenant: TenantId, subject: str) -> Binding | None:
        return None


def row_policy(
    match: str = Match.ANY,
    sub_accounts: Sequence[str] = (),
    tags: Mapping[str, Sequence[str]] | None = None,
    cost_centers: Sequence[str] = (),
    *,
    everything: bool = False,
) -> RowPolicy:
    """A policy as an administrator writes it. Raises BadRequest (ROW_POLICY) that says what is wrong."""
    made = RowPolicy(
        Match(match),
        _values("sub_accounts", sub_accounts),
        tuple((tag_key(key), _values(f"tags.{key}", values)) for key, values in sorted((tags or {}).items())),
        _values("cost_centers", cost_centers),
        everything,
    )
    conditions = bool(made.sub_accounts or made.tags or made.cost_centers)
    if everything and conditions:
        raise _wrong("a policy that lets everything through has no other condition")
    if not everything and not conditions:
        raise _wrong("a policy needs sub_accounts, tags or cost_centers, or everything")
    if any(not values for _, values in made.tags):
        raise _wrong("a tag needs a value that lets a row through")
    if len(made.tags) > MOST_TAGS:
        raise _wrong(f"a policy names at most {MOST_TAGS} tags")
    normal = [normal_key(key, FOCUS) for key, _ in made.tags]
    if len(set(normal)) < len(normal):
        raise _wrong("two of the tags are one in `charges`: give its values together")
    in_all = len(made.sub_accounts) + len(made.cost_centers) + sum(len(values) for _, values in made.tags)
    if in_all > MOST_VALUES:
        raise _wrong(f"a policy has at most {MOST_VALUES} values; this one has {in_all}")
    return made


def tag_key(key: str) -> str:
    """A tag's key, in its owner's spelling or that of `charges`. Raises BadRequest (ROW_POLICY)."""
    return _text("the key of a tag", key, LONGEST_KEY)


def subject_of(text: str) -> str:
    """The subject of a token, as a path names it. Raises BadRequest (ROW_POLICY)."""
    if not _SUBJECT.fullmatch(text) or text == ME:
        raise _wrong("a subject is the `sub` of a token: 1 to 128 letters, digits and . @ : + = , | ~ - _")
    return text


def _values(field: str, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({_text(f"a value of {field}", each, LONGEST_VALUE) for each in values}))


def _text(what: str, text: str, longest: int) -> str:
    """As it is: a space more or less is another value. What cannot be seen is a mistake."""
    if not text.strip() or len(text) > longest:
        raise _wrong(f"{what} has 1 to {longest} characters")
    if any(unicodedata.category(each) in ("Cc", "Cs", "Cn") for each in text):
        raise _wrong(f"{what} has a character that cannot be written")
    return text


def _wrong(detail: str) -> BadRequest:
    return BadRequest(detail, code=ROW_POLICY)
