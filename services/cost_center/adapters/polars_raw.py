"""Delivered file -> staged raw parquet, with Polars."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.packed_file import gunzip
from services.cost_center.adapters.polars_checks import ROW, CellChecks, has_nul
from services.cost_center.adapters.polars_glance import Glance
from services.cost_center.adapters.polars_parquet import lazy_sink
from services.cost_center.domain.findings import Rejected, reject
from services.cost_center.domain.limits import Limits
from services.cost_center.domain.tables import (
    PARTITION_COLUMNS,
    ColumnSpec,
    ColumnType,
    Container,
    GroupKey,
    Layout,
    RawColumn,
    RawStaging,
    SourceFile,
    StagedTable,
    Tier,
)
from shared.money import exact_sum, parse_decimal, quantize

ROW_GROUP = 125_000
_YEAR, _MONTH = "onyx year", "onyx month"


def stage_raw(file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
    """The typed rows, one staged table per billing period. Raises Rejected for what cannot be read."""
    try:
        if (staged := _at_once(file, layout, source, workdir)) is not None:
            return staged
        with _unpacked(file, workdir) as text:
            return RawStager(text, layout).stage(source, workdir)
    except (pl.exceptions.ComputeError, pl.exceptions.PanicException, UnicodeDecodeError) as error:
        # A damaged file may come to light anywhere in the engine, and ends some of its threads in a panic.
        raise reject(
            f"the file cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            file=file.name,
            expected="a well-formed " + file.container.value,
        ) from error


def _at_once(file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging | None:
    """The rows of a file as it should be; None for any other, and for a gzip that only Python's reader reads
    (with zeros after its end, say)."""
    try:
        return RawStager(file, layout).at_once(source, workdir)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnicodeDecodeError, OSError):
        if not file.packed:
            raise
        return None


@contextmanager
def _unpacked(file: SourceFile, workdir: Path) -> Iterator[SourceFile]:
    """The file with nothing to unpack on the way: it is read several times. Its size was checked before."""
    if not file.packed:
        yield file
        return
    path = gunzip(file.path, file.name, workdir / "unpacked", Limits())
    try:
        yield replace(file, path=path, packed=False)
    finally:
        path.unlink()


class RawStager:
    """Reads one delivered file. Polars' own errors are the caller's to map.

    A file that is as it should be is read once: what is written is counted on the way. Any other is read
    again, to find what is wrong, where its blank lines are, and which rows are of which month.
    """

    def __init__(self, file: SourceFile, layout: Layout) -> None:
        self._file = file
        self._layout = layout
        self._scan = _scan(file, layout)
        self._dtypes = dict(self._scan.collect_schema())
        self._checks = CellChecks(file, layout, self._scan, self._dtypes)

    def stage(self, source: str, workdir: Path) -> RawStaging:
        """The rows of any file; see `stage_raw`."""
        self._scan = _without_blank_lines(self._file, self._layout, self._scan)
        self._checks = CellChecks(self._file, self._layout, self._scan, self._dtypes)
        self._checks.demand()
        rows = self._rows_by_period()
        if not rows:
            raise reject("the file has a header and no rows", file=self._file.name, expected="rows")
        tables = [self._staged(period, count, workdir) for period, count in sorted(rows.items())]
        for table in tables:
            of_period = self._scan.filter(self._period() == table.billing_period)
            scan = self._values(of_period if len(rows) > 1 else self._scan)
            _sink(scan, table, source).collect(engine="streaming")
        return RawStaging(tables=tuple(tables), residues=self._residues())

    def at_once(self, source: str, workdir: Path) -> RawStaging | None:
        """The staged rows of a file of one month that has nothing wrong; None for any other."""
        start = self._value(self._named(self._layout.money.period_start))
        month = [start.dt.year().alias(_YEAR), start.dt.month().alias(_MONTH)]
        first = self._scan.head(1).select(*month, *self._moments()).collect()
        if first.is_empty() or first[_YEAR][0] is None:
            return None
        if self._file.container is not Container.PARQUET and has_nul(self._file):
            return None
        year_month = (first.drop_in_place(_YEAR)[0], first.drop_in_place(_MONTH)[0])
        found = {each.name: cells.plain_form(each[0]) for each in first}
        forms = {name: form for name, form in found.items() if form is not None}
        is_said, staged = self._counted(forms, year_month, source, workdir)
        return staged if is_said else self._counted({}, year_month, source, workdir)[1]

    def _counted(
        self, forms: Mapping[str, str], month: tuple[int, int], source: str, workdir: Path
    ) -> tuple[bool, RawStaging | None]:
        """Whether that is the answer of `at_once`, and the answer; else there may be one without `forms`."""
        glance = Glance(self._file, self._layout, self._dtypes, forms)
        frame = glance.frame(self._scan)
        table = self._staged(f"{month[0]:04d}-{month[1]:02d}", 0, workdir)
        names = [column.name for column in self._layout.columns]
        writing = _sink(frame.select(names), table, source)
        [_, counts] = pl.collect_all([writing, frame.select(glance.counts(month))], engine="streaming")
        row = counts.row(0, named=True)
        if not glance.is_clean(row):
            table.paths[0].unlink()
            return glance.is_of_forms(row), None
        residues = self._residues() if row["rounded"] else {}
        return True, RawStaging(tables=(replace(table, rows=row["rows"]),), residues=residues)

    def _moments(self) -> Iterator[pl.Expr]:
        """The texts of the columns that are moments written as text."""
        for column in self._layout.columns:
            if column.type is ColumnType.TIMESTAMP and self._dtypes[column.name] == pl.String:
                yield self._text(column).alias(column.name)

    def _text(self, column: RawColumn) -> pl.Expr:
        return cells.text(column.name, self._dtypes[column.name], self._layout.nulls(column))

    def _value(self, column: RawColumn) -> pl.Expr:
        layout = self._layout
        return cells.value(column, self._dtypes[column.name], layout.nulls(column), layout.date_formats)

    def _named(self, name: str) -> RawColumn:
        column = self._layout.named(name)
        if column is None:
            raise KeyError(name)
        return column

    def _text_at(self, column: RawColumn, row: int) -> str | None:
        found: str | None = self._scan.filter(pl.col(ROW) == row).select(self._text(column)).collect().item()
        return found

    # --- what is written ---

    def _period(self) -> pl.Expr:
        return self._value(self._named(self._layout.money.period_start)).dt.strftime("%Y-%m")

    def _rows_by_period(self) -> dict[str, int]:
        counted = (
            self._scan.select(self._period().alias("period"))
            .group_by("period")
            .len()
            .collect(engine="streaming")
        )
        return dict(counted.iter_rows())

    def _values(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        return scan.select(self._value(column).alias(column.name) for column in self._layout.columns)

    def _staged(self, period: str, rows: int, workdir: Path) -> StagedTable:
        return StagedTable(
            tier=Tier.RAW,
            table=self._layout.table,
            billing_period=period,
            paths=(workdir / f"raw-{period}.parquet",),
            rows=rows,
            columns=(
                *(column.spec for column in self._layout.columns),
                *(ColumnSpec(name, ColumnType.STRING) for name in PARTITION_COLUMNS),
            ),
        )

    # --- what rounding took away ---

    def _residues(self) -> dict[GroupKey, Decimal]:
        money = self._layout.money
        costs = [column for name in money.cost if (column := self._layout.named(name))]
        billed = pl.coalesce(self._text(column) for column in costs)
        keys = [
            self._text(column) if (column := self._layout.named(name)) else pl.lit(None, dtype=pl.String)
            for name in (money.account, money.invoice, money.currency, money.sub_account)
        ]
        rows = self._scan.filter(cells.rounded(billed)).select(
            pl.col(ROW),
            *(key.fill_null("").alias(str(at)) for at, key in enumerate(keys)),
            self._period().alias("period"),
            billed.alias("billed"),
        )
        lost: dict[GroupKey, Decimal] = {}
        # Any row may have been rounded, so they are not held all at once.
        for batch in rows.collect_batches(engine="streaming"):
            for row, account, invoice, currency, sub_account, period, text in batch.iter_rows():
                try:
                    exact = parse_decimal(text)
                except ValueError as error:  # 1e-999999999: a zero to Polars, and no amount of money
                    column = next(each for each in costs if self._text_at(each, row))
                    raise Rejected([self._checks.unreadable(column, row, text)]) from error
                key = GroupKey(account, period, invoice, currency, sub_account)
                rest = exact_sum((exact, quantize(exact).copy_negate()))
                lost[key] = exact_sum((lost.get(key, Decimal(0)), rest))
        return {key: total for key, total in lost.items() if total}


def _sink(scan: pl.LazyFrame, table: StagedTable, source: str) -> pl.LazyFrame:
    """How to write the rows, with their partition columns, to the table's file."""
    period = table.billing_period
    year, month = period.split("-")
    rows = scan.with_columns(
        pl.lit(year).alias("year"),
        pl.lit(str(int(month))).alias("month"),
        pl.lit(period).alias("billing_period"),
        pl.lit(source).alias("source"),
    )
    return lazy_sink(rows, table.paths[0], ROW_GROUP)


def _scan(file: SourceFile, layout: Layout) -> pl.LazyFrame:
    """The file's rows under their raw names, with the row index."""
    if file.container is Container.PARQUET:
        columns = [pl.col(column.header).alias(column.name) for column in layout.columns]
        return pl.scan_parquet(file.path).select(columns).with_row_index(ROW)
    names = [column.name for column in layout.columns]
    return pl.scan_csv(file.path, infer_schema=False, new_columns=names).with_row_index(ROW)


def _without_blank_lines(file: SourceFile, layout: Layout, scan: pl.LazyFrame) -> pl.LazyFrame:
    """Blank lines of a csv are left out, but counted by the row index."""
    if file.container is Container.PARQUET:
        return scan
    # Only a row without any of the columns that must have a value can be blank. Few files have one, and
    # looking at all columns of all rows costs as much as reading them.
    suspicious = pl.all_horizontal(_empty(column.name) for column in layout.columns if column.required)
    if not scan.select(suspicious.any()).collect(engine="streaming").item():
        return scan
    return scan.filter(~pl.all_horizontal(_empty(column.name) for column in layout.columns))


def _empty(name: str) -> pl.Expr:
    return pl.col(name).fill_null("") == ""
