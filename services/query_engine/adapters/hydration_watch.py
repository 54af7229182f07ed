"""Notices what was published of the tenants that are served, and has it brought in before it is asked for.

A function hears of BillIngested and BillRestated and writes the dataset's row; every server reads the rows of
its tenants every few seconds, so none needs a queue of its own.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from services.cost_center.events import PublishedBill
from services.query_engine.domain.datasets import Datasets
from services.query_engine.domain.tables import Table
from shared.observability import logger
from shared.tenancy import TenantId

Warmer = Callable[[TenantId, list[Table], frozenset[str]], None]


class Published(Protocol):
    """See `published_catalog.PublishedCatalog`."""

    def tables(self, tenant: TenantId) -> dict[str, Table]: ...

    def published(self, tenant: TenantId) -> Iterable[PublishedBill]: ...


class HydrationWatch:
    """`look` is one round; `start` makes them in a thread of its own until `close`."""

    def __init__(
        self,
        catalog: Published,
        datasets: Datasets,
        served: Callable[[], Iterable[TenantId]],
        warm: Warmer,
        months: int,
    ) -> None:
        """`months`: of how many of the newest billing periods the columns are brought in."""
        self._catalog = catalog
        self._datasets = datasets
        self._served = served
        self._warm = warm
        self._months = months
        self._seen: dict[TenantId, frozenset[tuple[str, object]]] = {}
        self._closed = threading.Event()

    def look(self) -> None:
        """Bring in what is new of each tenant. One that fails is tried again at the next round."""
        served = set(self._served())
        self._seen = {tenant: seen for tenant, seen in self._seen.items() if tenant in served}
        for tenant in served:
            try:
                now = frozenset((each.bill_id, each.published_at) for each in self._datasets.all(tenant))
                if now != self._seen.get(tenant):
                    self._bring(tenant)
                    self._seen[tenant] = now
            except Exception:  # noqa: BLE001 - queries go on without
                logger.exception("not hydrated", tenant=tenant)

    def start(self, seconds: float) -> None:
        def rounds() -> None:
            while not self._closed.wait(seconds):
                self.look()

        threading.Thread(target=rounds, name="hydration-watch", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _bring(self, tenant: TenantId) -> None:
        tables = self._catalog.tables(tenant)
        bills = list(self._catalog.published(tenant))
        periods = sorted({each.billing_period for each in bills}, reverse=True)[: self._months]
        newest = {
            path
            for bill in bills
            if bill.billing_period in periods
            for table in bill.tables.values()
            for path in table.files
        }
        recent = [_only(table, newest) for table in tables.values()]
        bound = frozenset(path for table in tables.values() for path in table.files)
        self._warm(tenant, [each for each in recent if each.groups], bound)


def _only(table: Table, paths: set[str]) -> Table:
    groups = (
        replace(each, files=tuple(path for path in each.files if path in paths)) for each in table.groups
    )
    return replace(table, groups=tuple(each for each in groups if each.files))
