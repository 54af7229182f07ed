"""The cost center's ports in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.cost_center.adapters.change_reports import charge_sums
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.ingest import FORMS, Ingest
from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.bill import Bill, Delivery, Primaries, PublishedSet
from services.cost_center.domain.changes import ChargeSums
from services.cost_center.domain.gathering import ManifestNote, WaitingPage
from services.cost_center.domain.history import HistoricSet, HistoryPage
from services.cost_center.domain.lake_names import changes_key, data_key
from services.cost_center.domain.landing import LandedObject, Seen
from services.cost_center.domain.ports import BillPage, Converter, Upload
from services.cost_center.domain.promoted_tags import Promoted, TagSettings
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.domain.tables import Layout, RawStaging, SourceFile, StagedTable
from services.cost_center.events import (
    BillIngested,
    BillRejected,
    BillRestated,
    Column,
    PublishedTable,
    TagsPromoted,
)
from shared.clock import FixedClock
from shared.errors import NotFound, Unavailable, VersionConflict
from shared.ids import SequenceIds
from shared.tenancy import TenantId

ACME = TenantId("acme")
NOW = datetime(2026, 10, 2, 12, tzinfo=UTC)
BUCKET = "landing"


class FakeLanding:
    """A versioned bucket in memory; every put is an hour after the one before."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str | None], tuple[bytes, datetime]] = {}
        self.before_delete: Callable[[], None] = lambda: None
        """Called when a moved object was copied and is still there."""
        self._puts = 0

    def put(self, key: str, content: bytes, *, at: datetime | None = None) -> LandedObject:
        self._puts += 1
        number = self._puts
        version = f"v{number}"
        self.objects[key, version] = (content, at or NOW - timedelta(days=1) + timedelta(hours=number))
        return LandedObject(BUCKET, key, len(content), f"etag{number}", version)

    def fetch(self, landed: LandedObject, target: Path) -> datetime:
        found = self.objects.get((landed.key, landed.version_id))
        if found is None:
            raise NotFound(f"{landed.key} is gone", code="OBJECT_GONE")
        target.write_bytes(found[0])
        return found[1]

    def look(self, bucket: str, key: str, version_id: str | None = None) -> Seen | None:
        if version_id is not None:
            return next(
                (seen for seen in self.versions(bucket, key) if seen.object.version_id == version_id), None
            )
        return next(iter(self.versions(bucket, key)), None)

    def versions(self, bucket: str, key: str) -> list[Seen]:
        found = [
            (at, int(str(version)[1:]), content)
            for (each, version), (content, at) in self.objects.items()
            if each == key and bucket == BUCKET
        ]
        return [
            Seen(LandedObject(BUCKET, key, len(content), f"etag{number}", f"v{number}"), at)
            for at, number, content in sorted(found, reverse=True)
        ]

    def move(self, landed: LandedObject, target: str) -> None:
        found = self.objects.get((landed.key, landed.version_id))
        if found is None:
            return
        self.put(target, found[0])
        self.before_delete()
        del self.objects[landed.key, landed.version_id]

    def presign_put(self, key: str) -> Upload:
        return Upload(BUCKET, f"https://landing.test/{key}?signed", NOW + timedelta(minutes=15))


@dataclass
class FakeTable:
    """A lake table: the files of its head by bill, and every snapshot that ever was."""

    head: dict[str, list[str]] = field(default_factory=dict)
    snapshots: list[dict[str, list[str]]] = field(default_factory=list)


class FakeLake:
    """Keeps uploaded files on this machine, and tables as lists of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.databases: set[str] = set()
        self.tables: dict[str, FakeTable] = {}
        self.uploads = 0
        self.keys: dict[str, Path] = {}
        """By the key that a file has in the lake, where it lies here."""

    def ensure_database(self, tenant: TenantId) -> str:
        self.databases.add(f"onyx_{tenant}")
        return f"onyx_{tenant}"

    def upload(self, tenant: TenantId, staged: StagedTable, delivery_id: str, attempt: str) -> list[str]:
        uris = []
        for number, path in enumerate(staged.paths):
            self.uploads += 1
            target = self._folder / f"{self.uploads}.parquet"
            target.write_bytes(path.read_bytes())
            self.keys[data_key(tenant, staged.tier, staged.table, delivery_id, attempt, number)] = target
            uris.append(str(target))
        return uris

    def replace(
        self,
        tenant: TenantId,
        staged: StagedTable,
        files: Sequence[str],
        *,
        source: str,
        bill_id: str,
        delivery_id: str,
    ) -> PublishedTable:
        table = self.tables.setdefault(f"{tenant}.{staged.table}", FakeTable())
        table.head[bill_id] = list(files)
        table.snapshots.append({bill: list(each) for bill, each in table.head.items()})
        return PublishedTable(
            database=self.ensure_database(tenant),
            table=staged.table,
            snapshot_id=len(table.snapshots),
            files=list(files),
            rows=staged.rows,
            columns=[Column(name=column.name, type=column.type.value) for column in staged.columns],
        )


class FakeChangeReports:
    """Sums the files that `FakeLake` keeps; keeps documents by their URI."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.readable = True

    def staged(self, charges: StagedTable) -> ChargeSums:
        return charge_sums(charges.paths)

    def published(self, tenant: TenantId, charges: PublishedTable) -> ChargeSums:
        if not self.readable:
            raise Unavailable("the files are gone")
        return charge_sums(charges.files)

    def save(self, tenant: TenantId, bill_id: str, delivery_id: str, attempt: str, body: bytes) -> str:
        uri = f"s3://lake/{changes_key(tenant, bill_id, delivery_id, attempt)}"
        self.documents[uri] = body
        return uri


