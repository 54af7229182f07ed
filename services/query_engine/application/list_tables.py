"""A tenant's tables as it may query them, and how fresh each is."""

from dataclasses import dataclass

from services.query_engine.domain.datasets import Dataset, Datasets
from services.query_engine.domain.tables import Catalog, Table
from shared.tenancy import Principal, Role


@dataclass(frozen=True)
class ListedTable:
    """A table, and the bills that it is made of as far as they were announced."""

    table: Table
    bills: tuple[Dataset, ...]


@dataclass(frozen=True)
class ListTables:
    """The catalog says what is queryable; the datasets say since when, bill by bill."""

    catalog: Catalog
    datasets: Datasets

    def __call__(self, caller: Principal) -> list[ListedTable]:
        caller.require(Role.VIEWER)
        announced = sorted(self.datasets.all(caller.tenant), key=lambda each: each.bill_id)
        return [
            ListedTable(table, tuple(each for each in announced if name in each.tables))
            for name, table in sorted(self.catalog.tables(caller.tenant).items())
        ]
