"""What an engine is given to run: SQL of its own dialect, over exactly these tables."""

from dataclasses import dataclass

from services.query_engine.domain.tables import Column, Table


@dataclass(frozen=True)
class MapKey:
    """`name` holds what the map `column` has under `key`, or null.

    `presence`: the query asks only whether it is null, so any text may stand for one."""

    name: str
    column: str
    key: str
    presence: bool = False


@dataclass(frozen=True)
class TextKey:
    """`name` holds what the varchar `column` has, of the type that is grouped by at the least cost."""

    name: str
    column: str


@dataclass(frozen=True)
class BoundTable:
    """A table as an engine is to bind it: under `name`, its columns in lower case, map keys as columns.

    `columns` are the lower case names that the query reads; None is all of them.
    """

    name: str
    table: Table
    map_keys: tuple[MapKey, ...] = ()
    columns: tuple[str, ...] | None = None
    text_keys: tuple[TextKey, ...] = ()

    @property
    def read(self) -> tuple[Column, ...]:
        """The table's columns that an engine has to bind."""
        if self.columns is None:
            return self.table.columns
        wanted = set(self.columns)
        return tuple(each for each in self.table.columns if each.name.lower() in wanted)


@dataclass(frozen=True)
class Plan:
    """`engine` is whose dialect `sql` is written in (a key of `dialects.table.DIALECTS`); `columns` are the
    names of the answer; `query_id`, where it is known, tells two runs of one query from two queries."""

    engine: str
    sql: str
    tables: tuple[BoundTable, ...]
    columns: tuple[str, ...]
    query_id: str = ""

    @property
    def files(self) -> int:
        return sum(len(each.table.files) for each in self.tables)

    @property
    def snapshots(self) -> list[int]:
        return sorted({snapshot for each in self.tables for snapshot in each.table.snapshots})
