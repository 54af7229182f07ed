"""Exports: what a tenant asks for, what is bound to it, and what becomes of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from services.cost_center.domain.bill import Bill
from services.cost_center.domain.tables import CHARGES
from shared.errors import BadRequest, NotFound
from shared.ids import deterministic_id
from shared.money import money_text
from shared.tenancy import TenantId

VERSION = "1.2"
"""The version of FOCUS that exports are written in."""
MOST_MONTHS = 12
KEPT = timedelta(days=6)
"""How long an export can be fetched: a day less than its bucket keeps it."""
STALLED = timedelta(hours=1)
"""An export that shows no sign of life for so long is begun anew when it is asked for again."""
_MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])")


class ExportFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class ExportStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class ExportRequest:
    """The billing months `first` to `last`, both included, as one file."""

    first: str
    last: str
    format: ExportFormat
    version: str = VERSION

    @classmethod
    def of(
        cls, period: str | None, first: str | None, last: str | None, format: ExportFormat, version: str
    ) -> "ExportRequest":
        """One `period`, or `first` and `last`. Raises BadRequest (INVALID_PERIOD, INVALID_VERSION)."""
        if (period is None) == (first is None and last is None):
            raise BadRequest("give either period, or from and to", code="INVALID_PERIOD")
        first, last = period or first or last or "", period or last or first or ""
        for month in (first, last):
            if not _MONTH.fullmatch(month):
                raise BadRequest(f"a billing month is YYYY-MM, not {month!r}", code="INVALID_PERIOD")
        months = _number(last) - _number(first) + 1
        if not 1 <= months <= MOST_MONTHS:
            raise BadRequest(
                f"an export has 1 to {MOST_MONTHS} months, not {first} to {last}", code="INVALID_PERIOD"
            )
        if version != VERSION:
            raise BadRequest(f"exports are written in FOCUS {VERSION}, not {version}", code="INVALID_VERSION")
        return cls(first, last, format, version)

    def holds(self, billing_period: str) -> bool:
        return self.first <= billing_period <= self.last

    @property
    def period(self) -> str:
        return self.first if self.first == self.last else f"{self.first}_{self.last}"

    @property
    def filename(self) -> str:
        return f"focus-{self.version}-{self.period}.{self.format.value}"


@dataclass(frozen=True)
class BoundSet:
    """The published set of one bill that the export holds: the very files of its `charges`."""

    bill_id: str
    billing_period: str
    published_at: datetime
    files: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class ExportTotal:
    """The sums of one billing currency over what was written."""

    currency: str
    billed_cost: Decimal
    effective_cost: Decimal
    list_cost: Decimal
    contracted_cost: Decimal


@dataclass(frozen=True)
class Export:
    """A job. `expected` is the billed cost by currency that the bound bills were reconciled to; `attempt`
    counts how often it was begun. `version` counts writes; None is not stored."""

    export_id: str
    request: ExportRequest
    status: ExportStatus
    attempt: int
    requested_at: datetime
    updated_at: datetime
    sets: tuple[BoundSet, ...]
    expected: tuple[tuple[str, Decimal], ...]
    rows: int = 0
    bytes: int = 0
    totals: tuple[ExportTotal, ...] = ()
    expires_at: datetime | None = None
    reason: str | None = None
    version: int | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in (ExportStatus.DONE, ExportStatus.FAILED)

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def answers(self, now: datetime) -> bool:
        """Whether the same request is answered by this job, and need not be worked on again."""
        if self.status is ExportStatus.DONE:
            return not self.is_expired(now)
        return self.status is not ExportStatus.FAILED and now - self.updated_at < STALLED

    def key(self, tenant: TenantId) -> str:
        """The S3 key of its file, below the tenant's prefix."""
        return f"{tenant}/exports/{self.export_id}/{self.request.filename}"

    def metadata_key(self, tenant: TenantId) -> str:
        return f"{tenant}/exports/{self.export_id}/metadata.json"


@dataclass(frozen=True)
class Written:
    """What was written to a file: counted and summed as it was written."""

    rows: int
    source_rows: int
    totals: tuple[ExportTotal, ...]


def bind(tenant: TenantId, request: ExportRequest, bills: Iterable[Bill], now: datetime) -> Export:
    """A new job over what is published now. The same request over the same sets has the same id.

    Raises NotFound (NOTHING_TO_EXPORT) when no bill of these months feeds charges.
    """
    sets, expected = [], dict[str, Decimal]()
    for bill in sorted(bills, key=lambda each: each.bill_id):
        period, published = bill.outcome.billing_period, bill.published
        if period is None or published is None or not request.holds(period):
            continue
        table = published.tables.get(CHARGES)
        if table is None:
            continue
        sets.append(BoundSet(bill.bill_id, period, published.published_at, tuple(table.files), table.rows))
        for total in bill.outcome.totals:
            expected[total.currency] = expected.get(total.currency, Decimal(0)) + total.curated
    if not sets:
        raise NotFound(f"no published bill feeds charges of {request.period}", code="NOTHING_TO_EXPORT")
    bound = [f"{each.bill_id}@{each.published_at.isoformat()}" for each in sets]
    parts = (request.first, request.last, request.format.value, request.version)
    return Export(
        export_id=deterministic_id(tenant, *parts, *bound),
        request=request,
        status=ExportStatus.PENDING,
        attempt=1,
        requested_at=now,
        updated_at=now,
        sets=tuple(sets),
        expected=tuple(sorted(expected.items())),
    )


def difference(export: Export, written: Written) -> str | None:
    """How what was written differs from what the bills were reconciled to, if it does."""
    rows = sum(each.rows for each in export.sets)
    if written.source_rows != rows:
        return f"{written.source_rows} charges were read of {rows} published"
    expected = {currency: total for currency, total in export.expected if total}
    found = {total.currency: total.billed_cost for total in written.totals if total.billed_cost}
    for currency in sorted(expected.keys() | found.keys()):
        written_total, bills_total = (
            money_text(totals.get(currency, Decimal(0))) for totals in (found, expected)
        )
        if written_total != bills_total:
            return (
                f"the billed cost in {currency} is {written_total} in the file and {bills_total} in the bills"
            )
    return None


def again(export: Export, known: Export) -> Export:
    """`export` in the place of `known`, which does not answer the request any more."""
    return replace(export, attempt=known.attempt + 1, version=known.version)


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:])
