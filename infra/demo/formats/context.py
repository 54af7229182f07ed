"""What a format needs to know beside the lines: whose bill it is, and the columns that all formats share."""

import hashlib
from dataclasses import dataclass

import polars as pl

from infra.demo.catalogue import REGIONS, SERVICES
from infra.demo.money import decimal
from infra.demo.spec import Month, Spec
from infra.demo.world import World

LINE_KEYS = ("product", "usage_type", "operation")


@dataclass(frozen=True)
class Context:
    """One month of one world."""

    spec: Spec
    world: World
    month: Month

    @property
    def invoices(self) -> dict[str, str]:
        """Billing entity -> its invoice: AWS Marketplace sends one of its own."""
        number = f"{self.month.first:%Y%m}"
        return {"AWS": f"{number}0001", "AWS Marketplace": f"{number}0002"}


def prepared(lines: pl.DataFrame, context: Context) -> pl.DataFrame:
    """The lines with what every format says of them: id, invoice, account's name and cost centre, region,
    sku.

    Empty text becomes null, which is an empty cell.
    """
    accounts = {account.id: account for account in context.world.accounts()}
    texts = [name for name, kind in lines.schema.items() if kind == pl.String]
    lines = lines.with_columns(
        id=_id(context.spec.seed, context.month.first.toordinal()),
        invoice=_lookup("entity", context.invoices),
        account_name=_lookup("account", {each.id: each.name for each in accounts.values()}),
        cost_centre=_lookup("account", {each.id: each.cost_centre for each in accounts.values()}),
        region_name=_lookup("region", {region.id: region.name for region in REGIONS.values()}),
        category=_lookup("product", {service.code: service.category for service in SERVICES.values()}),
        subcategory=_lookup("product", {service.code: service.subcategory for service in SERVICES.values()}),
        is_plan=pl.col("arn").str.contains(":savingsplans:", literal=True),
        start_text=pl.col("start").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        end_text=pl.col("end").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    lines = lines.join(_skus(lines), on=LINE_KEYS, how="left", maintain_order="left")
    return lines.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts)


def amount(column: str) -> pl.Expr:
    return decimal(pl.col(column))


def json_object(pairs: dict[str, pl.Expr]) -> pl.Expr:
    """A JSON object of the pairs whose value is there; `{}` if none is. No value of ours needs escaping."""
    parts = [
        pl.when(value.is_not_null()).then(pl.format('"' + key + '":"{}"', value))
        for key, value in pairs.items()
    ]
    return pl.concat_str(pl.lit("{"), pl.concat_str(parts, separator=",", ignore_nulls=True), pl.lit("}"))


def entries(pairs: dict[str, pl.Expr]) -> pl.Expr:
    """The same as a struct of the keys, of which a parquet writer makes a map without those that are null."""
    return pl.struct([value.cast(pl.String).alias(key) for key, value in pairs.items()])


def _lookup(column: str, table: dict[str, str]) -> pl.Expr:
    return pl.col(column).replace_strict(table, default=None, return_dtype=pl.String)


def _id(seed: int, month: int) -> pl.Expr:
    """40 digits that tell a line from every other, the same whenever it is written."""
    line = (pl.col("seq") + month * 2**36).cast(pl.UInt64) + pl.lit(seed % 2**32, pl.UInt64) * pl.lit(
        0x9E3779B97F4A7C15, pl.UInt64
    )
    halves = [
        (line * pl.lit(factor, pl.UInt64)).cast(pl.String).str.zfill(20)
        for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
    ]
    return pl.concat_str(halves)


def _skus(lines: pl.DataFrame) -> pl.DataFrame:
    """A stock keeping unit for each service, usage type and operation; none for a line without usage type."""
    found = lines.select(LINE_KEYS).unique(maintain_order=True)
    codes = []
    for product, usage_type, operation in found.iter_rows():
        digest = hashlib.sha256(f"{product}/{usage_type}/{operation}".encode()).hexdigest()
        codes.append(digest[:16].upper() if usage_type else None)
    return found.with_columns(pl.Series("sku", codes, pl.String))
