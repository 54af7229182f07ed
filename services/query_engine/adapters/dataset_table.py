"""Datasets in DynamoDB: TENANT#<tenant>, DATASET#<bill id>. Imports what a Lambda function has, no more."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.query_engine.domain.datasets import Dataset
from shared.clock import iso
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

PREFIX = "DATASET#"


class DatasetTable:
    """The newest publication of each bill stays, whatever the order in which they are told."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def record(self, tenant: TenantId, dataset: Dataset) -> bool:
        return self._table.put_newer(tenant, PREFIX + dataset.bill_id, _item(dataset), by="published_at")

    def record_together(self, datasets: Sequence[tuple[TenantId, Dataset]]) -> None:
        newest: dict[tuple[TenantId, str], Dataset] = {}
        for tenant, dataset in sorted(datasets, key=lambda each: each[1].published_at):
            newest[tenant, dataset.bill_id] = dataset  # a transaction names a row once
        transact(
            self._table.client,
            [
                self._table.tx_put_newer(tenant, PREFIX + bill_id, _item(dataset), by="published_at")
                for (tenant, bill_id), dataset in newest.items()
            ],
        )

    def all(self, tenant: TenantId) -> Iterator[Dataset]:
        return (_dataset(item) for item in self._table.query_all(tenant, prefix=PREFIX))


def _item(dataset: Dataset) -> dict[str, Any]:
    return {
        "bill_id": dataset.bill_id,
        "source": dataset.source,
        "billing_period": dataset.billing_period,
        "tables": list(dataset.tables),
        "rows": dataset.rows,
        "published_at": iso(dataset.published_at),
    }


def _dataset(item: Mapping[str, Any]) -> Dataset:
    return Dataset(
        bill_id=item["bill_id"],
        source=item["source"],
        billing_period=item["billing_period"],
        tables=tuple(item["tables"]),
        rows=item["rows"],
        published_at=datetime.fromisoformat(item["published_at"]),
    )
