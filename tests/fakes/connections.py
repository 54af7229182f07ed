"""Connections in memory, and an AWS account with a role, a bucket and a landing bucket beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from services.cost_center.application.connections import ManageConnections
from services.cost_center.domain.connection import (
    AccountRefused,
    Connection,
    Kind,
    ManifestReplaced,
    PullFailed,
    RoleRefused,
)
from services.cost_center.domain.connection_ports import ConnectionPage
from services.cost_center.domain.connection_template import Trusted
from services.cost_center.domain.pull import MANIFEST, Progress, SourceObject
from shared.clock import FixedClock
from shared.errors import VersionConflict
from shared.events import Event
from shared.ids import deterministic_id
from shared.tenancy import TenantId

START = datetime(2026, 10, 1, tzinfo=UTC)


class FakeConnections:
    """`services.cost_center.domain.connection_ports.Connections`; `told` are the events."""

    def __init__(self, random_text: Callable[[], str]) -> None:
        self._random_text = random_text
        self.ids: dict[TenantId, str] = {}
        self.stored: dict[tuple[TenantId, str], Connection] = {}
        self.pulled: dict[tuple[TenantId, str, str], Progress] = {}
        self.told: list[Event] = []

    def external_id(self, tenant: TenantId) -> str:
        if tenant not in self.ids:
            self.ids[tenant] = self._random_text()
        return self.ids[tenant]

    def get(self, tenant: TenantId, source: str) -> Connection | None:
        return self.stored.get((tenant, source))

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ConnectionPage:
        found = [each for each in self.every(tenant) if cursor is None or each.source > cursor]
        more = found[limit - 1].source if len(found) > limit else None
        return ConnectionPage(found[:limit], more)

    def every(self, tenant: TenantId) -> list[Connection]:
        return [self.stored[key] for key in sorted(self.stored) if key[0] == tenant]

    def save(self, tenant: TenantId, connection: Connection, event: Event | None) -> Connection:
        self._expect(self.stored.get((tenant, connection.source)), connection.version)
        made = replace(connection, version=(connection.version or 0) + 1)
        self.stored[tenant, connection.source] = made
        self.told += [event] if event else []
        return made

    def remove(self, tenant: TenantId, connection: Connection, event: Event) -> None:
        self._expect(self.stored.get((tenant, connection.source)), connection.version)
        del self.stored[tenant, connection.source]
        for period in self.progress(tenant, connection):
            del self.pulled[tenant, connection.nonce, period]
        self.told.append(event)

    def progress(self, tenant: TenantId, connection: Connection) -> Mapping[str, Progress]:
        return {
            period: each
            for (owner, nonce, period), each in self.pulled.items()
            if (owner, nonce) == (tenant, connection.nonce)
        }

    def save_progress(self, tenant: TenantId, connection: Connection, progress: Progress) -> Progress:
        key = (tenant, connection.nonce, progress.period)
        self._expect(self.pulled.get(key), progress.version)
        self.pulled[key] = replace(progress, version=(progress.version or 0) + 1)
        return self.pulled[key]

    def _expect(self, stored: "Connection | Progress | None", version: int | None) -> None:
        if (stored.version if stored else None) != version:
            raise VersionConflict("somebody else wrote")


@dataclass
class FakeAccount:
    """A customer's account. `demands` is what its role wants as external id; None: nothing."""

    demands: str | None = ""
    role: str | None = None
    readable: bool = True
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    landed: list[tuple[str, bytes]] = field(default_factory=list)
    opened: list[str | None] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Keys whose bytes are not those announced."""
    crash_before: str | None = None
    """The landing key before which the process dies."""
    clock: datetime = START

    def open(self, tenant: TenantId, connection: Connection, external_id: str | None) -> "FakeBucket":
        self.opened.append(external_id)
        known = self.role is not None and connection.place.role_arn == self.role
        if not known or (self.demands is not None and external_id != self.demands):
            raise RoleRefused(f"{connection.place.role_arn} cannot be assumed")
        return FakeBucket(self, connection)

    def put(self, key: str, body: bytes) -> None:
        self.clock += timedelta(seconds=1)
        self.objects[key] = (body, self.clock)


class Died(BaseException):
    """The process ended here."""


@dataclass(frozen=True)
class FakeBucket:
    account: FakeAccount
    connection: Connection

    def check(self) -> None:
        if not self.account.readable:
            raise AccountRefused(f"{self.connection.place.bucket} cannot be read")

    def manifests(self) -> list[SourceObject]:
        self.check()
        return [
            SourceObject(key, deterministic_id(body.hex()), len(body), at)
            for key, (body, at) in self.account.objects.items()
            if key.endswith(MANIFEST) and key.startswith(self.connection.place.folder)
        ]

    def read(self, found: SourceObject) -> bytes:
        body = self.account.objects[found.key][0]
        if deterministic_id(body.hex()) != found.etag:
            raise ManifestReplaced(found.key)
        return body

    def land_manifest(self, found: SourceObject, key: str) -> int:
        return self._land(self.read(found), key)

    def land(self, key: str, landing_key: str, time_is_up: Callable[[], bool]) -> int | None:
        if key not in self.account.objects:
            raise PullFailed(f"{key} is not there")
        if key in self.account.broken:
            raise PullFailed(f"{key}: the bytes that came do not have the checksum")
        return None if time_is_up() else self._land(self.account.objects[key][0], landing_key)

    def _land(self, body: bytes, key: str) -> int:
        if key == self.account.crash_before:
            raise Died
        self.account.landed.append((key, body))
        return len(body)


ACME, OTHER = TenantId("acme"), TenantId("globex")
ACCOUNT = "123456789012"
TRUSTED = Trusted("999999999999", "arn:aws:iam::999999999999:role/onyx-dev-cost-center-*")


class World:
    """The use cases over all of it: `deploy` is what the customer does."""

    def __init__(self) -> None:
        numbers: Iterator[int] = count(1)
        self.account = FakeAccount()
        self.connections = FakeConnections(lambda: f"random-{next(numbers)}")
        self.manage = ManageConnections(
            connections=self.connections,
            accounts=self.account,
            clock=FixedClock(START),
            random_text=lambda: f"random-{next(numbers)}",
            nonce=lambda: f"{next(numbers):016x}",
            trusted=TRUSTED,
        )

    def connect(self, source: str = "aws", tenant: TenantId = ACME, kind: Kind = Kind.CUR2) -> Connection:
        return self.manage.create(tenant, source, ACCOUNT, kind, "ada")[0]

    def deploy(self, connection: Connection, tenant: TenantId = ACME) -> None:
        """What deploying the template does to the account."""
        self.account.role = connection.place.role_arn
        self.account.demands = self.connections.external_id(tenant)

    def verify(self, source: str = "aws", tenant: TenantId = ACME, **given: str) -> Connection:
        return self.manage.verify(tenant, source, "ada", lambda place: replace(place, **given))

    @property
    def told(self) -> list[str]:
        return [event.detail_type() for event in self.connections.told]
