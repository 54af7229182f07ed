"""The rows of a bill taken apart with Polars: what is each row's own, and the texts, which repeat.

A bill says a few texts over and over: of a million rows a few ten thousand differ in one. So what is made of
texts alone is made once for all rows that say the same, and a row has the number of its texts only: it takes
a quarter of the memory, and its texts are written by their numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

KIND = "onyx kind"
"""The number of a row's texts: their place in `Alike.kinds`."""

_RUN = "onyx run"
SAMPLE = 10_000
"""Rows that tell whether the values of a column repeat."""
_OFTEN, _VERY_OFTEN = 2, 50
"""How often at least: a text, and a number, which takes no more room with its row. Other values must be the
same: moments change from row to row."""


@dataclass(frozen=True)
class Alike:
    """`rows` have the columns that are each row's own, and KIND; `kinds` the others, each of their sets
    once."""

    rows: pl.DataFrame
    kinds: pl.DataFrame

    def frame(self, names: Iterable[str]) -> pl.LazyFrame:
        """The rows with these columns of their kinds beside their own."""
        return self.rows.lazy().with_columns(
            of_kind(self.kinds[name]) for name in names if name in self.kinds.columns
        )

    def told_apart(self, flag: str) -> "Alike":
        """The same, with what a column of flags says among what the kinds say."""
        marked = self.rows.filter(flag)[KIND].unique().sort()
        number = np.zeros(self.kinds.height, dtype=np.uint32)
        number[marked.to_numpy()] = np.arange(self.kinds.height, self.kinds.height + marked.len())
        kinds = pl.concat(
            [
                self.kinds.with_columns(pl.lit(False).alias(flag)),
                self.kinds[marked].with_columns(pl.lit(True).alias(flag)),
            ]
        )
        rows = self.rows.with_columns(
            pl.when(flag).then(of_kind(pl.Series(KIND, number))).otherwise(KIND).alias(KIND)
        )
        return Alike(rows.drop(flag), kinds)


def of_kind(column: pl.Series) -> pl.Expr:
    """What a column of the kinds says, in each row: gathered batch by batch as it is asked for."""
    return _gathered(column.gather, column)


def by_number(column: pl.Series) -> pl.Expr:
    """The same, with numbers for texts, a map's too: a dictionary that is written without another look."""
    if isinstance(column.dtype, pl.Map):
        maps = _Maps(column)
        return _gathered(maps.gathered, maps.empty)
    return of_kind(
        column.cast(pl.Categorical(pl.Categories.random())) if column.dtype == pl.String else column
    )


def _gathered(gather: Callable[[pl.Series], pl.Series], like: pl.Series) -> pl.Expr:
    return pl.col(KIND).map_batches(gather, return_dtype=like.dtype, is_elementwise=True).alias(like.name)


def repeated(sample: pl.DataFrame) -> dict[str, pl.DataType]:
    """The columns whose values repeat, as the first rows of a bill show it, and as what they are told apart:
    texts by their numbers."""
    found: dict[str, pl.DataType] = {}
    for name, dtype in sample.schema.items():
        if isinstance(dtype, pl.Map):
            found[name] = dtype
            continue
        distinct = sample[name].n_unique()
        if dtype == pl.String:
            if distinct <= max(1, sample.height // _OFTEN):
                found[name] = pl.Categorical(pl.Categories.random())
        elif distinct <= (sample.height // _VERY_OFTEN if isinstance(dtype, pl.Decimal) else 1):
            found[name] = dtype
    return found


def taken_apart(scan: pl.LazyFrame, columns: Mapping[str, pl.DataType]) -> Alike:
    """The rows of `scan`, in their order. Of `columns`, which repeat, only the distinct sets are ever held.

    Rows that say the same often follow each other: of each run only the first is looked at.
    """
    rows: list[pl.DataFrame] = []
    runs: list[pl.DataFrame] = []
    count = 0
    for batch in scan.collect_batches(engine="streaming", maintain_order=True):
        begins = batch.select(_begins(columns).alias(_RUN)).to_series()
        first = batch.filter(begins).select(pl.col(name).cast(dtype) for name, dtype in columns.items())
        run = begins.cum_sum().cast(pl.UInt32) + count
        rows.append(batch.drop(columns.keys()).with_columns(run.alias(_RUN)))
        runs.append(first)
        count += first.height
    kinds, kind_of = _distinct(pl.concat(runs))
    each = pl.concat(rows)
    kind = kind_of.gather(each.drop_in_place(_RUN) - 1).alias(KIND)
    return Alike(each.with_columns(kind), kinds)


def _begins(columns: Iterable[str]) -> pl.Expr:
    """Whether a row is the first, or says anything else than the row before."""
    changes = (pl.col(name).ne_missing(pl.col(name).shift()) for name in columns)
    return pl.any_horizontal(pl.int_range(pl.len()) == 0, *changes)


def _distinct(runs: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Each set of texts once, as texts, and which of them each run is."""
    keys = [
        pl.col(name).to_physical() if isinstance(dtype, pl.Categorical) else pl.col(name)
        for name, dtype in runs.schema.items()
    ]
    groups = runs.select(keys).with_row_index(_RUN).group_by(runs.columns, maintain_order=True).agg(_RUN)
    members = groups[_RUN]
    kind_of = np.empty(runs.height, dtype=np.uint32)
    kind_of[members.explode().to_numpy()] = np.repeat(
        np.arange(groups.height, dtype=np.uint32), members.list.len().to_numpy()
    )
    kinds = runs[members.list.first()].with_columns(pl.col(pl.Categorical).cast(pl.String))
    return kinds, pl.Series(kind_of)


class _Maps:
    """Maps to gather by their places, as numbers: a small part of the time of Polars' gather."""

    def __init__(self, maps: pl.Series) -> None:
        lists = maps.map.entries()
        self._absent = lists.is_null().to_numpy()
        self._lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
        self._starts = np.cumsum(self._lengths) - self._lengths
        entries = lists.filter(pl.Series(self._lengths > 0)).explode().struct.unnest()
        self._texts = pl.Categorical(pl.Categories.random())
        # Kept, for what the numbers mean is forgotten with the last column that has them.
        self._coded = entries.select(pl.all().cast(self._texts)).rechunk()
        self._entries = self._coded.select(pl.all().to_physical())
        self.empty = pl.Series(maps.name, [], dtype=pl.Map(self._texts, self._texts))

    def gathered(self, which: pl.Series) -> pl.Series:
        at = which.to_numpy()
        lengths = self._lengths[at]
        offsets = np.zeros(len(at) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.repeat(self._starts[at] - offsets[:-1], lengths) + np.arange(offsets[-1])
        entries = self._entries[pl.Series(places, dtype=pl.UInt32)]
        lists = pa.LargeListArray.from_arrays(
            pa.array(offsets),
            pa.StructArray.from_arrays([each.to_arrow() for each in entries], names=entries.columns),
            mask=pa.array(self._absent[at]),
        )
        numbers = pl.Series(which.name, lists).list
        fields = (pl.element().struct.field(name).cat.to(self._texts) for name in entries.columns)
        return numbers.eval(pl.struct(fields)).cast(self.empty.dtype)
