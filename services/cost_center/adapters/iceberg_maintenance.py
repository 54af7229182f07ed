"""Snapshots of the lake's Iceberg tables that are no longer needed, and what only they are made of."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.table import Table

from services.cost_center.adapters.iceberg_lake import ATTEMPTS, longest_wait
from shared.errors import Unavailable
from shared.observability import logger
from shared.tenancy import TenantId

_RANDOM = random.SystemRandom()


class IcebergMaintenance:
    """`catalog` is a tenant's: see IcebergLake.catalog."""

    def __init__(
        self,
        catalog: Callable[[TenantId], GlueCatalog],
        sleep: Callable[[float], None] = time.sleep,
        uniform: Callable[[float, float], float] = _RANDOM.uniform,
    ) -> None:
        self._catalog = catalog
        self._sleep = sleep
        self._uniform = uniform

    def expire_snapshots(
        self, tenant: TenantId, database: str, table: str, *, keep: set[int], before: datetime
    ) -> int:
        """How many snapshots were forgotten. Data files stay: published sets name those by themselves, and
        the orphan sweep takes what no set names."""
        for attempt in range(ATTEMPTS):
            try:
                found = self._catalog(tenant).load_table((database, table))
            except NoSuchTableError:
                return 0
            gone = _expired(found, keep, before)
            if not gone:
                return 0
            unused = _made_only_of(found, gone)
            try:
                found.maintenance.expire_snapshots().by_ids(gone).commit()
            except CommitFailedException as lost:
                logger.info("maintenance lost a race", table=table, attempt=attempt, reason=str(lost)[:300])
                self._sleep(self._uniform(0.0, longest_wait(attempt)))
                continue
            for path in unused:
                found.io.delete(path)
            return len(gone)
        raise Unavailable(f"{database}.{table} is too busy: {ATTEMPTS} commits were refused")


def _expired(table: Table, keep: set[int], before: datetime) -> list[int]:
    head = table.metadata.current_snapshot_id
    millis = int(before.timestamp() * 1000)
    return [
        each.snapshot_id
        for each in table.metadata.snapshots
        if each.timestamp_ms < millis and each.snapshot_id not in keep and each.snapshot_id != head
    ]


def _made_only_of(table: Table, gone: Sequence[int]) -> list[str]:
    """Manifest lists and manifests that no other snapshot has. What a writer commits meanwhile builds on the
    head, which stays."""
    lists: dict[bool, set[str]] = {True: set(), False: set()}
    for snapshot in table.metadata.snapshots:
        of = lists[snapshot.snapshot_id in gone]
        of.add(snapshot.manifest_list)
        of.update(manifest.manifest_path for manifest in snapshot.manifests(table.io))
    return sorted(lists[True] - lists[False])