class FakeBills:
    """Rows in memory, with versions and all-or-nothing writes as the real store has them."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], Bill] = {}
        self.deliveries: dict[tuple[str, str], Delivery] = {}
        self.fed: dict[tuple[str, str], Primaries] = {}
        self.groups: dict[tuple[str, str, str], list[Reconciliation]] = {}
        self.history: list[PublishedSet] = []
        self.sets: dict[tuple[str, str], list[HistoricSet]] = {}
        self.events: list[BillIngested | BillRejected] = []
        self.before_record: Callable[[], None] = lambda: None
        """Called before each write: what another worker does meanwhile."""

    def bill(self, tenant: TenantId, bill_id: str) -> Bill | None:
        return self.stored.get((tenant, bill_id))

    def bills(self, tenant: TenantId, *, limit: int, cursor: str | None) -> BillPage:
        found = [bill for (owner, _), bill in sorted(self.stored.items()) if owner == tenant]
        found = [bill for bill in found if cursor is None or bill.bill_id > cursor]
        return BillPage(found[:limit], found[limit - 1].bill_id if len(found) > limit else None)

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None:
        return self.deliveries.get((tenant, delivery_id))

    def open_delivery(self, tenant: TenantId, delivery: Delivery) -> Delivery:
        return self.deliveries.setdefault((tenant, delivery.delivery_id), replace(delivery, version=1))

    def primaries(self, tenant: TenantId, billing_period: str) -> Primaries:
        return self.fed.get((tenant, billing_period), Primaries(billing_period))

    def save_reconciliation(
        self, tenant: TenantId, bill_id: str, attempt: str, groups: Sequence[Reconciliation]
    ) -> None:
        assert (tenant, bill_id, attempt) not in self.groups
        self.groups[tenant, bill_id, attempt] = list(groups)

    def reconciliation(self, tenant: TenantId, bill_id: str, published: PublishedSet) -> list[Reconciliation]:
        return self.groups.get((tenant, bill_id, published.attempt), [])

    def history_of(self, tenant: TenantId, bill_id: str) -> list[HistoricSet]:
        return self.sets.get((tenant, bill_id), [])[::-1]

    def history_page(self, tenant: TenantId, bill_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        found = self.history_of(tenant, bill_id)
        begin = int(cursor or 0)
        return HistoryPage(
            found[begin : begin + limit], str(begin + limit) if len(found) > begin + limit else None
        )

    def record(
        self,
        tenant: TenantId,
        *,
        delivery: Delivery,
        bill: Bill | None,
        event: BillIngested | BillRejected | None,
        publishes: bool,
        primaries: Primaries | None = None,
    ) -> None:
        self.before_record()
        if primaries is not None:
            known = self.primaries(tenant, primaries.billing_period)
            if known.version != primaries.version:
                raise VersionConflict("the primaries were changed")
        key = (tenant, delivery.delivery_id)
        if self.deliveries[key].version != delivery.version:
            raise VersionConflict("the delivery was changed")
        if bill is not None:
            held = self.stored.get((tenant, bill.bill_id))
            if (None if held is None else held.version) != bill.version:
                raise VersionConflict("the bill was changed")
            self.stored[tenant, bill.bill_id] = replace(bill, version=(bill.version or 0) + 1)
            if publishes and bill.published is not None:
                self.history.append(bill.published)
                changes = event.changes if isinstance(event, BillRestated) else None
                self.sets.setdefault((tenant, bill.bill_id), []).append(
                    HistoricSet(bill.outcome, bill.published.published_at, True, changes)
                )
        if primaries is not None:
            self.fed[tenant, primaries.billing_period] = replace(
                primaries, version=(primaries.version or 0) + 1
            )
        self.deliveries[key] = replace(delivery, version=(delivery.version or 0) + 1)
        if event is not None:
            self.events.append(event)


class FakeDeliveryRows:
    """Waiting deliveries and closed manifests, beside the rows of `FakeBills`."""

    def __init__(self, bills: FakeBills) -> None:
        self._bills = bills
        self.notes: dict[tuple[str, str, str], ManifestNote] = {}

    def save_delivery(self, tenant: TenantId, delivery: Delivery) -> Delivery:
        key = (tenant, delivery.delivery_id)
        held = self._bills.deliveries.get(key)
        if (None if held is None else held.version) != delivery.version:
            raise VersionConflict("the delivery was changed")
        self._bills.deliveries[key] = replace(delivery, version=(delivery.version or 0) + 1)
        return self._bills.deliveries[key]

    def waiting(self, tenant: TenantId, *, limit: int, cursor: str | None) -> WaitingPage:
        found = [
            each
            for (owner, name), each in sorted(self._bills.deliveries.items())
            if owner == tenant and each.waiting and not each.done and name > (cursor or "")
        ]
        return WaitingPage(found[:limit], found[limit - 1].delivery_id if len(found) > limit else None)

    def waiting_under(self, tenant: TenantId, prefix: str) -> list[Delivery]:
        found = self.waiting(tenant, limit=10**6, cursor=None).deliveries
        return [each for each in found if each.key.startswith(prefix)]

    def manifest_note(self, tenant: TenantId, source: str, digest: str) -> ManifestNote | None:
        return self.notes.get((tenant, source, digest))

    def note_manifest(self, tenant: TenantId, source: str, digest: str, note: ManifestNote) -> None:
        before = self.manifest_note(tenant, source, digest)
        if before is None or before.at < note.at:
            self.notes[tenant, source, digest] = note


class FakeQueryEngine:
    """Answers with what it was given; remembers what it was asked."""

    def __init__(self, rows: Sequence[Mapping[str, Any]] = (), error: Exception | None = None) -> None:
        self._rows = rows
        self._error = error
        self.asked: list[tuple[str, str]] = []
        self.moments: list[datetime | None] = []

    def query(
        self, sql: str, authorization: str, as_of: datetime | None = None
    ) -> Sequence[Mapping[str, Any]]:
        self.moments.append(as_of)
        self.asked.append((sql, authorization))
        if self._error is not None:
            raise self._error
        return self._rows


class Tampering:
    """A converter that spoils what another made: `tamper` is called with each curated table."""

    def __init__(self, tamper: Callable[[StagedTable], StagedTable], inner: Converter | None = None) -> None:
        self._inner = inner or PolarsConverter()
        self._tamper = tamper

    def stage_raw(self, file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
        return self._inner.stage_raw(file, layout, source, workdir)

    def join_raw(self, parts: Sequence[StagedTable], workdir: Path) -> StagedTable:
        return self._inner.join_raw(parts, workdir)

    def stage_charges(
        self, raw: StagedTable, layout: Layout, workdir: Path, promoted: Promoted = ()
    ) -> StagedTable:
        return self._tamper(self._inner.stage_charges(raw, layout, workdir, promoted))

    def of_accounts(self, charges: StagedTable, accounts: frozenset[str], workdir: Path) -> StagedTable:
        return self._inner.of_accounts(charges, accounts, workdir)


class Crash(Exception):  # noqa: N818 - what happens, not an error of the code
    """The process dies here."""


class CrashAt:
    """A fail point that raises once at one step, and remembers the steps that it saw."""

    def __init__(self, step: str | None = None) -> None:
        self._step = step
        self.hit = False
        self.steps: list[str] = []

    def __call__(self, step: str) -> None:
        self.steps.append(step)
        if step == self._step and not self.hit:
            self.hit = True
            raise Crash(step)


class FakeTags:
    """Each tenant's promoted tags, in memory."""

    def __init__(self) -> None:
        self.rows: dict[TenantId, TagSettings] = {}
        self.told: list[tuple[TenantId, TagsPromoted]] = []

    def settings(self, tenant: TenantId) -> TagSettings:
        return self.rows.get(tenant, TagSettings())

    def save(self, tenant: TenantId, settings: TagSettings, event: TagsPromoted) -> None:
        if self.settings(tenant).version != settings.version:
            raise VersionConflict("TAGS was changed by another")
        self.rows[tenant] = replace(settings, version=(settings.version or 0) + 1)
        self.told.append((tenant, event))


