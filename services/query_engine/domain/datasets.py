"""What became queryable when: one row per bill, fed by BillIngested."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.tenancy import TenantId


@dataclass(frozen=True)
class Dataset:
    """A bill's content as queries see it since `published_at`."""

    bill_id: str
    source: str
    billing_period: str
    tables: tuple[str, ...]
    rows: int
    published_at: datetime


class Datasets(Protocol):
    """The datasets of a tenant."""

    def record(self, tenant: TenantId, dataset: Dataset) -> bool:
        """Keep `dataset` unless one of the same bill that is as new or newer is kept; whether it was."""
        ...

    def record_together(self, datasets: Sequence[tuple[TenantId, Dataset]]) -> None:
        """Keep all of them in one write. Raises Conflict, and keeps none, where one of them is no news."""
        ...

    def all(self, tenant: TenantId) -> Iterable[Dataset]: ...
