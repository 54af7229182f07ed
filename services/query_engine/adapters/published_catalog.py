"""The catalog, read from the cost center's published bills: a query binds what they hold."""

from collections.abc import Iterable

from services.cost_center.events import BILL_PREFIX, PublishedBill, PublishedTable
from services.query_engine.domain.focus import CHARGES
from services.query_engine.domain.tables import Column, FileGroup, Table, require_own_path, union_columns
from services.query_engine.domain.types import canonical_type
from shared.table import TenantTable
from shared.tenancy import TenantId

_ALWAYS: dict[str, tuple[Column, ...]] = {"charges": CHARGES}
"""Tables that answer (with no rows) before the first bill is published."""


class PublishedCatalog:
    """Tables of a tenant: per name, the union of that table over all its published bills."""

    def __init__(self, bills: TenantTable, lake_bucket: str) -> None:
        self._bills = bills
        self._lake_bucket = lake_bucket

    def tables(self, tenant: TenantId) -> dict[str, Table]:
        """The tenant's tables by name. Raises Forbidden (UNSAFE_PATH) for a file that is not its own."""
        found: dict[str, list[tuple[PublishedBill, PublishedTable]]] = {name: [] for name in _ALWAYS}
        for item in self._bills.query_all(tenant, prefix=BILL_PREFIX):
            if (bill := PublishedBill.from_item(item)) is not None:
                for name, table in bill.tables.items():
                    found.setdefault(name, []).append((bill, table))
        return {name: self._table(tenant, name, parts) for name, parts in found.items()}

    def _table(
        self, tenant: TenantId, name: str, parts: Iterable[tuple[PublishedBill, PublishedTable]]
    ) -> Table:
        groups: dict[tuple[Column, ...], list[str]] = {}
        layers = [_ALWAYS.get(name, ())]
        rows, snapshots, moments = 0, set(), []
        for bill, part in parts:
            columns = tuple(Column(each.name, canonical_type(each.type)) for each in part.columns)
            files = [require_own_path(path, self._lake_bucket, tenant) for path in part.files]
            groups.setdefault(columns, []).extend(files)
            layers.append(columns)
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
        )
