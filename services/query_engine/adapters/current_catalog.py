"""The published catalog, read anew when a bill changed and not otherwise. Never stale.

Each query asks which version each of the tenant's bills has: a consistent read of a few bytes a bill. Reading
and parsing what the bills hold, column by column, costs twenty times as much.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from services.cost_center.events import BILL_PREFIX
from services.query_engine.domain.tables import Catalog, Table
from shared.table import TenantTable
from shared.tenancy import TenantId

_TENANTS = 128


class CurrentCatalog:
    """For many threads."""

    def __init__(self, catalog: Catalog, bills: TenantTable) -> None:
        self._catalog = catalog
        self._bills = bills
        self._lock = threading.Lock()
        self._kept: OrderedDict[TenantId, tuple[Mapping[str, int], dict[str, Table]]] = OrderedDict()

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        """As `PublishedCatalog`; a moment of the past is looked up each time."""
        if as_of is not None:
            return self._catalog.tables(tenant, as_of)
        # Before the tables are read: what is kept is of these versions or newer, and the next look tells.
        versions = self._bills.versions(tenant, prefix=BILL_PREFIX)
        with self._lock:
            kept = self._kept.get(tenant)
            if kept is not None and kept[0] == versions:
                self._kept.move_to_end(tenant)
                return dict(kept[1])
        found = self._catalog.tables(tenant)
        with self._lock:
            self._kept[tenant] = (versions, found)
            self._kept.move_to_end(tenant)
            while len(self._kept) > _TENANTS:
                self._kept.popitem(last=False)
        return dict(found)
