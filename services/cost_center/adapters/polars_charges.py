"""Staged raw parquet -> staged `charges`, by the mapping rules, with Polars."""

from collections.abc import Callable, Set
from decimal import Context, Decimal, Inexact
from functools import partial
from pathlib import Path

import polars as pl

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_alike import (
    SAMPLE,
    Alike,
    by_number,
    of_kind,
    repeated,
    taken_apart,
)
from services.cost_center.adapters.polars_checks import ROW
from services.cost_center.adapters.polars_maps import map_of
from services.cost_center.adapters.polars_order import PART_ROWS, SECOND, in_order, in_parts, row_group
from services.cost_center.adapters.polars_parquet import sink
from services.cost_center.adapters.polars_rules import compiled, made_by, raw_names, split
from services.cost_center.domain import charges
from services.cost_center.domain.charges import (
    ColumnMap,
    JsonMap,
    Lookup,
    MapEntry,
    Netting,
    Product,
    Share,
    TagKeys,
    Twice,
)
from services.cost_center.domain.findings import reject
from services.cost_center.domain.promoted_tags import Promoted
from services.cost_center.domain.providers.registry import provider_of
from services.cost_center.domain.tables import CHARGES, Layout, StagedTable, Tier
from shared.money import quantize

_SORTED_BY = "ChargePeriodStart"
_START = "onyx start"
_EXACT = Context(prec=80, traps=[Inexact])
_QUOTIENT = Context(prec=120)


class ChargeStager:
    """Curates one staged raw table."""

    def __init__(self, raw: StagedTable, layout: Layout, promoted: Promoted = ()) -> None:
        self._raw = raw
        self._promoted = promoted
        self._layout = layout
        self._provider = provider_of(raw.table)
        self._mapping = self._provider.mapping
        self._out_of_range: list[str] = []
        self._nets: dict[str, pl.DataFrame] = {}

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
        scan = self._with_absent(pl.scan_parquet(list(self._raw.paths)).with_row_index(ROW))
        self._nets = self._all_nets(scan)
        paths: list[Path] = []
        rows = 0
        # By charge period: one day of a month is then a few row groups, not all.
        needed = scan.select(*self._needed(), self._start().alias(_START))
        sample = needed.head(SAMPLE).collect()
        alike = repeated(sample.drop(_START))
        is_varied = taken_apart(sample.lazy(), alike).kinds.height > sample.height // 4
        # Of a bill whose texts hardly repeat a row takes several times as much memory.
        part_rows = PART_ROWS // 3 if is_varied else PART_ROWS
        for part in in_parts(needed, pl.col(_START), self._raw.rows, part_rows):
            ordered = self._in_order(taken_apart(part, alike))
            rows += ordered.rows.height
            paths.append(workdir / f"charges-{self._raw.billing_period}-{len(paths):05d}.parquet")
            sink(self._made(ordered), paths[-1], row_group(ordered.rows.height))
            del part, ordered  # before the next is read
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
            paths=tuple(paths),
            rows=rows,
            columns=(*charges.COLUMNS, *(tag.column for tag in self._promoted)),
        )

    def _start(self) -> pl.Expr:
        return next(pl.sql_expr(rule.sql) for rule in self._mapping.rules if rule.target == _SORTED_BY)

    def _needed(self) -> list[str]:
        """The columns of the file that the mapping reads, and the row's number."""
        names = set(raw_names(self._mapping))
        for helper in self._mapping.helpers:
            if isinstance(helper, ColumnMap):
                names |= {helper.beside or ""}
                names |= {each.name for each in self._layout.columns if each.name.startswith(helper.prefix)}
        return [ROW, *(column.name for column in self._raw.columns if column.name in names)]

    def _in_order(self, part: Alike) -> Alike:
        """Sorted. A row that comes twice is told from its first by the helper's flag, as if the file said
        it."""
        start = pl.col(_START)
        twice = next((helper for helper in self._mapping.helpers if isinstance(helper, Twice)), None)
        if twice is None:
            return Alike(in_order(part.rows, start), part.kinds)
        needed = pl.sql_expr(twice.needed)
        names = set(needed.meta.root_names())
        again = self._with_absent(part.frame(names), names).select(needed).collect().to_series()
        rows = in_order(part.rows, start, again.arg_true()).rename({SECOND: twice.name})
        return Alike(rows, part.kinds).told_apart(twice.name)

    def _made(self, part: Alike) -> pl.LazyFrame:
        """The rows of the table: what follows from texts alone is made of the distinct ones."""
        rules = compiled(self._mapping)
        absent = set(raw_names(self._mapping)) - {column.name for column in self._raw.columns}
        parts = split(self._mapping, self._layout, absent | set(part.kinds.columns))
        kinds = self._with_absent(part.kinds.lazy())
        for helper in parts.once:
            kinds = self._with_helper(kinds, helper)
        asked = parts.shared & {*part.kinds.columns, *made_by(parts.once)}
        once, shared = pl.collect_all(
            [
                kinds.select(rules[name] for name in rules if name in parts.rules_once),
                kinds.select(sorted(asked)),
            ]
        )
        rows = self._with_absent(part.rows.lazy()).with_columns(map(of_kind, shared))
        for helper in parts.each:
            rows = self._with_helper(rows, helper)
        tags = [pl.col("Tags").map.get(tag.key).alias(tag.column.name) for tag in self._promoted]
        if "Tags" in once.columns:
            once, tags = once.with_columns(tags), []
        made = {column.name: by_number(column) for column in once}
        return rows.select({**rules, **made}.values()).with_columns(tags)

    def _all_nets(self, scan: pl.LazyFrame) -> dict[str, pl.DataFrame]:
        """What is netted, by the helper's name: of all rows, before they are taken apart."""
        found = {}
        for helper in self._mapping.helpers:
            if isinstance(helper, Netting):
                found[helper.matched] = _nets(scan, helper)
                scan = _netted(scan, helper, found[helper.matched])
            else:
                scan = self._with_helper(scan, helper)
        return found

    def _with_absent(self, scan: pl.LazyFrame, only: Set[str] | None = None) -> pl.LazyFrame:
        """Columns that the rules name and this file does not have, as NULL of their type; or `only` some."""
        have = {column.name for column in self._raw.columns}
        return scan.with_columns(
            pl.lit(None, dtype=cells.TYPES[self._provider.column_type(name)]).alias(name)
            for name in raw_names(self._mapping)
            if name not in have and (only is None or name in only)
        )

    def _with_helper(self, scan: pl.LazyFrame, helper: charges.Helper) -> pl.LazyFrame:
        match helper:
            case Product():
                return scan.with_columns(self._product(helper))
            case Share():
                return scan.with_columns(self._share(helper))
            case Twice():
                return scan.with_columns(pl.lit(False).alias(helper.name))
            case Lookup():
                known = pl.col(helper.key).replace_strict(
                    list(helper.table), list(helper.table.values()), default=None, return_dtype=pl.String
                )
                return scan.with_columns(known.alias(helper.name))
            case Netting():
                return _netted(scan, helper, self._nets[helper.matched])
            case MapEntry():
                return scan.with_columns(
                    pl.coalesce(pl.col(helper.name), pl.col(helper.column).map.get(helper.key))
                )
            case ColumnMap() | JsonMap() | TagKeys():
                return scan.with_columns(map_of(helper, self._layout))

    def _product(self, helper: Product) -> pl.Expr:
        needed = pl.sql_expr(helper.needed)
        pair = pl.struct(
            pl.when(needed).then(pl.col(helper.left)).alias("left"),
            pl.when(needed).then(pl.col(helper.right)).alias("right"),
        )
        return _where_known(pair, partial(self._exact, helper)).alias(helper.name)

    def _share(self, helper: Share) -> pl.Expr:
        needed = pl.sql_expr(helper.needed)
        terms = [
            pl.when(needed).then(pl.sql_expr(sql).cast(cells.DECIMAL)).alias(str(at))
            for at, sql in enumerate((helper.amount, helper.part, helper.whole))
        ]
        return _where_known(pl.struct(terms), partial(self._divided, helper)).alias(helper.name)

    def _divided(self, helper: Share, amount: Decimal, part: Decimal, whole: Decimal) -> Decimal | None:
        if not whole:
            return None
        try:
            return quantize(_QUOTIENT.divide(_EXACT.multiply(amount, part), whole))
        except ValueError:
            self._out_of_range.append(helper.name)
            return None

    def _exact(self, helper: Product, left: Decimal, right: Decimal) -> Decimal | None:
        try:
            return quantize(_EXACT.multiply(left, right))
        except ValueError:
            self._out_of_range.append(f"{helper.left} x {helper.right}")
            return None


