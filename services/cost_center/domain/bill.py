"""A bill, its deliveries and what becomes of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.cost_center.events import CurrencyTotal, PublishedTable


class Status(StrEnum):
    """What a delivery did to its bill."""

    INGESTED = "ingested"
    UNCHANGED = "unchanged"
    RESTATED = "restated"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Outcome:
    """What one delivery meant for one bill: what the API shows and `onyx ingest` prints.

    `rows`, `totals` and `published_at` are of this delivery, or of the published set where it is unchanged.
    """

    bill_id: str
    source: str
    delivery_id: str
    status: Status
    format: str | None = None
    billing_period: str | None = None
    files: tuple[str, ...] = ()
    rows: int = 0
    totals: tuple[CurrencyTotal, ...] = ()
    reasons: tuple[str, ...] = ()
    published_at: datetime | None = None
    quarantine: str | None = None
    """Where the files of a refused delivery are kept: the s3:// address of a folder."""


@dataclass(frozen=True)
class PublishedSet:
    """What readers of a bill see, named in one write: the snapshot and files of each of its tables.

    `content` is the delivered content's hash, `recipe` that of the rules that curated it, `delivered_at`
    and then `order` order deliveries, and `attempt` finds the reconciliation rows.
    """

    delivery_id: str
    attempt: str
    content: str
    recipe: str
    delivered_at: datetime
    published_at: datetime
    primary: bool
    tables: Mapping[str, PublishedTable]
    order: str = ""
    """Empty in sets from before it was kept."""


@dataclass(frozen=True)
class Primaries:
    """Which source feeds `charges`, by billing account, in one billing period of a tenant.

    It is written with the bill that it lets in, so that a delivery that fails claims nothing.
    """

    billing_period: str
    sources: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None

    def taken(self, accounts: Iterable[str], *, source: str) -> dict[str, str]:
        """Those of `accounts` that another source feeds, and which."""
        return {
            account: self.sources[account]
            for account in sorted(accounts)
            if self.sources.get(account, source) != source
        }

    def fed_by(self, source: str, accounts: Iterable[str]) -> "Primaries":
        """After `source` published these accounts, and no other: what it fed before is free again."""
        others = {account: other for account, other in self.sources.items() if other != source}
        return replace(self, sources=others | dict.fromkeys(accounts, source))


@dataclass(frozen=True)
class Bill:
    """(source, billing period): its last outcome that changed it, its published set, its last rejection.

    A bill that was never published is known by its rejection. `version` counts writes; None is not stored.
    """

    outcome: Outcome
    published: PublishedSet | None = None
    last_rejection: Outcome | None = None
    version: int | None = None

    @property
    def bill_id(self) -> str:
        return self.outcome.bill_id

    def rejecting(self, rejection: Outcome) -> "Bill":
        """The bill after a refused delivery: what is published stays as it is."""
        if self.published is None:
            return replace(self, outcome=rejection, last_rejection=rejection)
        return replace(self, last_rejection=rejection)


class DeliveryKind(StrEnum):
    """What a landed object is: a bill by itself, the manifest of several files, or one of those."""

    FILE = "file"
    MANIFEST = "manifest"
    PART = "part"


MOST_TOLD = 20
"""How many missing files are named; all of them are counted."""


@dataclass(frozen=True)
class Waiting:
    """Why a delivery cannot be read yet: what is missing of the files that its manifest names.

    `missing` has the first MOST_TOLD of `missing_count`; a part whose manifest has not come misses that.
    """

    since: datetime
    reason: str
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    named: int = 0
    billing_period: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One delivered object and what became of each bill in it.

    `done` when its bills are decided, `closed` when nothing at all is left to do: refused files are in
    quarantine, and the parts of a delivery know that it is done. A part, or a second copy of a manifest, is
    done with the delivery that it is `part_of`; `files` tells of a manifest's files, in the versions that
    were read.
    """

    delivery_id: str
    bucket: str
    key: str
    source: str
    filename: str
    received_at: datetime
    done: bool = False
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    version: int | None = None
    kind: DeliveryKind = DeliveryKind.FILE
    closed: bool = False
    waiting: Waiting | None = None
    part_of: str | None = None
    files: str | None = None

    @property
    def refused(self) -> bool:
        return any(each.status is Status.REJECTED for each in self.outcomes.values())

    def with_outcome(self, outcome: Outcome, *, of: frozenset[str]) -> "Delivery":
        """The delivery with one more outcome; done when each bill in `of` has one."""
        outcomes = {**self.outcomes, outcome.bill_id: outcome}
        done = of <= outcomes.keys()
        refused = any(each.status is Status.REJECTED for each in outcomes.values())
        closed = done and not refused and self.kind is DeliveryKind.FILE
        return replace(self, outcomes=outcomes, done=done, closed=closed, waiting=None)

    def ended(self, part_of: str | None = None) -> "Delivery":
        """The delivery with nothing left to do, and no bill of its own."""
        return replace(self, done=True, closed=True, waiting=None, part_of=part_of)


def judge(
    published: PublishedSet | None, *, content: str, recipe: str, delivered_at: datetime, order: str = ""
) -> tuple[Status, str | None]:
    """What a good delivery does to what is published, and why it does nothing, if so.

    The same content by the same rules is unchanged; a delivery older than the published one never replaces
    it. Of two deliveries of one moment, the one with the greater `order` is the newer (see landing.order_of).
    """
    if published is None:
        return Status.INGESTED, None
    if (published.content, published.recipe) == (content, recipe):
        return Status.UNCHANGED, "the same content is published"
    if (delivered_at, order) < (published.delivered_at, published.order):
        return Status.UNCHANGED, "a newer delivery of this bill is published"
    return Status.RESTATED, None
