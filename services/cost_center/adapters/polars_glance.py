"""All cells of a delivered file at one glance: what the pass that writes them counts on its way.

It says whether something is wrong, not what: `polars_checks` then looks for it.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_checks import CURRENCY
from services.cost_center.domain.tables import ColumnType, Container, Layout, RawColumn, SourceFile

_ABSENT, _UNREAD, _WRONG = "absent ", "unread ", "wrong "


class Glance:
    """The checks of `CellChecks`, as one row of counts over `frame`."""

    def __init__(
        self,
        file: SourceFile,
        layout: Layout,
        dtypes: Mapping[str, pl.DataType],
        forms: Mapping[str, str] | None = None,
    ) -> None:
        """`forms` says of columns in what plain form all of their moments should be; see `cells`."""
        self._parquet = file.container is Container.PARQUET
        self._layout = layout
        self._dtypes = dtypes
        self._forms = forms or {}

    def frame(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        """Each column as its type, and beside those that are made of text the text itself."""
        return scan.select(
            *(self._value(column).alias(column.name) for column in self._layout.columns),
            *(self._source(column).alias(_beside(column)) for column in self._made()),
        )

    def counts(self, month: tuple[int, int]) -> Iterator[pl.Expr]:
        """What `is_clean` judges, for a file all of whose rows should be of one month (year, month)."""
        yield pl.len().alias("rows")
        for column in self._layout.columns:
            if column.required:
                yield (
                    pl.col(_beside(column) if self._is_made(column) else column.name)
                    .null_count()
                    .alias(_ABSENT + column.name)
                )
        for column in self._made():
            unread = pl.col(column.name).null_count() - pl.col(_beside(column)).null_count()
            yield unread.alias(_UNREAD + column.name)
        for name, wrong in self._wrong(month):
            yield wrong.fill_null(False).any().alias(_WRONG + name)
        costs = [cost for name in self._layout.money.cost if (cost := self._layout.named(name))]
        billed = pl.coalesce(self._text(cost) for cost in costs)
        yield cells.rounded(billed).any().alias("rounded")

    def is_clean(self, row: Mapping[str, int | bool]) -> bool:
        """Whether the file has rows and nothing that `CellChecks` would refuse."""
        found = {name: count for name, count in row.items() if name not in {"rows", "rounded"}}
        return row["rows"] > 0 and not any(found.values())

    def is_of_forms(self, row: Mapping[str, int | bool]) -> bool:
        """Whether all moments were read that should be in a plain form."""
        return not any(row[_UNREAD + name] for name in self._forms)

    # --- the columns ---

    def _made(self) -> Iterator[RawColumn]:
        return (column for column in self._layout.columns if self._is_made(column))

    def _is_made(self, column: RawColumn) -> bool:
        """Whether the column's type is made of what the file has: that may fail."""
        return column.type is not ColumnType.STRING and not cells.is_map(self._dtypes[column.name])

    def _value(self, column: RawColumn) -> pl.Expr:
        layout = self._layout
        if column.name in self._forms:
            return cells.moment_of_form(column, layout.nulls(column), self._forms[column.name])
        return cells.value(column, self._dtypes[column.name], layout.nulls(column), layout.date_formats)

    def _source(self, column: RawColumn) -> pl.Expr:
        if column.type is ColumnType.TIMESTAMP and self._dtypes[column.name] != pl.String:
            return pl.col(column.name)
        return cells.text(column.name, self._dtypes[column.name], self._layout.nulls(column))

    def _text(self, column: RawColumn) -> pl.Expr:
        return pl.col(_beside(column) if self._is_made(column) else column.name)

    # --- what must not be ---

    def _wrong(self, month: tuple[int, int]) -> Iterator[tuple[str, pl.Expr]]:
        money = self._layout.money
        start, end = pl.col(money.period_start), self._layout.named(money.period_end)
        yield "month", (start.dt.year() != month[0]) | (start.dt.month() != month[1])
        if end is not None:
            yield "end", pl.col(end.name) <= start
        currency = pl.col(money.currency)
        yield "currency code", ~currency.str.contains(f"^(?:{CURRENCY})$")
        if self._layout.one_currency:
            yield "currency", currency.min() != currency.max()
        for column in self._layout.columns:
            if cells.is_map(self._dtypes[column.name]) and column.type is ColumnType.MAP:
                yield column.name, cells.map_has_nul_of(pl.col(column.name))
            elif column.type is ColumnType.STRING and self._parquet:
                yield column.name, pl.col(column.name).str.contains("\0", literal=True)
        for name in self._layout.json_columns:
            if self._layout.named(name) is not None:
                read = cells.json_pairs if name in self._layout.json_pairs else cells.json_object
                yield f"{name} as JSON", _any_of(pl.col(name), partial(_unreadable, read))


def _beside(column: RawColumn) -> str:
    return f"onyx text {column.name}"


def _unreadable(read: Callable[[str], object], text: str) -> bool:
    return not cells.reads(read, text)


def _any_of(cell: pl.Expr, is_wrong: Callable[[str], bool]) -> pl.Expr:
    """True in all rows of a batch where a text is wrong: only the distinct ones are looked at."""

    def wrong(texts: pl.Series) -> pl.Series:
        found = any(is_wrong(text) for text in texts.unique().to_list() if text is not None)
        return pl.Series(texts.name, [found], dtype=pl.Boolean).new_from_index(0, len(texts))

    return cell.map_batches(wrong, return_dtype=pl.Boolean, is_elementwise=True)
