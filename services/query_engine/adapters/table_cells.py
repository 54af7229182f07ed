"""Which columns of which files a plan reads, and how they are read into memory and put together again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from services.query_engine.adapters.frames import Cell, FrameStore
from services.query_engine.adapters.lake_columns import as_column, held_names
from services.query_engine.domain.plan import BoundTable
from services.query_engine.domain.tables import Column, FileGroup


@dataclass(frozen=True)
class GroupCells:
    """What is read of a group: `names` are the columns' names in the query, `cells` those of each file."""

    group: FileGroup
    names: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]


def cells_of(tenant: str, bound: BoundTable) -> list[GroupCells]:
    """The cells of a table as it is bound, for each group that has files; columns a file lacks have none."""
    found = []
    for group in bound.table.groups:
        if not group.files:
            continue
        held = held_names(group)
        shapes: list[tuple[str, tuple[str, str, str | None]]] = [
            (each.name.lower(), (each.name.lower(), each.type, None))
            for each in bound.read
            if each.name.casefold() in held
        ]
        shapes += [
            (each.name, (each.column, "varchar", each.key))
            for each in bound.map_keys
            if each.column.casefold() in held
        ]
        names = tuple(name for name, _ in shapes)
        cells = tuple(tuple(Cell(tenant, path, *shape) for _, shape in shapes) for path in group.files)
        found.append(GroupCells(group, names, cells))
    return found


def put_together(store: FrameStore, groups: Sequence[GroupCells]) -> list[pl.DataFrame] | None:
    """One frame for each group out of what is in memory; None where something is not, or nothing is read."""
    frames = []
    for each in groups:
        parts = []
        for cells in each.cells:
            series = store.take(cells) if cells else None
            if series is None:
                return None
            parts.append(
                pl.DataFrame([one.alias(name) for one, name in zip(series, each.names, strict=True)])
            )
        frames.append(pl.concat(parts, how="vertical", rechunk=False) if len(parts) > 1 else parts[0])
    return frames


def read_cells(local: Path, group: FileGroup, cells: Sequence[Cell]) -> dict[Cell, pl.Series]:
    """The columns `cells` of one file of `group`, whose copy is `local`, decoded."""
    held = held_names(group)
    scan = pl.scan_parquet(local, glob=False, hive_partitioning=False)
    schema = scan.collect_schema()
    expressions = []
    for at, cell in enumerate(cells):
        kind = cell.type if cell.map_key is None else "map(varchar, varchar)"
        column = as_column(schema, held.get(cell.column.casefold()), Column(cell.column, kind))
        if cell.map_key is not None:
            column = column.map.get(cell.map_key)
        expressions.append(column.alias(str(at)))
    frame = scan.select(expressions).collect()
    return dict(zip(cells, frame.get_columns(), strict=True))
