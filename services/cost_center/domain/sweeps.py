"""Rules of the sweeps: what counts as lost, when it is sent again, which file nobody can want any more."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.cost_center.domain.bill import Delivery, DeliveryKind
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.tables import Tier
from shared.tenancy import TenantId

HORIZON = timedelta(days=30)
"""A delivery that landed longer ago is no longer looked for: by then it was done, or given up in the open."""
FIRST_WAIT = timedelta(minutes=15)
MOST_SENDS = 8
"""With doubled waits, the last is 32 hours after the first; a queue's four days would only repeat it."""


@dataclass(frozen=True)
class Position:
    """Where a listing of object versions goes on: after this version of this key (None: all of them)."""

    key: str
    version_id: str | None = None


@dataclass(frozen=True)
class Landed:
    """One listed version of an object, and when it was put."""

    object: LandedObject
    modified: datetime

    @property
    def position(self) -> Position:
        # The listing calls a version of an unversioned bucket `null`.
        return Position(self.object.key, self.object.version_id or "null")


@dataclass(frozen=True)
class LandedPage:
    """Versions in order of their key, and where the next page begins (None: that was all)."""

    objects: Sequence[Landed]
    following: Position | None


@dataclass(frozen=True)
class LandingState:
    """How far the landing sweep is with one tenant.

    `watermarks`: by source, the key up to which every upload is accounted for. `last_source`: where the last
    run stopped. `crawl`: how far the slow walk over every key is; None begins anew.
    """

    watermarks: Mapping[str, str] = field(default_factory=dict)
    last_source: str | None = None
    crawl: Position | None = None
    version: int | None = None


@dataclass(frozen=True)
class Resent:
    """How often a delivery was sent again, and when last."""

    times: int
    at: datetime

    def due(self, now: datetime) -> bool:
        """Each time twice as long after the last: what waits in a long queue is not doubled every run."""
        return self.times < MOST_SENDS and now >= self.at + FIRST_WAIT * 2 ** (self.times - 1)


def lost(delivery: Delivery | None, now: datetime, grace: timedelta) -> bool:
    """Whether nothing, or nothing any more, seems to work on what was delivered.

    A part that is on record is no work by itself: its manifest is.
    """
    if delivery is None:
        return True
    return not _over(delivery) and delivery.received_at < now - grace


def accounted(delivery: Delivery | None) -> bool:
    """Whether the sweep never has to look at the delivery again."""
    return delivery is not None and _over(delivery)


def _over(delivery: Delivery) -> bool:
    # What was refused is put away last of all: this is asked of what still lies in landing.
    closed = delivery.done and delivery.closed and not delivery.refused
    return closed or delivery.kind is DeliveryKind.PART


def upload_floor(tenant: TenantId, source: str, moment: datetime) -> str:
    """A key that sorts before every upload of the source since `moment` and after those before it.

    Upload ids are UUIDv7: their first 48 bits are milliseconds since 1970.
    """
    millis = f"{int(moment.timestamp() * 1000):012x}"
    return f"{tenant}/{source}/{millis[:8]}-{millis[8:]}"


_TIERS = "|".join(tier.value for tier in Tier)
_CHANGES = re.compile(r"(?P<tenant>[^/]+)/changes/[^/]+/(?P<delivery>[^/]+)/[^/]+\.json")
_DATA = re.compile(rf"(?P<tenant>[^/]+)/(?:{_TIERS})/[^/]+/data/(?P<delivery>[^/]+)/[^/]+\.parquet")


@dataclass(frozen=True)
class LakeFile:
    """One object of the lake."""

    key: str
    modified: datetime

    def delivery_of(self, tenant: TenantId) -> str | None:
        """The delivery that wrote this data file, or document of changes; None for metadata and whatever
        else lies there."""
        found = _DATA.fullmatch(self.key) or _CHANGES.fullmatch(self.key)
        return found["delivery"] if found and found["tenant"] == tenant else None


@dataclass(frozen=True)
class LakePage:
    """Objects in order of their key, and the key after which the next page begins (None: that was all)."""

    files: Sequence[LakeFile]
    following: str | None


@dataclass(frozen=True)
class OrphanState:
    """How far the orphan sweep is with one tenant; None begins anew."""

    after: str | None = None
    version: int | None = None
