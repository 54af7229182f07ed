"""Staged tables of several files -> one, and of a part of the billing accounts, with Polars."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_order import ROW_GROUP as CHARGES_ROW_GROUP
from services.cost_center.adapters.polars_parquet import sink
from services.cost_center.adapters.polars_raw import ROW_GROUP
from services.cost_center.domain.charges import MONEY
from services.cost_center.domain.tables import PARTITION_COLUMNS, ColumnSpec, StagedTable
from shared.ids import deterministic_id


def join_raw(parts: Sequence[StagedTable], workdir: Path) -> StagedTable:
    """One table of all the parts' files, each with the columns of them all.

    A file that has others, or has them in another order, is written again: an absent one is NULL.
    """
    columns = _columns(parts)
    paths = [
        path if part.columns == columns else _widened(path, part, columns, workdir)
        for part in parts
        for path in part.paths
    ]
    return replace(parts[0], paths=tuple(paths), rows=sum(part.rows for part in parts), columns=columns)


def of_accounts(staged: StagedTable, accounts: frozenset[str], workdir: Path) -> StagedTable:
    """The curated rows of these billing accounts only, in their order."""
    name = deterministic_id(*sorted(accounts))[:12]
    path = workdir / f"charges-{staged.billing_period}-{name}.parquet"
    rows = pl.scan_parquet(list(staged.paths)).filter(
        pl.col(MONEY.account).fill_null("").is_in(sorted(accounts))
    )
    sink(rows, path, CHARGES_ROW_GROUP)
    count: int = pl.scan_parquet(path).select(pl.len()).collect().item()
    return replace(staged, paths=(path,), rows=count)


def _columns(parts: Sequence[StagedTable]) -> tuple[ColumnSpec, ...]:
    """Those of all parts, in the order of the first that has them; the partition columns come last."""
    found = {column.name: column for part in parts for column in part.columns}
    last = [found.pop(name) for name in PARTITION_COLUMNS]
    return (*found.values(), *last)


def _widened(path: Path, part: StagedTable, columns: Sequence[ColumnSpec], workdir: Path) -> Path:
    have = {column.name for column in part.columns}
    target = workdir / f"{path.parent.name}-{path.name}"
    rows = pl.scan_parquet(path).select(
        pl.col(column.name)
        if column.name in have
        else pl.lit(None, dtype=cells.TYPES[column.type]).alias(column.name)
        for column in columns
    )
    sink(rows, target, ROW_GROUP)
    path.unlink()
    return target
