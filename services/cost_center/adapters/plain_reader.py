"""The second, simple reader of a bill: Python's csv and Decimal, or Arrow; never Polars, never a rule.

It says what the file's money is before Onyx touches it, so it shares nothing with the reader that converts.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.cost_center.adapters.arrow_totals import (
    EXACT,
    PARQUET_FAULTS,
    WIDE,
    arrow_totals,
    csv_totals,
    month_of,
)
from services.cost_center.adapters.packed_file import opened
from services.cost_center.domain import charges
from services.cost_center.domain.findings import FINDING_LIMIT, Rejected, reject
from services.cost_center.domain.ports import ByteStream, SourceTotals
from services.cost_center.domain.tables import (
    PARTITIONED_BY,
    Container,
    GroupKey,
    GroupTotal,
    Layout,
    MoneyColumns,
    SourceFile,
    StagedTable,
    Tier,
)
from services.cost_center.events import Finding
from shared.money import parse_decimal

_BATCH = 16_384
_LONGEST_ROW = 32 << 20
"""Characters of one row, over all of its lines."""


class PlainReader:
    """Totals of the bytes as delivered, and of parquet as staged."""

    def source_totals(self, file: SourceFile, layout: Layout) -> SourceTotals:
        """What the file says, by group. Raises Rejected where its rows and its header do not fit together.

        A cell that is no number or date is left out here (the converting reader reports it).
        """
        try:
            if (totals := arrow_totals(file, layout)) is not None:
                return totals
        except PARQUET_FAULTS as error:
            if file.container is Container.PARQUET:
                raise reject(f"the parquet file cannot be read: {error}", file=file.name) from error
        rows = _parquet_rows(file, layout) if file.container is Container.PARQUET else _csv_rows(file, layout)
        return _sum_rows(rows, layout)

    def totals_of(self, text: ByteStream, layout: Layout) -> SourceTotals | None:
        """The same of a csv as it should be, from its bytes; None, or any error of Arrow's, for any other."""
        return csv_totals(text, layout)

    def staged_totals(self, staged: StagedTable, layout: Layout) -> dict[GroupKey, GroupTotal]:
        """What staged parquet holds, by group, read back from the disk with Arrow.

        The billing period of a row is what its partition column says.
        """
        money = charges.MONEY if staged.tier is Tier.CURATED else layout.money
        sums: dict[GroupKey, tuple[Decimal, int]] = {}
        for path in staged.paths:
            _add_staged(path, money, PARTITIONED_BY[staged.tier][1], sums)
        return {key: GroupTotal(amount, count) for key, (amount, count) in sums.items()}


def _sum_rows(
    rows: Iterable[tuple[Sequence[str | None], Sequence[str | None]]], layout: Layout
) -> SourceTotals:
    """Rows are (account, period start, invoice, currency, sub-account) with the cost columns, each as text or
    None."""
    periods: dict[str | None, str | None] = {}
    sums: dict[GroupKey, tuple[Decimal, int]] = {}
    count = 0
    for (account, start, invoice, currency, sub_account), costs in rows:
        count += 1
        if start not in periods:
            periods[start] = month_of(start, layout.date_formats)
        period = periods[start]
        text = next((cost for cost in costs if cost), None)
        if period is None or text is None:
            continue
        try:
            amount = parse_decimal(text)
        except ValueError:
            continue
        key = GroupKey(account or "", period, invoice or "", currency or "", sub_account or "")
        total, members = sums.get(key, (Decimal(0), 0))
        sums[key] = (EXACT.add(total, amount), members + 1)
    return SourceTotals(
        rows=count,
        periods=tuple(sorted({period for period in periods.values() if period})),
        groups={key: GroupTotal(amount, members) for key, (amount, members) in sums.items()},
    )


def _csv_rows(
    file: SourceFile, layout: Layout
) -> Iterator[tuple[Sequence[str | None], Sequence[str | None]]]:
    width = len(layout.columns)
    keys, costs = _positions(layout)
    nulls = [layout.nulls(column) for column in layout.columns]
    ragged: list[Finding] = []
    count = 0
    number = 0
    try:
        with opened(file) as source, TextIOWrapper(source, "utf-8-sig", newline="") as stream:
            lines = _Lines(stream)
            reader = csv.reader(lines)
            next(reader)
            for cells in reader:
                number += 1
                lines.held = 0
                if not any(cells):
                    continue
                if len(cells) != width:
                    count += 1
                    if len(ragged) < FINDING_LIMIT:
                        ragged.append(_ragged(file.name, number, width, len(cells)))
                    continue
                yield [_text(cells, at, nulls) for at in keys], [_text(cells, at, nulls) for at in costs]
    except UnicodeDecodeError as error:
        raise reject(f"the text is not UTF-8 after row {number}", file=file.name, expected="UTF-8") from error
    except csv.Error as error:
        raise reject(f"the csv cannot be read after row {number}: {error}", file=file.name) from error
    if ragged:
        raise Rejected(ragged, count)


