"""Maintenance of a tenant's Iceberg tables: snapshots that nobody can ask for are forgotten.

A snapshot goes only if it is older than the safe age (an ingest commits before it publishes) and no set
names it that `as_of` can still bind. There is nothing to compact: each publication of a bill writes the
bill's files anew and whole, by a writer that fills them.
"""

from dataclasses import dataclass
from datetime import timedelta

from services.cost_center.domain.sweep_ports import LakeTables, SetRows
from shared.clock import Clock
from shared.observability import logger
from shared.tenancy import TenantId

SAFE_AGE = timedelta(days=7)


@dataclass(frozen=True)
class MaintainLake:
    """The use case and its ports."""

    rows: SetRows
    lake: LakeTables
    clock: Clock
    safe_age: timedelta = SAFE_AGE

    def __call__(self, tenant: TenantId) -> dict[str, int]:
        """By table, how many snapshots were forgotten."""
        before = self.clock.now() - self.safe_age
        gone = {
            table: self.lake.expire_snapshots(tenant, database, table, keep=bound, before=before)
            for (database, table), bound in self.rows.bound_snapshots(tenant).items()
        }
        logger.info("the lake is maintained", tenant=tenant, snapshots=gone)
        return gone
