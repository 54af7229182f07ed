"""Keys of a map in local files, as columns: read by Arrow, at less than Polars' own reader of maps costs.

Polars makes a list of structs of every map and looks the key up in each. Here the entries of many rows are
compared with a key all at once, and only the values under it become texts. Polars scans the other columns and
numbers the rows; what it leaves out (row groups, rows by their conditions) is not asked for here. Where a
query asks only whether there is a key, the values are not read at all.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from threading import Event, Lock
from typing import NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.query_engine.domain.plan import MapKey

ROW = "onyx__row"
"""The column of a scan that numbers its rows, over all of its files, from 0."""
_BATCH = 131_072
"""Rows whose maps are decoded at a time: they take little memory, and the processor's cache holds them."""
_AHEAD = max(2, os.cpu_count() or 2)
_KEPT = 2 * _AHEAD
"""Row groups whose keys are kept for rows that come later than those after them."""
_Rows = npt.NDArray[np.uint32]
_Places = npt.NDArray[np.int64]
_Coming: TypeAlias = "Future[list[pl.Series]]"


class _Part(NamedTuple):
    """A row group: its file, its place there, the number of its first row over all files."""

    path: str
    group: int
    start: int


class MapKeys:
    """Reads for one query. Safe to call from the engine's threads; as a context it ends what is under way."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AHEAD, "map-keys")
        self._over = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        self._over.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def columns(self, paths: Sequence[str], column: str, keys: Sequence[MapKey]) -> list[pl.Expr]:
        """What the map `column` of the files has under `keys`, by their names.

        For a scan of `paths`, in this order, whose rows are numbered by ROW. Raises OSError.
        """
        read = partial(_decoded, column=column, keys=tuple(keys), over=self._over)
        parts = _Parts(partial(self._pool.submit, read), paths)
        return [
            pl.col(ROW).map_batches(parts.of(at), return_dtype=pl.String, is_elementwise=True).alias(key.name)
            for at, key in enumerate(keys)
        ]


class _Parts:
    """The keys of some files, row group by row group, in the order in which rows are asked for."""

    def __init__(self, read: Callable[[_Part], _Coming], paths: Sequence[str]) -> None:
        self._read = read
        self._parts: list[_Part] = []
        rows = 0
        for path in paths:
            for at, size in enumerate(_sizes(path, Path(path).stat().st_mtime_ns)):
                self._parts.append(_Part(path, at, rows))
                rows += size
        self._starts = np.array([each.start for each in self._parts] + [rows], np.int64)
        self._coming: OrderedDict[int, _Coming] = OrderedDict()
        self._asked: set[int] = set()
        self._lock = Lock()

    def of(self, key: int) -> Callable[[pl.Series], pl.Series]:
        """From numbers of rows to the values of one of the keys."""
        return lambda rows: self._values(rows.to_numpy(), key).alias(rows.name)

    def _values(self, rows: _Rows, key: int) -> pl.Series:
        if np.any(rows[1:] <= rows[:-1]):
            # Polars hands out rows in order, mostly of one row group; if not, none may get another's value.
            rows, back = np.unique(rows, return_inverse=True)
            return self._values(rows, key).gather(pl.Series(back))
        found = [pl.Series(dtype=pl.String)]
        while len(rows):
            at = int(np.searchsorted(self._starts, rows[0], side="right")) - 1
            here, rows = np.split(rows, [int(np.searchsorted(rows, self._starts[at + 1]))])
            found.append(_taken(self._part(at)[key], here - self._starts[at]))
        return found[-1] if len(found) <= 2 else pl.concat(found)

    def _part(self, at: int) -> list[pl.Series]:
        with self._lock:
            coming = self._ask(at)
            self._asked.add(at)
            if at == 0 or at - 1 in self._asked:
                # Row groups are read one after the other: the next are decoded beside this one.
                for following in range(at + 1, min(at + 1 + _AHEAD, len(self._parts))):
                    self._ask(following)
            while len(self._coming) > _KEPT:
                self._coming.popitem(last=False)
        return coming.result()

    def _ask(self, at: int) -> _Coming:
        if (coming := self._coming.get(at)) is None:
            coming = self._coming[at] = self._read(self._parts[at])
        self._coming.move_to_end(at)
        return coming


def _taken(column: pl.Series, rows: _Places) -> pl.Series:
    first, count = int(rows[0]), len(rows)
    return (
        column.slice(first, count) if int(rows[-1]) - first == count - 1 else column.gather(pl.Series(rows))
    )


@lru_cache(maxsize=4096)
def _sizes(path: str, changed: int) -> tuple[int, ...]:
    """The rows of each row group."""
    footer = pq.read_metadata(path)
    return tuple(footer.row_group(at).num_rows for at in range(footer.num_row_groups))


# --- a row group ---


def _decoded(part: _Part, column: str, keys: tuple[MapKey, ...], over: Event) -> list[pl.Series]:
    """By key, what the rows of a row group have; of some of them once it is `over`, when nobody reads it."""
    found: list[list[pl.Series]] = [[] for _ in keys]
    with pq.ParquetFile(part.path, memory_map=True) as file:
        leaf = _keys_alone(file.metadata, part.group, column) if all(each.presence for each in keys) else None
        wanted = [leaf or column]
        for batch in file.iter_batches(_BATCH, row_groups=[part.group], columns=wanted, use_threads=False):
            if over.is_set():
                break
            maps = batch.column(column)
            entries = maps.values.flatten() if leaf else [maps.keys, maps.items]
            for values, key in zip(found, keys, strict=True):
                places = _places(maps.offsets.to_numpy(), entries[0], key.key)
                values.append(_some(places) if leaf else _under(places, entries[1]))
    return [pl.concat(each, rechunk=True) if each else pl.Series(dtype=pl.String) for each in found]


def _keys_alone(footer: pq.FileMetaData, group: int, column: str) -> str | None:
    """The path of the keys, where no key has a null: then whoever has it has a value."""
    chunks = [footer.row_group(group).column(at) for at in range(footer.num_columns)]
    own = [each for each in chunks if each.path_in_schema.startswith(f"{column}.")]
    # What is null of the keys is no entry but a map without any.
    nulls = {each.statistics.null_count if each.is_stats_set else None for each in own}
    return own[0].path_in_schema if len(own) == 2 and len(nulls) == 1 and None not in nulls else None


def _places(offsets: npt.NDArray[np.int32], names: pa.Array, key: str) -> _Places:
    """For each row the place of the last entry called `key`, or -1."""
    first, last = int(offsets[0]), int(offsets[-1])
    same = pc.equal(names.slice(first, last - first), key).to_numpy(zero_copy_only=False)
    entries = np.flatnonzero(same)
    rows = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))[entries]
    places = np.full(len(offsets) - 1, -1, np.int64)
    places[rows] = entries + first
    return places


def _under(places: _Places, values: pa.Array) -> pl.Series:
    return pl.Series(values.take(pa.array(places, mask=places < 0)), dtype=pl.String)


def _some(places: _Places) -> pl.Series:
    """A text for each place, whatever is there."""
    return pl.select(pl.when(pl.lit(pl.Series(places >= 0))).then(pl.lit(""))).to_series()
