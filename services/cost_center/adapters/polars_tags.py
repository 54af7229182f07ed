"""Keys of a map of tags, renamed with Polars: keys are few, whatever the rows."""

from collections.abc import Callable

import polars as pl

from services.cost_center.adapters.polars_cells import STRING_MAP
from services.cost_center.domain.tags import Prefixes, normal_key, original_key


def normal_tags(column: pl.Expr, prefixes: Prefixes) -> pl.Expr:
    """The tags under their normal keys; see `charges.TagKeys`."""
    return _mapped(column, lambda tags: _normal(tags, prefixes))


def original_tags(column: pl.Expr, prefixes: Prefixes) -> pl.Expr:
    """The tags under the keys that their owners wrote; see `tags.original_key`."""
    return _mapped(column, lambda tags: _renamed(tags, lambda key: original_key(key, prefixes)))


def _mapped(column: pl.Expr, read: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    return column.map_batches(
        lambda tags: read(tags).cast(STRING_MAP).alias(tags.name),
        return_dtype=STRING_MAP,
        is_elementwise=True,
    )


def _normal(tags: pl.Series, prefixes: Prefixes) -> pl.Series:
    element = pl.element()
    value = element.struct.field("value").str.strip_chars()
    valued = tags.map.entries().list.eval(
        pl.struct(element.struct.field("key"), value).filter(value != "")  # null is no value either
    )
    found = _renamed(valued, lambda key: normal_key(key, prefixes))
    some = found.to_frame("tags").select(pl.when(pl.col("tags").list.len() > 0).then(pl.col("tags")))
    return some.to_series()


def _renamed(tags: pl.Series, name: Callable[[str], str]) -> pl.Series:
    """Entries with other keys; of those that fall together the first stays."""
    entries = tags if isinstance(tags.dtype, pl.List) else tags.map.entries()
    keys = entries.explode().struct.field("key").unique().drop_nulls().to_list()
    if not keys:
        return entries
    names = [name(key) for key in keys]
    element = pl.element()
    renamed = entries.list.eval(
        pl.struct(
            element.struct.field("key").replace_strict(keys, names, return_dtype=pl.String),
            element.struct.field("value"),
        )
    )
    if len(set(names)) < len(names):
        renamed = renamed.list.eval(element.filter(element.struct.field("key").is_first_distinct()))
    return renamed
