"""What must hold for every cell of a delivered file before any of it is staged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.packed_file import opened
from services.cost_center.domain.findings import FINDING_LIMIT, Rejected
from services.cost_center.domain.tables import ColumnType, Container, Layout, RawColumn, SourceFile
from services.cost_center.events import Finding

ROW = "onyx row"
"""Row index of a scanned file; a space keeps it apart from every Athena name."""

CURRENCY = "[A-Z]{3}"
"""What a bill is in. FOCUS has virtual currencies too, but only in PricingCurrency."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Check:
    """`fails` is true on the rows whose cell in `column` is refused."""

    column: RawColumn
    fails: pl.Expr
    expected: str
    message: str


class CellChecks:
    """The checks of one scanned file."""

    def __init__(
        self, file: SourceFile, layout: Layout, scan: pl.LazyFrame, dtypes: Mapping[str, pl.DataType]
    ) -> None:
        self._file = file
        self._layout = layout
        self._scan = scan
        self._dtypes = dtypes

    def demand(self) -> None:
        """Raises Rejected with the first findings, by row, and their count."""
        checks = list(self._checks())
        counts = self._scan.select(check.fails.sum().alias(str(at)) for at, check in enumerate(checks))
        row = counts.collect(engine="streaming").row(0)
        failed = {at: count for at, count in enumerate(row) if count}
        if failed:
            findings = [finding for at in failed for finding in self._findings(checks[at])]
            findings.sort(key=lambda finding: finding.row or 0)
            raise Rejected(findings, sum(failed.values()))
        self._demand_json()

    def unreadable(self, column: RawColumn, row: int, text: str | None) -> Finding:
        """The finding for a cell that is not of its column's type; `row` counts from 0."""
        expected = cells.EXPECTED.get(column.type, "a value")
        message = "the cell is empty" if text is None else "the cell cannot be read"
        return self._finding(column, row, text, expected, message)

    def _text(self, column: RawColumn) -> pl.Expr:
        return cells.text(column.name, self._dtypes[column.name], self._layout.nulls(column))

    def _value(self, column: RawColumn) -> pl.Expr:
        layout = self._layout
        return cells.value(column, self._dtypes[column.name], layout.nulls(column), layout.date_formats)

    def _checks(self) -> Iterator[_Check]:
        may_have_nul = self._file.container is Container.PARQUET or has_nul(self._file)
        for column in self._layout.columns:
            expected = cells.EXPECTED.get(column.type, "a value")
            if column.required:
                yield _Check(column, self._text(column).is_null(), expected, "the cell is empty")
            if column.type is ColumnType.MAP and cells.is_map(self._dtypes[column.name]):
                nul = cells.map_has_nul(column.name)
                yield _Check(column, nul, "text without it", "the map has a NUL character")
            elif column.type is not ColumnType.STRING:
                bad = self._text(column).is_not_null() & self._value(column).is_null()
                yield _Check(column, bad, expected, "the cell cannot be read")
            elif may_have_nul:
                nul = self._text(column).str.contains("\0", literal=True)
                yield _Check(column, nul, "text without it", "the cell has a NUL character")
        yield from self._period_check()
        yield from self._currency_checks()

    def _period_check(self) -> Iterator[_Check]:
        start = self._layout.named(self._layout.money.period_start)
        end = self._layout.named(self._layout.money.period_end)
        if start is not None and end is not None:
            yield _Check(
                end,
                self._value(end) <= self._value(start),
                f"a moment after the row's {start.header}",
                "the billing period does not end after its start",
            )

    def _currency_checks(self) -> Iterator[_Check]:
        currency = self._layout.named(self._layout.money.currency)
        if currency is None:
            return
        text = self._text(currency)
        is_code = text.str.contains(f"^(?:{CURRENCY})$")
        expected = "an ISO 4217 code, as USD: three upper-case letters"
        yield _Check(currency, ~is_code, expected, "the cell is no currency code")
        if self._layout.one_currency:
            another = is_code & (text != text.filter(is_code).first())
            yield _Check(currency, another, "the currency of the first row", "the bill has a second currency")

    def _findings(self, check: _Check) -> list[Finding]:
        bad = (
            self._scan.filter(check.fails)
            .select(pl.col(ROW), self._text(check.column).alias("text"))
            .head(FINDING_LIMIT)
            .collect(engine="streaming")
        )
        return [
            self._finding(check.column, row, text, check.expected, check.message)
            for row, text in bad.iter_rows()
        ]

    def _finding(self, column: RawColumn, row: int, text: str | None, expected: str, message: str) -> Finding:
        return Finding(
            file=self._file.name,
            row=row + 1,
            column=column.header,
            expected=expected,
            found="" if text is None else text[:100],
            message=message,
        )

    def _demand_json(self) -> None:
        for name in self._layout.json_columns:
            column = self._layout.named(name)
            if column is None:
                continue
            texts = self._scan.select(self._text(column).alias("text").unique()).collect()["text"]
            read = cells.json_pairs if name in self._layout.json_pairs else cells.json_object
            bad = [text for text in texts.to_list() if text is not None and not cells.reads(read, text)]
            if bad:
                self._raise_bad_json(column, bad)

    def _raise_bad_json(self, column: RawColumn, bad: Sequence[str]) -> None:
        rows = (
            self._scan.select(pl.col(ROW), self._text(column).alias("text"))
            .filter(pl.col("text").is_in(bad))
            .collect(engine="streaming")
        )
        raise Rejected(
            [
                self._finding(column, row, text, "a JSON object of tags", "the cell cannot be read")
                for row, text in rows.sort(ROW).head(FINDING_LIMIT).iter_rows()
            ],
            rows.height,
        )


def has_nul(file: SourceFile) -> bool:
    """Whether the bytes have a NUL at all. Hardly any file does, and to look at every cell costs far more."""
    if file.has_nul is not None:
        return file.has_nul
    with opened(file) as stream:
        return any(b"\0" in chunk for chunk in iter(lambda: stream.read(_CHUNK), b""))
