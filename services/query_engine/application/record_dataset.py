"""Note that a bill's content became queryable."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.cost_center.events import BillIngested
from services.query_engine.domain.datasets import Dataset, Datasets
from shared.tenancy import TenantId


@dataclass(frozen=True)
class RecordDataset:
    """Events come at least once and in any order: the newest publication of a bill stays."""

    datasets: Datasets

    def __call__(self, tenant: TenantId, event: BillIngested) -> bool:
        """Whether the event was news."""
        return self.datasets.record(tenant, _dataset(event))

    def together(self, events: Sequence[tuple[TenantId, BillIngested]]) -> None:
        """All of them in one write. Raises Conflict, and records none, where one is no news."""
        self.datasets.record_together([(tenant, _dataset(event)) for tenant, event in events])


def _dataset(event: BillIngested) -> Dataset:
    return Dataset(
        bill_id=event.bill_id,
        source=event.bill_source,
        billing_period=event.billing_period,
        tables=tuple(event.tables),
        rows=event.rows,
        published_at=event.published_at,
    )
