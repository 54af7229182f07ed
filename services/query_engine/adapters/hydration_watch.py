"""Notices what was published of the tenants that are served, and has it brought in before it is asked for.

A function hears of BillIngested and BillRestated and writes the dataset's row; every server reads the rows of
its tenants every few seconds, so none needs a queue of its own.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from services.query_engine.domain.datasets import Datasets
from services.query_engine.domain.tables import Catalog, Table
from shared.observability import logger
from shared.tenancy import TenantId

Warmer = Callable[[TenantId, list[Table], frozenset[str]], None]


class HydrationWatch:
    """`look` is one round; `start` makes them in a thread of its own until `close`."""

    def __init__(
        self,
        catalog: Catalog,
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
        # Of what one published bill holds of a table: its partition is its source and its period.
        versions = [
            (each.partition[1][1], each.files) for table in tables.values() for each in table.versions
        ]
        newest = sorted({period for period, _ in versions}, reverse=True)[: self._months]
        wanted = {path for period, files in versions if period in newest for path in files}
        recent = [_only(table, wanted) for table in tables.values()]
        bound = frozenset(path for table in tables.values() for path in table.files)
        self._warm(tenant, [each for each in recent if each.groups], bound)


def _only(table: Table, paths: set[str]) -> Table:
    groups = (
        replace(each, files=tuple(path for path in each.files if path in paths)) for each in table.groups
    )
    return replace(table, groups=tuple(each for each in groups if each.files))