def _where_known(terms: pl.Expr, made: Callable[..., Decimal | None]) -> pl.Expr:
    """`made` of the fields of a struct, in the rows that have them all, which are few; else NULL."""

    def of_those(series: pl.Series) -> pl.Series:
        frame = series.struct.unnest()
        rows = frame.select(pl.all_horizontal(pl.all().is_not_null())).to_series().arg_true()
        values = pl.Series([made(*row) for row in frame[rows].iter_rows()], dtype=cells.DECIMAL)
        nothing = pl.repeat(None, frame.height, dtype=cells.DECIMAL, eager=True)
        return nothing.scatter(rows, values).alias(series.name)

    return terms.map_batches(of_those, return_dtype=cells.DECIMAL, is_elementwise=True)


def _nets(scan: pl.LazyFrame, helper: Netting) -> pl.DataFrame:
    """The groups whose usage and negations are netted; see `Netting`. They are few."""
    kind = pl.col(helper.kind)
    cost = pl.coalesce(pl.col(name) for name in helper.cost)
    return (
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


def _netted(scan: pl.LazyFrame, helper: Netting, groups: pl.DataFrame) -> pl.LazyFrame:
    """`matched` and `residual` of each row."""
    kind = pl.col(helper.kind)
    if groups.is_empty():
        zero = pl.lit(Decimal(0), dtype=cells.DECIMAL)
        return scan.with_columns(pl.lit(False).alias(helper.matched), zero.alias(helper.residual))
    keys = list(helper.keys)
    either = scan.filter(kind.is_in([helper.covered, helper.negating])).select(ROW, *keys)
    rows = either.join(groups.lazy(), on=keys, how="semi", nulls_equal=True).select(ROW).collect()
    # Not joined to all rows: they are in order, and a join that keeps it costs more than all the rest.
    row = pl.col(ROW)
    residual = row.replace_strict(
        groups["onyx first"], groups["onyx residual"], default=Decimal(0), return_dtype=cells.DECIMAL
    )
    return scan.with_columns(
        row.is_in(rows[ROW].implode()).alias(helper.matched), residual.alias(helper.residual)
    )
