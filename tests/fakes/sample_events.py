"""Two events of a domain that does not exist, for tests of what carries events."""

from datetime import UTC, datetime
from typing import ClassVar

from shared.events import Envelope, Event, envelope
from shared.tenancy import TenantId

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class ThingHappened(Event):
    """Something happened."""

    type: ClassVar[str] = "ThingHappened"
    source: ClassVar[str] = "onyx.sample"
    name: str


class ThingEnded(Event):
    """Something ended."""

    type: ClassVar[str] = "ThingEnded"
    source: ClassVar[str] = "onyx.sample"
    name: str


def happened(name: str = "a", *, id: str = "e-1", tenant: str = "acme", time: datetime = NOON) -> Envelope:
    """An envelope with a ThingHappened."""
    return envelope(ThingHappened(name=name), tenant=TenantId(tenant), id=id, time=time, correlationid="c-1")
