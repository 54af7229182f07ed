"""Staged raw parquet -> staged `charges`, by the mapping rules, with Polars."""

from decimal import Context, Decimal, Inexact
from pathlib import Path

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_checks import ROW
from services.cost_center.adapters.polars_raw import ROW_GROUP
from services.cost_center.domain import charges
from services.cost_center.domain.charges import ChargeMapping, ColumnMap, JsonMap, Lookup, Netting, Product
from services.cost_center.domain.findings import reject
from services.cost_center.domain.providers.registry import provider_of
from services.cost_center.domain.tables import CHARGES, Layout, StagedTable, Tier
from shared.money import quantize

_SORTED_BY = "ChargePeriodStart"
_EXACT = Context(prec=80, traps=[Inexact])


class ChargeStager:
    """Curates one staged raw table."""

    def __init__(self, raw: StagedTable, layout: Layout) -> None:
        self._raw = raw
        self._layout = layout
        self._provider = provider_of(raw.table)
        self._mapping = self._provider.mapping
        self._out_of_range: list[str] = []

    def stage(self, workdir: Path) -> StagedTable:
        """The curated rows. Raises Rejected where a product or a sum does not fit decimal(38,18)."""
        try:
            return self._stage(workdir)
        except pl.exceptions.ComputeError as error:
            if "overflow" not in str(error):
                raise
            raise reject(
                "amounts that a rule adds do not fit decimal(38,18)",
                expected="sums of at most 20 digits before the point",
            ) from error

    def _stage(self, workdir: Path) -> StagedTable:
        scan = pl.scan_parquet(list(self._raw.paths)).with_row_index(ROW)
        scan = self._with_absent(scan)
        for helper in self._mapping.helpers:
            scan = self._with_helper(scan, helper)
        path = workdir / f"charges-{self._raw.billing_period}.parquet"
        # One day of a month is then a few row groups, not all of them.
        scan.select(compiled(self._mapping)).sort(_SORTED_BY).sink_parquet(
            path, compression="zstd", row_group_size=ROW_GROUP
        )
        if self._out_of_range:
            raise reject(
                "rate times usage does not fit decimal(38,18)",
                column=self._out_of_range[0],
                expected="a product below 10^20",
            )
        return StagedTable(
            tier=Tier.CURATED,
            table=CHARGES,
            billing_period=self._raw.billing_period,
            paths=(path,),
            rows=self._raw.rows,
            columns=charges.COLUMNS,
        )

    def _with_absent(self, scan: pl.LazyFrame) -> pl.LazyFrame:
        """Columns that the rules name and this file does not have, as NULL of their type."""
        have = {column.name for column in self._raw.columns}
        return scan.with_columns(
            pl.lit(None, dtype=cells.TYPES[self._provider.column_type(name)]).alias(name)
            for name in raw_names(self._mapping)
            if name not in have
        )

    def _with_helper(self, scan: pl.LazyFrame, helper: charges.Helper) -> pl.LazyFrame:
        match helper:
            case Product():
                return scan.with_columns(self._product(helper))
            case Lookup():
                known = pl.col(helper.key).replace_strict(
                    list(helper.table), list(helper.table.values()), default=None, return_dtype=pl.String
                )
                return scan.with_columns(known.alias(helper.name))
            case Netting():
                return _netted(scan, helper)
            case ColumnMap():
                return scan.with_columns(self._column_map(helper))
            case JsonMap():
                read = cells.per_distinct(cells.json_pairs if helper.pairs else cells.json_object)
                made = pl.col(helper.column).map_batches(
                    lambda series: pl.Series(series.name, read(series), dtype=cells.STRING_MAP),
                    return_dtype=cells.STRING_MAP,
                    is_elementwise=True,
                )
                return scan.with_columns(made.alias(helper.name))

    def _product(self, helper: Product) -> pl.Expr:
        def multiply(series: pl.Series) -> pl.Series:
            values: list[Decimal | None] = []
            for row in series.to_list():
                left, right = row["left"], row["right"]
                values.append(None if left is None or right is None else self._exact(helper, left, right))
            return pl.Series(series.name, values, dtype=cells.DECIMAL)

        needed = pl.sql_expr(helper.needed)
        pair = pl.struct(
            pl.when(needed).then(pl.col(helper.left)).alias("left"),
            pl.when(needed).then(pl.col(helper.right)).alias("right"),
        )
        made = pair.map_batches(multiply, return_dtype=cells.DECIMAL, is_elementwise=True)
        return made.alias(helper.name)

    def _exact(self, helper: Product, left: Decimal, right: Decimal) -> Decimal | None:
        try:
            return quantize(_EXACT.multiply(left, right))
        except ValueError:
            self._out_of_range.append(f"{helper.left} x {helper.right}")
            return None

    def _column_map(self, helper: ColumnMap) -> pl.Expr:
        entries = [
            pl.struct(pl.lit(_key(helper, column.header)).alias("key"), pl.col(column.name).alias("value"))
            for column in self._layout.columns
            if column.name.startswith(helper.prefix)
        ]
        if not entries:
            return pl.lit(None, dtype=cells.STRING_MAP).alias(helper.name)
        element = pl.element()
        filled = pl.concat_list(entries).list.eval(
            element.filter(element.struct.field("value").is_not_null())
        )
        made = pl.when(filled.list.len() > 0).then(filled)
        return made.cast(cells.STRING_MAP).alias(helper.name)


