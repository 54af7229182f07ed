"""Letting go of published sets that `as_of` no longer promises.

Their rows lose the names of their files and tell everything else for good: a moment of theirs is refused
instead of answered wrongly. The files are orphans from then on. They go in the sweep's next run and not in
this one, so that whoever has just bound such a set can read it to the end. The Iceberg snapshots of such
sets are the data plane's to forget (`maintain_lake`), which is asked to once a week.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.cost_center.domain.history import kept
from services.cost_center.domain.sweep_ports import SetRows
from shared.clock import Clock
from shared.observability import logger
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ExpireSets:
    """The use case and its ports."""

    rows: SetRows
    clock: Clock
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self, tenant: TenantId) -> int:
        """How many sets were let go of."""
        now = self.clock.now()
        gone = 0
        sets = self.rows.publications(tenant)
        if sets:
            self.rows.ask_maintenance(tenant, now)
        for bill_id, publications in sets.items():
            promised = kept([each.at for each in publications], now)
            for each in publications:
                if each.at in promised or not each.kept:
                    continue
                if self.time_is_up():
                    return gone
                self.rows.let_go(tenant, bill_id, each.at)
                gone += 1
        if gone:
            logger.info("published sets are let go of", tenant=tenant, sets=gone)
        return gone
