"""Maps of tags and cost categories with Polars."""

from collections.abc import Sequence

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_tags import normal_tags
from services.cost_center.domain.charges import ColumnMap, JsonMap, TagKeys
from services.cost_center.domain.tables import Layout

MapHelper = ColumnMap | JsonMap | TagKeys

_ENTRY = pl.Struct({"key": pl.String, "value": pl.String})


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


def _column_map(helper: ColumnMap, layout: Layout) -> pl.Expr:
    entries = [
        pl.struct(pl.lit(_key(helper, column.header)).alias("key"), pl.col(column.name).alias("value"))
        for column in layout.columns
        if column.name.startswith(helper.prefix)
    ]
    # An array of them and then a list: a list at once takes twenty times as long.
    lists = [pl.concat_arr(entries).arr.to_list()] if entries else []
    if helper.beside is not None and layout.named(helper.beside):
        lists.insert(0, _entries(helper.beside))
    if helper.last is not None and layout.named(helper.last):
        lists += _in_order(_entries(helper.last), helper.order)
    if not lists:
        return pl.lit(None, dtype=cells.STRING_MAP)
    element = pl.element()
    together = lists[0] if len(lists) == 1 else pl.concat_list(lists)
    filled = together.list.eval(element.filter(element.struct.field("value").is_not_null()))
    if len(lists) > 1:
        filled = filled.list.eval(element.filter(element.struct.field("key").is_first_distinct()))
    return pl.when(filled.list.len() > 0).then(filled).cast(cells.STRING_MAP)


def _entries(column: str) -> pl.Expr:
    return pl.col(column).map.entries().fill_null(pl.lit([], dtype=pl.List(_ENTRY)))


def _in_order(entries: pl.Expr, prefixes: Sequence[str]) -> list[pl.Expr]:
    """Those whose key begins with the first prefix, with the second and so on, and then the others."""
    element = pl.element()
    begins = [element.struct.field("key").str.starts_with(prefix) for prefix in prefixes]
    parts = [*begins, ~pl.any_horizontal(begins)] if begins else [pl.lit(True)]
    return [entries.list.eval(element.filter(part)) for part in parts]


def _key(helper: ColumnMap, header: str) -> str:
    for prefix in helper.headers:
        if header.startswith(prefix):
            return header[len(prefix) :]
    return header
