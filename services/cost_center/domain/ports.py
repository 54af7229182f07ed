"""What the use cases need from outside, as Protocols."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from services.cost_center.domain.bill import Bill, Delivery, Primaries, PublishedSet
from services.cost_center.domain.changes import ChargeSums
from services.cost_center.domain.history import HistoricSet, HistoryPage
from services.cost_center.domain.landing import LandedObject, Seen
from services.cost_center.domain.promoted_tags import Promoted
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.domain.tables import (
    GroupKey,
    GroupTotal,
    Layout,
    RawStaging,
    SourceFile,
    StagedTable,
)
from services.cost_center.events import BillIngested, BillRejected, PublishedTable
from shared.tenancy import TenantId


@dataclass(frozen=True)
class SourceTotals:
    """What a file says by itself: its data rows, its billing periods, and its money by group."""

    rows: int
    periods: tuple[str, ...]
    groups: Mapping[GroupKey, GroupTotal]


@dataclass(frozen=True)
class Upload:
    """Where a caller may put a file, and until when."""

    bucket: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class BillPage:
    """Bills in order of their id, and the token of the next page."""

    bills: Sequence[Bill]
    cursor: str | None


class Landing(Protocol):
    """The landing bucket."""

    def fetch(self, landed: LandedObject, target: Path) -> datetime:
        """Download that very version; returns when its source made it, or else when it landed.

        Raises NotFound when it is gone.
        """
        ...

    def look(self, bucket: str, key: str, version_id: str | None = None) -> Seen | None:
        """The object as it is there now (or that version of it); None where there is none."""
        ...

    def versions(self, bucket: str, key: str) -> Sequence[Seen]:
        """The versions of that one key which are there, the newest first; a hundred at most."""
        ...

    def move(self, landed: LandedObject, target: str) -> None:
        """Copy that very version to the key `target` and then delete it; nothing where it is gone already.

        Another version of the key stays, and becomes or remains the current one.
        """
        ...

    def presign_put(self, key: str) -> Upload:
        """An address to which anybody who has it may put one object of that key."""
        ...


class ByteStream(Protocol):
    """The bytes of a text, to be read once, from a thread other than that which reads the file."""

    @property
    def closed(self) -> bool: ...

    def read(self, size: int = -1, /) -> bytes: ...

    def readable(self) -> bool: ...

    def close(self) -> None: ...


class Files(Protocol):
    """Delivered files on this machine."""

    def unpack(
        self,
        path: Path,
        name: str,
        workdir: Path,
        beside: Callable[[SourceFile, ByteStream], object] | None = None,
    ) -> SourceFile:
        """The file with its container told. Raises Rejected for what is damaged or would not fit here.

        `beside` is called in a thread of its own with a text's bytes as they pass the checks (the file has
        no hash yet); what it raises is let go.
        """
        ...

    def headers(self, file: SourceFile) -> list[str]: ...


class TotalsReader(Protocol):
    """The independent reader. See `adapters/plain_reader.py`."""

    def source_totals(self, file: SourceFile, layout: Layout) -> SourceTotals: ...

    def totals_of(self, text: ByteStream, layout: Layout) -> SourceTotals | None:
        """The same of a csv as it should be, from its bytes; None, or any error, for any other."""
        ...

    def staged_totals(self, staged: StagedTable, layout: Layout) -> Mapping[GroupKey, GroupTotal]: ...


class Converter(Protocol):
    """Turns a delivered file into parquet of the lake, on this machine. Raises Rejected."""

    def stage_raw(self, file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
        """The raw table's rows, typed, one staged table per billing period."""
        ...

    def join_raw(self, parts: Sequence[StagedTable], workdir: Path) -> StagedTable:
        """The staged raw tables of one billing period, of several files, as one: all with all columns."""
        ...

    def stage_charges(
        self, raw: StagedTable, layout: Layout, workdir: Path, promoted: Promoted = ()
    ) -> StagedTable:
        """The curated rows of one staged raw table, with a column for each of those tags."""
        ...

    def of_accounts(self, charges: StagedTable, accounts: frozenset[str], workdir: Path) -> StagedTable:
        """Those of the curated rows that are of these billing accounts."""
        ...


class Lake(Protocol):
    """The tenant's Iceberg tables."""

    def ensure_database(self, tenant: TenantId) -> str:
        """The tenant's Glue database, created if need be; returns its name."""
        ...

    def upload(self, tenant: TenantId, staged: StagedTable, delivery_id: str, attempt: str) -> list[str]:
        """Put staged files where the table's data lies; returns their URIs. No reader sees them yet."""
        ...

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
        """Make `files` the rows of this bill in the table, in one commit, and say what to bind to read
        them."""
        ...


class ChangeReports(Protocol):
    """What restatements changed, in the tenant's part of the lake."""

    def staged(self, charges: StagedTable) -> ChargeSums: ...

    def published(self, tenant: TenantId, charges: PublishedTable) -> ChargeSums:
        """Raises Unavailable where the set cannot be read."""
        ...

    def save(self, tenant: TenantId, bill_id: str, delivery_id: str, attempt: str, body: bytes) -> str:
        """Keep a document; returns its URI."""
        ...


class Bills(Protocol):
    """The bill table, the reconciliation table and the outbox."""

    def bill(self, tenant: TenantId, bill_id: str) -> Bill | None: ...

    def bills(self, tenant: TenantId, *, limit: int, cursor: str | None) -> BillPage: ...

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None: ...

    def open_delivery(self, tenant: TenantId, delivery: Delivery) -> Delivery:
        """Store the delivery unless it is there; returns what is stored."""
        ...

    def primaries(self, tenant: TenantId, billing_period: str) -> Primaries: ...

    def save_reconciliation(
        self, tenant: TenantId, bill_id: str, attempt: str, groups: Sequence[Reconciliation]
    ) -> None:
        """Keep the groups of a set that is about to be published. Nobody sees them before the bill names
        them."""
        ...

    def reconciliation(
        self, tenant: TenantId, bill_id: str, published: PublishedSet
    ) -> list[Reconciliation]: ...

    def history_of(self, tenant: TenantId, bill_id: str) -> Sequence[HistoricSet]:
        """Every set that was ever published of the bill, the newest first."""
        ...

    def history_page(self, tenant: TenantId, bill_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """`limit` of them."""
        ...

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
        """Write the delivery's outcome, the bill, its published set's history, who feeds charges and the
        event: all or nothing.

        The versions of `bill`, `delivery` and `primaries` are those that were read. Raises Conflict
        (VersionConflict) when somebody else wrote one of them.
        """
        ...


class QueryEngine(Protocol):
    """Answers SQL over the caller's own tables."""

    def query(
        self, sql: str, authorization: str, as_of: datetime | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of one SELECT over what was published then (None: over what is). Raises OnyxError as the
        engine answered."""
        ...


class FailPoint(Protocol):
    """Called with the name of each step of an ingest. Tests crash there; otherwise it does nothing."""

    def __call__(self, step: str) -> None: ...


def no_failpoint(step: str) -> None:
    """The fail point of production: nothing happens."""