def compiled(mapping: ChargeMapping) -> list[pl.Expr]:
    """The rules as Polars expressions, in the order of the table's columns."""
    rules = {rule.target: rule for rule in mapping.rules}
    return [
        pl.sql_expr(rules[column.name].sql).cast(cells.TYPES[column.type]).alias(column.name)
        for column in charges.COLUMNS
    ]


def raw_names(mapping: ChargeMapping) -> list[str]:
    """The raw columns that a mapping reads, in its rules or through its helpers."""
    made: set[str] = set()
    read: set[str] = set()
    for helper in mapping.helpers:
        match helper:
            case Product():
                made.add(helper.name)
                read |= {helper.left, helper.right, *pl.sql_expr(helper.needed).meta.root_names()}
            case Lookup():
                made.add(helper.name)
                read.add(helper.key)
            case Netting():
                made |= {helper.matched, helper.residual}
                read |= {helper.kind, *helper.cost, *helper.keys}
            case ColumnMap():
                made.add(helper.name)
            case JsonMap():
                made.add(helper.name)
                read.add(helper.column)
    for rule in mapping.rules:
        read |= set(pl.sql_expr(rule.sql).meta.root_names())
    return sorted(read - made)


def _key(helper: ColumnMap, header: str) -> str:
    for prefix in helper.headers:
        if header.startswith(prefix):
            return header[len(prefix) :]
    return header


def _netted(scan: pl.LazyFrame, helper: Netting) -> pl.LazyFrame:
    """`matched` and `residual` of each row; see `Netting`. The groups are few: they are found first."""
    kind = pl.col(helper.kind)
    cost = pl.coalesce(pl.col(name) for name in helper.cost)
    groups = (
        scan.filter(kind.is_in([helper.covered, helper.negating]))
        .group_by(helper.keys)
        .agg(
            cost.sum().alias("onyx residual"),
            (kind == helper.covered).any().alias("onyx covered"),
            pl.col(ROW).filter(kind == helper.negating).min().alias("onyx first"),
        )
        .filter(pl.col("onyx covered") & pl.col("onyx first").is_not_null())
        .drop("onyx covered")
        .collect(engine="streaming")
    )
    if groups.is_empty():
        zero = pl.lit(Decimal(0), dtype=cells.DECIMAL)
        return scan.with_columns(pl.lit(False).alias(helper.matched), zero.alias(helper.residual))
    joined = scan.join(groups.lazy(), on=list(helper.keys), how="left", nulls_equal=True)
    matched = kind.is_in([helper.covered, helper.negating]) & pl.col("onyx first").is_not_null()
    first = pl.col(ROW) == pl.col("onyx first")
    return joined.with_columns(
        matched.fill_null(False).alias(helper.matched),
        pl.when(first.fill_null(False))
        .then(pl.col("onyx residual"))
        .otherwise(pl.lit(Decimal(0), dtype=cells.DECIMAL))
        .alias(helper.residual),
    )
