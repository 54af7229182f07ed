"""The totals of a delivered file that is as it should be, summed by Arrow: never Polars, never a rule.

It reads the few columns that say what was billed to whom. Whatever is unusual in them it leaves to the reader
that goes row by row, which can say where it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from services.cost_center.adapters.packed_file import opened
from services.cost_center.domain.ports import ByteStream, SourceTotals
from services.cost_center.domain.tables import Container, GroupKey, GroupTotal, Layout, SourceFile

WIDE = pa.decimal256(76, 18)
"""Sums are made in it: Arrow's sum of decimal(38,18) wraps round without a word."""
PARQUET_FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError)
"""What Arrow raises for a parquet file that is damaged: names that are no UTF-8 come as they are."""
EXACT = Context(prec=200, traps=[Inexact])

_FINE = pa.decimal256(76, 36)
"""A double's shortest text has fewer decimals, but for amounts that nobody bills."""
_LARGEST = Decimal(10) ** 22
"""More than a cell of the lake holds, and so little that no file has rows enough for a sum to wrap round."""
_LONGEST = 64
_SHORT_EXPONENT = r"^[^eE]*([eE][+-]?[0-9]{1,2})?$"

_BLOCK = 4 << 20
_BATCH = 65_536
_KEYS = ("account", "month", "invoice", "currency", "sub_account")


class _Unusual(Exception):  # noqa: N818 - no error: another reader takes over
    """Something that is to be looked at row by row."""


def arrow_totals(file: SourceFile, layout: Layout) -> SourceTotals | None:
    """What the file says, by group; None for a file that must be read row by row.

    Raises pyarrow.ArrowException for what Arrow cannot read.
    """
    if file.container is Container.PARQUET:
        return _totals(_parquet(file, layout), layout)
    with opened(file) as text:
        return csv_totals(text, layout)


def csv_totals(text: ByteStream, layout: Layout) -> SourceTotals | None:
    """The same of a csv's bytes."""
    return _totals(_csv(text, layout), layout)


def _totals(batches: Iterable[Mapping[str, pa.Array]], layout: Layout) -> SourceTotals | None:
    totals = _Totals(layout)
    try:
        for batch in batches:
            totals.add(batch)
    except _Unusual:
        return None
    return totals.made()


