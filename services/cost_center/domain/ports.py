"""What the use cases need from outside, as Protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from services.cost_center.domain.bill import Bill, Delivery, Primaries, PublishedSet
from services.cost_center.domain.landing import LandedObject
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
        """Download that very version; returns when it was delivered. NotFound when it is gone."""
        ...

    def presign_put(self, key: str) -> Upload:
        """An address to which anybody who has it may put one object of that key."""
        ...


class Files(Protocol):
    """Delivered files on this machine."""

    def unpack(self, path: Path, name: str, workdir: Path) -> SourceFile: ...

    def headers(self, file: SourceFile) -> list[str]: ...


class TotalsReader(Protocol):
    """The independent reader. See `adapters/plain_reader.py`."""

    def source_totals(self, file: SourceFile, layout: Layout) -> SourceTotals: ...

    def staged_totals(self, staged: StagedTable, layout: Layout) -> Mapping[GroupKey, GroupTotal]: ...


class Converter(Protocol):
    """Turns a delivered file into parquet of the lake, on this machine. Raises Rejected."""

    def stage_raw(self, file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
        """The raw table's rows, typed, one staged table per billing period."""
        ...

    def stage_charges(self, raw: StagedTable, layout: Layout, workdir: Path) -> StagedTable:
        """The curated rows of one staged raw table."""
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

    def query(self, sql: str, authorization: str) -> Sequence[Mapping[str, Any]]:
        """The rows of one SELECT. Raises OnyxError as the engine answered."""
        ...


class FailPoint(Protocol):
    """Called with the name of each step of an ingest. Tests crash there; otherwise it does nothing."""

    def __call__(self, step: str) -> None: ...


def no_failpoint(step: str) -> None:
    """The fail point of production: nothing happens."""
