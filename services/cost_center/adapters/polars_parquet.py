"""Parquet files of the lake, written with Polars."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from services.cost_center.adapters import polars_cells as cells

ZSTD_LEVEL = 1
"""Of a bill it makes files no larger than level 3 does, in less time."""
_SAYS = "ARROW:schema"
"""The key of a file's footer under which Arrow and Polars look for the types of its columns."""


def lazy_sink(rows: pl.LazyFrame, path: Path, row_group: int) -> pl.LazyFrame:
    """How to write the rows, as a frame to be collected.

    Texts may come as numbers of the distinct ones (Categorical), which takes less than half the time: that is
    their dictionary. The file does not say so: it is read as texts, like any other of its table.
    """
    plain = {name: _plain(dtype) for name, dtype in rows.collect_schema().items()}
    return rows.sink_parquet(
        path,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        row_group_size=row_group,
        metadata={_SAYS: _said_of(plain)},
        lazy=True,
    )


def sink(rows: pl.LazyFrame, path: Path, row_group: int) -> None:
    """Writes the rows; see `lazy_sink`."""
    lazy_sink(rows, path, row_group).collect(engine="streaming")


def _plain(dtype: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.Map):
        return cells.STRING_MAP
    return pl.String() if isinstance(dtype, pl.Categorical) else dtype


def _said_of(schema: dict[str, pl.DataType]) -> str:
    """What Polars writes of such columns."""
    empty = BytesIO()
    pl.DataFrame(schema=schema).write_parquet(empty)
    said: bytes = pq.read_metadata(empty).metadata[_SAYS.encode()]
    return said.decode()
