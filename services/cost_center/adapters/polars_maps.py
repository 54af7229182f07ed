"""Maps of tags and cost categories with Polars: made once for all rows that say the same."""

from collections.abc import Iterable

import numpy as np
import polars as pl
import pyarrow as pa

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_tags import normal_tags
from services.cost_center.domain.charges import ColumnMap, Helper, JsonMap, MapEntry, TagKeys
from services.cost_center.domain.tables import Layout

MapHelper = ColumnMap | JsonMap | TagKeys

_ENTRY = pl.Struct({"key": pl.String, "value": pl.String})
_PLACE = "onyx place"
_ALIKE = "onyx alike"


def map_of(helper: MapHelper, layout: Layout) -> pl.Expr:
    """The helper's column."""
    match helper:
        case ColumnMap():
            return _column_map(helper, layout).alias(helper.name)
        case JsonMap():
            read = cells.per_distinct(cells.json_pairs if helper.pairs else cells.json_object)
            made = pl.col(helper.column).map_batches(
                lambda series: pl.Series(series.name, read(series), dtype=cells.STRING_MAP),
                return_dtype=cells.STRING_MAP,
                is_elementwise=True,
            )
            return made.alias(helper.name)
        case TagKeys():
            return normal_tags(pl.col(helper.column), helper.prefixes).alias(helper.name)


def maps_once(
    frame: pl.DataFrame, helpers: Iterable[Helper], layout: Layout
) -> tuple[pl.DataFrame, dict[str, pl.Expr]]:
    """The frame with what its maps are found by, and each map as an expression over it, by helper's name.

    The tags of a bill repeat from row to row. Only what is made of columns of `frame` is there, as they are
    in it: the others are `map_of`'s.
    """
    found: dict[str, pl.Expr] = {}
    for at, (columns, members) in enumerate(_by_columns(frame, helpers, layout).items()):
        alike = frame.select(columns).with_row_index(_PLACE).group_by(columns).agg(_PLACE)
        distinct = alike.lazy()
        for helper in members:
            distinct = distinct.with_columns(map_of(helper, layout))
        maps = distinct.select(helper.name for helper in members).collect()
        which = alike.lazy().select(_PLACE).with_row_index(f"{_ALIKE} {at}").explode(_PLACE).sort(_PLACE)
        frame = frame.with_columns(which.drop(_PLACE).collect().to_series())
        for helper in members:
            # Gathered batch by batch as the rows are written: the maps of all of them would fill the memory.
            found[helper.name] = (
                pl.col(f"{_ALIKE} {at}")
                .map_batches(
                    _Maps(maps[helper.name]).gathered, return_dtype=cells.STRING_MAP, is_elementwise=True
                )
                .alias(helper.name)
            )
    return frame, found


class _Maps:
    """Maps to gather by their places: a fifth of the time of Polars' gather, which goes entry by entry."""

    def __init__(self, maps: pl.Series) -> None:
        lists = maps.map.entries()
        self._absent = lists.is_null().to_numpy()
        self._lengths = lists.list.len().fill_null(0).to_numpy().astype(np.int64)
        self._starts = np.cumsum(self._lengths) - self._lengths
        self._entries = lists.filter(pl.Series(self._lengths > 0)).explode().struct.unnest().rechunk()

    def gathered(self, which: pl.Series) -> pl.Series:
        at = which.to_numpy()
        lengths = self._lengths[at]
        offsets = np.zeros(len(at) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.repeat(self._starts[at] - offsets[:-1], lengths) + np.arange(offsets[-1])
        entries = self._entries[pl.Series(places, dtype=pl.UInt32)].to_struct("entries")
        lists = pa.LargeListArray.from_arrays(
            pa.array(offsets),
            entries.to_arrow(compat_level=pl.CompatLevel.newest()),
            mask=pa.array(self._absent[at]),
        )
        return pl.Series(which.name, lists).cast(cells.STRING_MAP)


def _by_columns(
    frame: pl.DataFrame, helpers: Iterable[Helper], layout: Layout
) -> dict[tuple[str, ...], list[MapHelper]]:
    """The helpers that make maps, by the columns of `frame` that each is made of in the end."""
    sources: dict[str, tuple[str, ...]] = {}
    groups: dict[tuple[str, ...], list[MapHelper]] = {}
    changed: set[str] = set()
    for helper in helpers:
        match helper:
            case ColumnMap():
                columns = tuple(_column_names(helper, layout))
            case JsonMap():
                columns = (helper.column,)
            case TagKeys():
                columns = sources.get(helper.column, (helper.column,))
            case MapEntry():
                changed.add(helper.name)
                continue
            case _:
                continue
        if columns and not changed & set(columns) and set(columns) <= set(frame.columns):
            sources[helper.name] = columns
            groups.setdefault(columns, []).append(helper)
    return groups


def _column_names(helper: ColumnMap, layout: Layout) -> Iterable[str]:
    if helper.beside is not None and layout.named(helper.beside):
        yield helper.beside
    yield from (column.name for column in layout.columns if column.name.startswith(helper.prefix))


def _column_map(helper: ColumnMap, layout: Layout) -> pl.Expr:
    entries = [
        pl.struct(pl.lit(_key(helper, column.header)).alias("key"), pl.col(column.name).alias("value"))
        for column in layout.columns
        if column.name.startswith(helper.prefix)
    ]
    # An array of them and then a list: a list at once takes twenty times as long.
    lists = [pl.concat_arr(entries).arr.to_list()] if entries else []
    if helper.beside is not None and layout.named(helper.beside):
        none = pl.lit([], dtype=pl.List(_ENTRY))
        lists.insert(0, pl.col(helper.beside).map.entries().fill_null(none))
    if not lists:
        return pl.lit(None, dtype=cells.STRING_MAP)
    element = pl.element()
    together = lists[0] if len(lists) == 1 else pl.concat_list(lists)
    filled = together.list.eval(element.filter(element.struct.field("value").is_not_null()))
    return pl.when(filled.list.len() > 0).then(filled).cast(cells.STRING_MAP)


def _key(helper: ColumnMap, header: str) -> str:
    for prefix in helper.headers:
        if header.startswith(prefix):
            return header[len(prefix) :]
    return header
