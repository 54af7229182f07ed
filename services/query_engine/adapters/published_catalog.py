"""The catalog, read from the cost center's published bills: a query binds what they hold, or held."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.cost_center.events import (
    BILL_PREFIX,
    SET_PREFIX,
    PublishedBill,
    PublishedTable,
    kept_moments_near,
    partition_of,
)
from services.query_engine.domain.errors import not_kept
from services.query_engine.domain.focus import CHARGES
from services.query_engine.domain.tables import (
    Column,
    FileGroup,
    Table,
    Version,
    require_own_path,
    union_columns,
)
from services.query_engine.domain.types import canonical_type
from shared.clock import Clock, SystemClock
from shared.table import TenantTable
from shared.tenancy import TenantId

_ALWAYS: dict[str, tuple[Column, ...]] = {"charges": CHARGES}
"""Tables that answer (with no rows) before the first bill is published."""


class PublishedCatalog:
    """Tables of a tenant: per name, the union of that table over all its published bills."""

    def __init__(self, bills: TenantTable, lake_bucket: str, clock: Clock | None = None) -> None:
        self._bills = bills
        self._lake_bucket = lake_bucket
        self._clock = clock or SystemClock()

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        """The tenant's tables by name, as published now or at a moment.

        Raises Forbidden (UNSAFE_PATH) for a file that is not its own and BadRequest (AS_OF_NOT_KEPT).
        """
        found: dict[str, list[tuple[PublishedBill, PublishedTable]]] = {name: [] for name in _ALWAYS}
        for bill in self.published(tenant, as_of):
            for name, table in bill.tables.items():
                found.setdefault(name, []).append((bill, table))
        return {name: self._table(tenant, name, parts) for name, parts in found.items()}

    def published(self, tenant: TenantId, as_of: datetime | None = None) -> Iterator[PublishedBill]:
        """The bills that a query binds, each by one published set. Raises BadRequest (AS_OF_NOT_KEPT)."""
        for item in self._bills.query_all(tenant, prefix=BILL_PREFIX):
            bill = PublishedBill.from_item(item)
            if bill is not None and as_of is not None and bill.published_at > as_of:
                bill = self._earlier(tenant, bill.bill_id, as_of)
            if bill is not None:
                yield bill

    def _earlier(self, tenant: TenantId, bill_id: str, as_of: datetime) -> PublishedBill | None:
        """The bill's set that reigned at that moment; None before its first."""
        for item in self._bills.query_all(tenant, prefix=f"{SET_PREFIX}{bill_id}#", newest_first=True):
            if datetime.fromisoformat(item["published_at"]) <= as_of:
                bill = PublishedBill.from_history(item)
                if bill is None:
                    raise not_kept(as_of, bill_id, kept_moments_near(as_of, self._clock.now()))
                return bill
        return None

    def _table(
        self, tenant: TenantId, name: str, parts: Iterable[tuple[PublishedBill, PublishedTable]]
    ) -> Table:
        groups: dict[tuple[Column, ...], list[str]] = {}
        layers = [_ALWAYS.get(name, ())]
        rows, snapshots, moments = 0, set(), []
        versions: list[Version] = []
        for bill, part in parts:
            columns = tuple(Column(each.name, canonical_type(each.type)) for each in part.columns)
            files = [require_own_path(path, self._lake_bucket, tenant) for path in part.files]
            groups.setdefault(columns, []).extend(files)
            layers.append(columns)
            own = tuple(zip(partition_of(name), (bill.source, bill.billing_period), strict=True))
            versions.append(Version(part.database, part.table, part.snapshot_id, own, columns, tuple(files)))
            rows += part.rows
            snapshots.add(part.snapshot_id)
            moments.append(bill.published_at)
        return Table(
            name=name,
            columns=union_columns(*layers),
            groups=tuple(FileGroup(tuple(files), columns) for columns, files in groups.items() if files),
            rows=rows,
            snapshots=tuple(sorted(snapshots)),
            published_at=max(moments, default=None),
            versions=tuple(versions),
        )