class _Totals:
    """Batches of text columns, named as `MoneyColumns` names them, added up."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._months: dict[str, str] = {}
        self._sums: dict[GroupKey, tuple[Decimal, int]] = {}
        self._rows = 0

    def add(self, batch: Mapping[str, pa.Array]) -> None:
        columns = {name: self._present(name, column) for name, column in batch.items()}
        for name in ("account", "period_start", "currency"):
            if columns[name].null_count:
                raise _Unusual
        self._rows += len(columns["account"])
        cost = pc.coalesce(*(column for name, column in columns.items() if name.startswith("cost ")))
        keys = {"month": self._month(columns["period_start"])}
        keys |= {name: pc.fill_null(columns[name], "") for name in _KEYS if name in columns}
        table = pa.table({**keys, "cost": _amounts(cost)}).filter(pc.is_valid(cost))
        names = list(keys)
        for row in table.group_by(names).aggregate([("cost", "sum"), ("cost", "count")]).to_pylist():
            key = GroupKey(*(row.get(name, "") for name in _KEYS))
            total, members = self._sums.get(key, (Decimal(0), 0))
            self._sums[key] = (EXACT.add(total, row["cost_sum"]), members + row["cost_count"])

    def made(self) -> SourceTotals:
        return SourceTotals(
            rows=self._rows,
            periods=tuple(sorted(set(self._months.values()))),
            groups={key: GroupTotal(amount, rows) for key, (amount, rows) in self._sums.items()},
        )

    def _present(self, name: str, column: pa.Array) -> pa.Array:
        layout = self._layout
        is_number = name.startswith("cost ")
        nulls = layout.null_texts | layout.null_numbers if is_number else layout.null_texts
        absent = pa.array(["", *sorted(nulls)], pa.string())
        return pc.if_else(pc.is_in(column, value_set=absent), pa.scalar(None, pa.string()), column)

    def _month(self, starts: pa.Array) -> pa.Array:
        told = starts.dictionary_encode()
        months = []
        for text in told.dictionary.to_pylist():
            if text not in self._months:
                month = month_of(text, self._layout.date_formats)
                if month is None:
                    raise _Unusual
                self._months[text] = month
            months.append(self._months[text])
        return pc.take(pa.array(months, pa.string()), told.indices)


def _amounts(texts: pa.Array) -> pa.Array:
    """Exact amounts. What they do not hold, the cast refuses; it reads what `parse_decimal` reads.

    A number with a long exponent never comes to the cast: Arrow 26 ends the process at 1e-999999999.
    """
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > _LONGEST:
        raise _Unusual
    if _any(pc.match_substring(texts, "e", ignore_case=True)) and not _all(
        pc.match_substring_regex(texts, _SHORT_EXPONENT)
    ):
        raise _Unusual
    try:
        amounts = pc.cast(texts, _FINE)
    except pa.ArrowInvalid as error:
        raise _Unusual from error
    bounds = pc.min_max(amounts).as_py()
    if any(abs(bound) > _LARGEST for bound in bounds.values() if bound is not None):
        raise _Unusual
    return amounts


def _any(flags: pa.Array) -> bool:
    return bool(pc.any(flags).as_py())


def _all(flags: pa.Array) -> bool:
    return pc.all(flags).as_py() is not False


def _wanted(layout: Layout) -> dict[str, int]:
    """Where in a row the columns are that the totals need."""
    at = {column.name: index for index, column in enumerate(layout.columns)}
    money = layout.money
    names = {
        "account": money.account,
        "period_start": money.period_start,
        "invoice": money.invoice,
        "currency": money.currency,
        "sub_account": money.sub_account,
        **{f"cost {name}": name for name in money.cost},
    }
    return {name: at[column] for name, column in names.items() if column in at}


def _csv(text: ByteStream, layout: Layout) -> Iterator[Mapping[str, pa.Array]]:
    # Headers may be there twice: columns are told by their places.
    names = [str(at) for at in range(len(layout.columns))]
    wanted = _wanted(layout)
    places = sorted({str(at) for at in wanted.values()})
    reader = pyarrow.csv.open_csv(
        text,
        read_options=pyarrow.csv.ReadOptions(
            column_names=names, skip_rows_after_names=1, block_size=_BLOCK, use_threads=False
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=places, column_types=dict.fromkeys(places, pa.string()), null_values=[]
        ),
    )
    for batch in reader:
        yield {name: batch.column(str(at)) for name, at in wanted.items()}


def _parquet(file: SourceFile, layout: Layout) -> Iterator[Mapping[str, pa.Array]]:
    wanted = _wanted(layout)
    headers = [layout.columns[at].header for at in sorted(set(wanted.values()))]
    for batch in pq.ParquetFile(file.path).iter_batches(batch_size=_BATCH, columns=headers):
        # Arrow writes a double by its shortest exact text, as AWS prints it in csv.
        texts = {header: pc.cast(batch.column(header), pa.string()) for header in headers}
        yield {name: texts[layout.columns[at].header] for name, at in wanted.items()}


def month_of(text: str | None, formats: Sequence[str] = ()) -> str | None:
    """The month (UTC) in which a billing period starts, from an ISO 8601 text or one of `formats`; None where
    it is no date."""
    if not text:
        return None
    moment = _moment(text, formats)
    if moment is None:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment.year:04d}-{moment.month:02d}"


def _moment(text: str, formats: Sequence[str]) -> datetime | None:
    readers: list[Callable[[str], datetime]] = [datetime.fromisoformat]
    readers += [partial(_by_format, form=form) for form in formats]
    for read in readers:
        try:
            return read(text.strip().removesuffix(" UTC"))
        except ValueError:
            continue
    return None


def _by_format(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)
