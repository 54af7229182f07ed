"""Delivered file -> staged raw parquet, with Polars."""

from decimal import Decimal
from pathlib import Path

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_checks import ROW, CellChecks
from services.cost_center.domain.findings import Rejected, reject
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

ROW_GROUP = 250_000


def stage_raw(file: SourceFile, layout: Layout, source: str, workdir: Path) -> RawStaging:
    """The typed rows, one staged table per billing period. Raises Rejected for what cannot be read."""
    try:
        return RawStager(file, layout).stage(source, workdir)
    except pl.exceptions.ComputeError as error:
        raise reject(
            f"the file cannot be read: {str(error).splitlines()[0]}",
            file=file.name,
            expected="a well-formed " + file.container.value,
        ) from error


class RawStager:
    """Reads one delivered file. Polars' own errors are the caller's to map."""

    def __init__(self, file: SourceFile, layout: Layout) -> None:
        self._file = file
        self._layout = layout
        self._scan = _scan(file, layout)
        self._dtypes = dict(self._scan.collect_schema())
        self._checks = CellChecks(file, layout, self._scan, self._dtypes)

    def stage(self, source: str, workdir: Path) -> RawStaging:
        """See `stage_raw`."""
        self._checks.demand()
        rows = self._rows_by_period()
        if not rows:
            raise reject("the file has a header and no rows", file=self._file.name, expected="rows")
        return RawStaging(
            tables=tuple(
                self._write(period, count, source, len(rows) > 1, workdir)
                for period, count in sorted(rows.items())
            ),
            residues=self._residues(),
        )

    def _text(self, column: RawColumn) -> pl.Expr:
        return cells.text(column.name, self._dtypes[column.name], self._layout.null_texts)

    def _value(self, column: RawColumn) -> pl.Expr:
        layout = self._layout
        return cells.value(column, self._dtypes[column.name], layout.null_texts, layout.date_formats)

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

    def _write(self, period: str, rows: int, source: str, several: bool, workdir: Path) -> StagedTable:
        year, month = period.split("-")
        scan = self._scan.filter(self._period() == period) if several else self._scan
        path = workdir / f"raw-{period}.parquet"
        scan.select(
            *(self._value(column).alias(column.name) for column in self._layout.columns),
            pl.lit(year).alias("year"),
            pl.lit(str(int(month))).alias("month"),
            pl.lit(period).alias("billing_period"),
            pl.lit(source).alias("source"),
        ).sink_parquet(path, compression="zstd", row_group_size=ROW_GROUP, mkdir=False)
        return StagedTable(
            tier=Tier.RAW,
            table=self._layout.table,
            billing_period=period,
            paths=(path,),
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
            for name in (money.account, money.invoice, money.currency)
        ]
        rows = (
            self._scan.filter(cells.rounded(billed))
            .select(
                pl.col(ROW),
                *(key.fill_null("").alias(str(at)) for at, key in enumerate(keys)),
                self._period().alias("period"),
                billed.alias("billed"),
            )
            .collect(engine="streaming")
        )
        lost: dict[GroupKey, list[Decimal]] = {}
        for row, account, invoice, currency, period, text in rows.iter_rows():
            try:
                exact = parse_decimal(text)
            except ValueError as error:  # 1e-999999999: a zero to Polars, and no amount of money
                column = next(each for each in costs if self._text_at(each, row))
                raise Rejected([self._checks.unreadable(column, row, text)]) from error
            key = GroupKey(account, period, invoice, currency)
            lost.setdefault(key, []).append(exact_sum((exact, quantize(exact).copy_negate())))
        return {key: total for key, parts in lost.items() if (total := exact_sum(parts))}


def _scan(file: SourceFile, layout: Layout) -> pl.LazyFrame:
    """The file's rows under their raw names, with the row index. Blank lines are left out, but counted."""
    if file.container is Container.PARQUET:
        columns = [pl.col(column.header).alias(column.name) for column in layout.columns]
        return pl.scan_parquet(file.path).select(columns).with_row_index(ROW)
    names = [column.name for column in layout.columns]
    scan = pl.scan_csv(file.path, infer_schema=False, new_columns=names).with_row_index(ROW)
    # Only a row without any of the columns that must have a value can be blank. Few files have one, and
    # looking at all columns of all rows costs as much as reading them.
    suspicious = pl.all_horizontal(_empty(column.name) for column in layout.columns if column.required)
    if not scan.select(suspicious.any()).collect(engine="streaming").item():
        return scan
    return scan.filter(~pl.all_horizontal(_empty(name) for name in names))


def _empty(name: str) -> pl.Expr:
    return pl.col(name).fill_null("") == ""
