"""`charges` -> FOCUS 1.2 as csv or parquet, batch after batch: memory does not grow with rows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_tags import original_tags
from services.cost_center.domain import focus_export as focus
from services.cost_center.domain import tags
from services.cost_center.domain.charges import COLUMNS as CHARGE_COLUMNS
from services.cost_center.domain.charges import Rule
from services.cost_center.domain.exports import ExportFormat, ExportTotal, Written
from services.cost_center.domain.focus_metadata import column_definition
from services.cost_center.domain.focus_prices import priced
from services.cost_center.domain.tables import ColumnSpec, ColumnType
from shared.errors import Unprocessable
from shared.money import exact_sum

_PRICES = ("ListUnitPrice", "ContractedUnitPrice")
_PRICING = ("PricingQuantity", *_PRICES)
_READ = (
    *("ChargeCategory", "ChargeClass", "PricingQuantity", "ConsumedQuantity"),
    *(*_PRICES, "ListCost", "ContractedCost"),
)
"""What `focus_prices.priced` takes, in its order."""
BATCH = 50_000
"""Rows in memory at a time."""
_MONEY = pl.Struct(dict.fromkeys(_PRICING, cells.DECIMAL))


class PolarsExport:
    """See `domain.export_ports.ExportWriter`."""

    def write(self, sources: Sequence[Path], target: Path, format: ExportFormat) -> Written:
        """Raises Unprocessable (NO_CHARGES) where a source has not the columns of charges."""
        scans = [_charges(path) for path in sources]
        agreed = _Agreed.of(scans)
        rows = source_rows = 0
        totals: dict[str, list[Decimal]] = {}
        with _sink(target, format) as sink:
            for charges in _batches(scans):
                frame = conformed(charges.lazy(), agreed).collect()
                sink(frame.select(_cell(column, format) for column in focus.COLUMNS))
                source_rows, rows = source_rows + charges.height, rows + frame.height
                _add(totals, frame)
        return Written(rows, source_rows, tuple(ExportTotal(name, *totals[name]) for name in sorted(totals)))

    def columns(self) -> list[Mapping[str, Any]]:
        return [column_definition(column) for column in focus.COLUMNS]


def _batches(scans: Sequence[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    """All rows in their order, a bounded number at a time; one batch without rows where there are none."""
    found = False
    for scan in scans:
        for batch in scan.collect_batches(chunk_size=BATCH, maintain_order=True, engine="streaming"):
            found = True
            yield batch
    if not found:
        yield pl.DataFrame(schema={column.name: _TYPES[column.name] for column in CHARGE_COLUMNS})


@contextmanager
def _sink(target: Path, format: ExportFormat) -> Iterator[Callable[[pl.DataFrame], None]]:
    """What writes batch after batch to `target`, whole when the block ends."""
    if format is ExportFormat.CSV:
        with target.open("wb") as file:

            def append(frame: pl.DataFrame) -> None:
                frame.write_csv(file, include_header=file.tell() == 0, null_value="", line_terminator="\n")

            yield append
        return
    writers: list[pq.ParquetWriter] = []

    def write(frame: pl.DataFrame) -> None:
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if not writers:
            writers.append(pq.ParquetWriter(target, table.schema, compression="zstd"))
        writers[0].write_table(table)

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()


def conformed(charges: pl.LazyFrame, agreed: "_Agreed") -> pl.LazyFrame:
    """The rows of a FOCUS dataset, typed as `charges` is."""
    frame = agreed.on(_staged(charges, focus.NAMES))
    bought = pl.sql_expr(focus.PURCHASED)
    frame = pl.concat(
        [_staged(frame, focus.PURCHASE), _staged(frame.filter(bought), focus.USE)], how="vertical"
    )
    frame = _staged(frame, focus.CONDITIONS)
    frame = _staged(frame, focus.DERIVED)
    return _staged(_priced(frame), focus.UNITS)


_TYPES = {column.name: cells.TYPES[column.type] for column in (*CHARGE_COLUMNS, *focus.COLUMNS)}


def _charges(path: Path) -> pl.LazyFrame:
    """A file of `charges`: columns that it does not have yet are null."""
    scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    held = scan.collect_schema()
    if missing := [name for name in ("BilledCost", "BillingCurrency", "ChargeCategory") if name not in held]:
        raise Unprocessable(f"a published file has no column {missing[0]}", code="NO_CHARGES")
    return scan.select(
        (pl.col(column.name) if column.name in held else pl.lit(None))
        .cast(_TYPES[column.name])
        .alias(column.name)
        for column in CHARGE_COLUMNS
    ).with_columns(Tags=_tags())


def _tags() -> pl.Expr:
    """Tags as their owners wrote them, without what AWS's reports say before a user's key (Tags-C-007-M);
    those of a set that was published before the original was kept, as they are."""
    written = pl.col("x_OriginalTags")
    of_a_report = pl.col("x_LineItemType").is_not_null()  # only AWS's reports have line items
    original = (
        pl.when(of_a_report)
        .then(original_tags(written, tags.AWS))
        .otherwise(original_tags(written, tags.FOCUS))
    )
    return pl.coalesce(original, pl.col("Tags"))


def _staged(frame: pl.LazyFrame, rules: Sequence[Rule]) -> pl.LazyFrame:
    return frame.with_columns(
        pl.sql_expr(rule.sql).cast(_TYPES[rule.target]).alias(rule.target) for rule in rules
    )


@dataclass(frozen=True)
class _Agreed:
    """What all rows of one thing must have in common, where the rows of a bill differ: that of most of them.

    The categories of services (ServiceName-C-005-C), and the units of commitments
    (CommitmentDiscountUnit-C-008-M).
    """

    categories: Mapping[str, str]
    units: Mapping[str, str]

    @classmethod
    def of(cls, scans: Sequence[pl.LazyFrame]) -> "_Agreed":
        frame = _staged(pl.concat(scans, how="vertical"), focus.NAMES)
        unit = pl.sql_expr(focus.COMMITMENT_UNIT).alias("unit")
        return cls(
            categories=_most(frame.select("ServiceName", "ServiceCategory")),
            units=_most(frame.select("CommitmentDiscountId", unit)),
        )

    def on(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame.with_columns(
            _looked_up("ServiceName", self.categories, "ServiceCategory"),
            _looked_up("CommitmentDiscountId", self.units, "CommitmentDiscountUnit"),
        )


def _most(pairs: pl.LazyFrame) -> dict[str, str]:
    """For each value of the first column the value of the second that most rows have."""
    key, value = pairs.collect_schema().names()
    counted = pairs.drop_nulls().group_by(key, value).len().collect(engine="streaming")
    # The last of a key wins.
    ordered = counted.sort("len", value, descending=[False, True])
    return dict(zip(ordered[key], ordered[value], strict=True))


def _looked_up(key: str, known: Mapping[str, str], target: str) -> pl.Expr:
    if not known:
        return pl.col(target)
    found = pl.col(key).replace_strict(
        list(known), list(known.values()), default=pl.col(target), return_dtype=pl.String
    )
    return found.alias(target)


def _priced(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Quantity and unit prices by `focus_prices.priced`, which is exact: once for rows that are alike."""

    def batch(series: pl.Series) -> pl.Series:
        rows = series.struct.unnest()
        alike = rows.unique(maintain_order=True)
        made = pl.DataFrame(
            [
                priced(category, klass == "Correction", quantity, consumed, prices, costs)
                for category, klass, quantity, consumed, *amounts in alike.iter_rows()
                for prices, costs in [((amounts[0], amounts[1]), (amounts[2], amounts[3]))]
            ],
            schema=dict.fromkeys(_PRICING, cells.DECIMAL),
            orient="row",
        ).select(pl.all().name.prefix("onyx "))
        joined = rows.join(
            pl.concat([alike, made], how="horizontal"),
            on=rows.columns,
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        named = [pl.col(f"onyx {name}").alias(name) for name in _PRICING]
        return joined.select(pl.struct(named)).to_series()

    made = pl.struct(_READ).map_batches(batch, return_dtype=_MONEY, is_elementwise=True)
    return frame.with_columns(made.alias("onyx priced")).with_columns(
        pl.col("onyx priced").struct.field(name).alias(name) for name in _PRICING
    )


def _cell(column: ColumnSpec, format: ExportFormat) -> pl.Expr:
    """A column as the file has it: a map is a JSON object, and csv is text throughout."""
    cell = pl.col(column.name)
    if column.type is ColumnType.MAP:
        return cell.map_batches(_json, return_dtype=pl.String, is_elementwise=True).alias(column.name)
    if column.type is ColumnType.TIMESTAMP:
        if format is ExportFormat.CSV:
            return cell.dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias(column.name)
        return cell.dt.replace_time_zone("UTC")
    if column.type is ColumnType.DECIMAL and format is ExportFormat.CSV:
        # With all 18 decimals first: what is cut off is always behind the point.
        return cell.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".").alias(column.name)
    return cell


def _json(series: pl.Series) -> pl.Series:
    written = [None if each is None else json.dumps(each, ensure_ascii=False) for each in series.to_list()]
    return pl.Series(series.name, written, dtype=pl.String)


def _add(totals: dict[str, list[Decimal]], frame: pl.DataFrame) -> None:
    for currency, *sums in frame.group_by("BillingCurrency").agg(pl.col(*focus.COSTS).sum()).iter_rows():
        known = totals.setdefault(currency or "", [Decimal(0)] * len(sums))
        totals[currency or ""] = [
            exact_sum((one, _amount(more))) for one, more in zip(known, sums, strict=True)
        ]


def _amount(value: Any) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError(f"a cost is a {type(value).__name__}")
    return value