class _Lines:
    """The lines of a text; a quote that is not closed must not gather all of them in one row."""

    def __init__(self, stream: Iterable[str]) -> None:
        self._lines = iter(stream)
        self.held = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.held += len(line)
        if self.held > _LONGEST_ROW:
            raise csv.Error(f"row larger than {_LONGEST_ROW} characters")
        return line


def _ragged(file: str, row: int, width: int, found: int) -> Finding:
    return Finding(
        file=file,
        row=row,
        expected=f"{width} cells, as the header has",
        found=f"{found} cells",
        message="the row does not fit the header",
    )


def _text(cells: Sequence[str], at: int | None, nulls: Sequence[frozenset[str]]) -> str | None:
    if at is None:
        return None
    text = cells[at]
    return None if not text or text in nulls[at] else text


def _positions(layout: Layout) -> tuple[list[int | None], list[int | None]]:
    at = {column.name: index for index, column in enumerate(layout.columns)}
    money = layout.money
    names = (money.account, money.period_start, money.invoice, money.currency, money.sub_account)
    return [at.get(name) for name in names], [at.get(name) for name in money.cost]


def _parquet_rows(
    file: SourceFile, layout: Layout
) -> Iterator[tuple[Sequence[str | None], Sequence[str | None]]]:
    keys, costs = _positions(layout)
    wanted = sorted({at for at in (*keys, *costs) if at is not None})
    headers = [layout.columns[at].header for at in wanted]
    try:
        parquet = pq.ParquetFile(file.path)
        for batch in parquet.iter_batches(batch_size=_BATCH, columns=headers):
            texts = {
                at: _column_texts(batch.column(header), layout.nulls(layout.columns[at]))
                for at, header in zip(wanted, headers, strict=True)
            }
            absent: list[str | None] = [None] * batch.num_rows
            key_columns = [absent if at is None else texts[at] for at in keys]
            cost_columns = [absent if at is None else texts[at] for at in costs]
            for row in range(batch.num_rows):
                yield [column[row] for column in key_columns], [column[row] for column in cost_columns]
    except PARQUET_FAULTS as error:
        raise reject(f"the parquet file cannot be read: {error}", file=file.name) from error


def _column_texts(column: pa.Array, nulls: frozenset[str]) -> list[str | None]:
    """A column as text; Arrow writes a double by its shortest exact text, as AWS prints it in csv."""
    texts: list[str | None] = pc.cast(column, pa.string()).to_pylist()
    return [None if not text or text in nulls else text for text in texts]


def _add_staged(
    path: Path, money: MoneyColumns, period: str, sums: dict[GroupKey, tuple[Decimal, int]]
) -> None:
    parquet = pq.ParquetFile(path)
    present = set(parquet.schema_arrow.names)
    costs = [name for name in money.cost if name in present]
    optional = [name for name in (money.invoice, money.sub_account) if name in present]
    keys = [money.account, period, money.currency, *optional]
    parts = [charges.PART] if charges.PART in present else []
    for batch in parquet.iter_batches(batch_size=_BATCH * 4, columns=[*keys, *costs, *parts]):
        table = pa.table({name: batch.column(name) for name in keys})
        cost = pc.coalesce(*(batch.column(name) for name in costs))
        table = table.append_column("cost", pc.cast(cost, WIDE))
        table = table.append_column("own", pc.cast(_own(batch), pa.int64()))
        for row in table.group_by(keys).aggregate([("cost", "sum"), ("own", "sum")]).to_pylist():
            key = GroupKey(
                row[money.account] or "",
                row[period] or "",
                row.get(money.invoice) or "",
                row[money.currency] or "",
                row.get(money.sub_account) or "",
            )
            total, members = sums.get(key, (Decimal(0), 0))
            sums[key] = (EXACT.add(total, row["cost_sum"] or Decimal(0)), members + row["own_sum"])


def _own(batch: pa.RecordBatch) -> pa.Array:
    """Which rows are delivered ones: a curated table has parts of some beside them."""
    if charges.PART in batch.schema.names:
        return pc.is_null(batch.column(charges.PART))
    return pa.repeat(pa.scalar(True), batch.num_rows)