class World:
    """The ingest with every port in memory, but with the real readers: files are read as in production."""

    def __init__(self, folder: Path, converter: Converter | None = None) -> None:
        self.folder = folder
        lake = folder / "lake"
        lake.mkdir()
        self.landing = FakeLanding()
        self.lake = FakeLake(lake)
        self.bills = FakeBills()
        self.rows = FakeDeliveryRows(self.bills)
        self.forms = FORMS
        self.changes = FakeChangeReports()
        self.clock = FixedClock(NOW)
        self.failpoint = CrashAt()
        self.tags = FakeTags()
        self._runs = 0
        self._ids = SequenceIds()
        self.prepare = Prepare(LocalFiles(), converter or PolarsConverter(), PlainReader())

    def ingest(self, landed: LandedObject) -> Any:
        self.clock.advance(timedelta(seconds=1))
        return Ingest(
            landing=self.landing,
            prepare=self.prepare,
            lake=self.lake,
            changes=self.changes,
            bills=self.bills,
            rows=self.rows,
            forms=self.forms,
            clock=self.clock,
            ids=self._ids,
            tags=self.tags,
            workspace=self._workspace,
            failpoint=self.failpoint,
        )(landed)

    def deliver(self, key: str, content: bytes, *, at: datetime | None = None) -> Any:
        """Put an object and ingest it; returns the outcomes."""
        return self.ingest(self.landing.put(key, content, at=at))

    @contextmanager
    def _workspace(self) -> Iterator[Path]:
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        yield folder
