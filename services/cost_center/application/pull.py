"""Pulling bills from the accounts of one tenant, as `domain.pull` says: manifest first, manifest last.

A run may end at any file. What was copied is noted after each, so that the next run goes on with the file
after it; a file whose note was lost with the process is copied once more, byte for byte the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from services.cost_center.application.connections import opens_to_others, refusal
from services.cost_center.domain.connection import (
    PULLED,
    AccountRefused,
    Connection,
    LastPull,
    ManifestReplaced,
    PullFailed,
    Status,
)
from services.cost_center.domain.connection_ports import Connections, CustomerAccounts, CustomerBucket
from services.cost_center.domain.pull import (
    Progress,
    SourceObject,
    landing_key,
    named_files,
    newest_by_period,
)
from services.cost_center.events import ConnectionFailed
from shared.clock import Clock
from shared.errors import Unavailable, VersionConflict
from shared.observability import logger
from shared.tenancy import TenantId

SWEEP = "pull"
BY = "pull"
"""Who does what a pull finds out, in its events."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Run:
    files: int = 0
    size: int = 0
    ended: bool = False
    """Whether time was up before everything was seen."""


@dataclass(frozen=True)
class PullBills:
    """The use case. `time_is_up` ends a run early; the next one goes on from there."""

    connections: Connections
    accounts: CustomerAccounts
    clock: Clock
    random_text: Callable[[], str]
    time_is_up: Callable[[], bool] = field(default=lambda: False)
    failed: Callable[[Connection], object] = field(default=lambda _: None)
    """Told of each connection that failed in this run, also where it had failed before."""

    def __call__(self, tenant: TenantId) -> int:
        """How many objects were copied. The connection that waited longest comes first, and none that fails
        holds up another."""
        waiting = [each for each in self.connections.every(tenant) if each.status in PULLED]
        copied = 0
        for connection in sorted(waiting, key=_last):
            if self.time_is_up():
                break
            copied += self._pull(tenant, connection)
        return copied

    def _pull(self, tenant: TenantId, connection: Connection) -> int:
        run = _Run()
        try:
            self._take(tenant, connection, run)
            self._note(tenant, connection, run)
        except (AccountRefused, PullFailed, Unavailable) as failure:
            self._fail(tenant, connection, failure)
        except ManifestReplaced as news:
            logger.info("delivered anew meanwhile", source=connection.source, detail=news.detail)
        except VersionConflict:
            # Another run is at it, or somebody changed or removed the connection.
            logger.info("the connection was changed meanwhile", source=connection.source)
        return run.files

    def _take(self, tenant: TenantId, connection: Connection, run: _Run) -> None:
        bucket = self.accounts.open(tenant, connection, self.connections.external_id(tenant))
        known = self.connections.progress(tenant, connection)
        for period, manifest in newest_by_period(bucket.manifests()).items():
            before = known.get(period)
            if before is None or not before.is_of(manifest):
                version = None if before is None else before.version
                before = Progress(period, manifest.key, manifest.etag, version=version)
            if before.done:
                continue
            if run.ended or self.time_is_up():
                run.ended = True
                return
            self._period(tenant, connection, bucket, manifest, before, run)

    def _period(
        self,
        tenant: TenantId,
        connection: Connection,
        bucket: CustomerBucket,
        manifest: SourceObject,
        progress: Progress,
        run: _Run,
    ) -> None:
        place = connection.place
        keys = named_files(bucket.read(manifest), manifest.key, place)
        for key in keys[progress.copied :]:
            to = landing_key(tenant, connection.source, place, key)
            size = None if self.time_is_up() else bucket.land(key, to, self.time_is_up)
            if size is None:
                run.ended = True
                return
            progress = replace(progress, copied=progress.copied + 1, size=progress.size + size)
            progress = self._noted(tenant, connection, progress, run, size)
        size = bucket.land_manifest(manifest, landing_key(tenant, connection.source, place, manifest.key))
        self._noted(tenant, connection, replace(progress, done=True), run, size)

    def _noted(
        self, tenant: TenantId, connection: Connection, progress: Progress, run: _Run, size: int
    ) -> Progress:
        run.files, run.size = run.files + 1, run.size + size
        return self.connections.save_progress(tenant, connection, progress)

    def _note(self, tenant: TenantId, connection: Connection, run: _Run) -> None:
        """A run without a failure: the connection works, also where it did not before."""
        now = self.clock.now()
        if reason := self._opened_since(tenant, connection, now):
            after = connection.refused(reason)
            self.connections.save(tenant, after, refusal(after, BY))
            return
        after = connection.verified(now)
        if run.files:
            after = replace(after, last_pull=LastPull(now, run.files, run.size))
        self.connections.save(tenant, after, None)

    def _opened_since(self, tenant: TenantId, connection: Connection, now: datetime) -> str | None:
        """Once a day the role is tried from outside again: a trust policy can be changed at any time."""
        tried = connection.verified_at
        if tried is not None and tried.date() == now.date():
            return None
        return opens_to_others(self.accounts, tenant, connection, self.random_text())

    def _fail(
        self, tenant: TenantId, connection: Connection, failure: AccountRefused | PullFailed | Unavailable
    ) -> None:
        logger.warning("a connection failed", source=connection.source, code=failure.code)
        self.failed(connection)
        told = None
        if connection.status is not Status.FAILING:
            told = ConnectionFailed(
                connection=connection.source,
                account_id=connection.account_id,
                by=BY,
                reason=failure.detail,
                code=failure.code,
            )
        try:
            self.connections.save(tenant, connection.failed(failure.detail), told)
        except VersionConflict:
            logger.info("the connection was changed meanwhile", source=connection.source)


def _last(connection: Connection) -> datetime:
    return connection.verified_at or _LONG_AGO
