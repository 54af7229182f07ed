"""Frames into files, a chunk at a time: csv, csv.gz, zip and parquet, the same bytes whenever they are
written.
"""

import gzip
import io
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from infra.demo.spec import Container

GZIP_LEVEL = 6
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Sink(Protocol):
    def write(self, frame: pl.DataFrame) -> None: ...

    def close(self) -> None: ...


def sink(path: Path, container: Container, maps: Sequence[str] = ()) -> Sink:
    """A new file; its folder is made. `maps` are struct columns that parquet keeps as maps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return ParquetSink(path, maps) if container is Container.PARQUET else CsvSink(path, container)


class CsvSink:
    def __init__(self, path: Path, container: Container) -> None:
        self._open = ExitStack()
        raw = self._open.enter_context(path.open("wb"))
        self._out: IO[bytes] = raw
        if container is Container.GZ:
            # No name and no time in the header: the same bill is the same bytes.
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw, mtime=0)
            self._out = cast("IO[bytes]", self._open.enter_context(packed))
        elif container is Container.ZIP:
            archive = self._open.enter_context(zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED))
            member = zipfile.ZipInfo(path.name.removesuffix(".zip"), _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            self._out = self._open.enter_context(archive.open(member, "w", force_zip64=True))
        self._header = True

    def write(self, frame: pl.DataFrame) -> None:
        text = io.BytesIO()
        frame.write_csv(text, include_header=self._header)
        self._out.write(text.getbuffer())
        self._header = False

    def close(self) -> None:
        self._open.close()


class ParquetSink:
    def __init__(self, path: Path, maps: Sequence[str]) -> None:
        self._path, self._maps = path, maps
        self._writer: Any = None

    def write(self, frame: pl.DataFrame) -> None:
        table = frame.drop(self._maps).to_arrow(compat_level=pl.CompatLevel.oldest())
        for name in self._maps:
            table = table.add_column(frame.columns.index(name), name, _map(frame[name]))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="snappy")
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _map(keys: pl.Series) -> Any:
    """A struct column as an Arrow map of text: each row has the keys whose value is there."""
    wide = keys.struct.unnest()
    present = pl.sum_horizontal(pl.all().is_not_null().cast(pl.Int32))
    ends = wide.select(present.cum_sum().cast(pl.Int32)).to_series()
    pairs = wide.with_row_index("at").unpivot(index="at").drop_nulls("value").sort("at", maintain_order=True)
    offsets = pl.concat([pl.Series([0], dtype=pl.Int32), ends.rename("")])
    arrow = (
        each.to_arrow(compat_level=pl.CompatLevel.oldest())
        for each in (offsets, pairs["variable"], pairs["value"])
    )
    at, names, values = arrow
    return pa.MapArray.from_arrays(at, names.cast(pa.string()), values.cast(pa.string()))
