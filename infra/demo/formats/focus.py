"""FOCUS, by the rules of the specification, from the truth and from nothing that another format says.

What the specification asks of commitments, and how a CUR differs: covered usage is billed 0, so there
is nothing to negate and no negation line; the fee is a Purchase whose EffectiveCost is 0; what a
commitment left unused in a charge period is a Usage line of its own with CommitmentDiscountStatus
Unused. A discount is in the prices: no line of its own. What a container had of its instance is told only
from 1.3 on, and not by this writer: its instance's line says it all.
"""

from enum import StrEnum

import polars as pl

from infra.demo.catalogue import AWS
from infra.demo.commitment_fees import YEAR_HOURS
from infra.demo.discounts import BUNDLED, LINES
from infra.demo.formats.context import Context, amount, entries, json_object
from infra.demo.money import decimal, finer, share_expr
from infra.demo.world import TAGS

MAPS = ("Tags",)


class Version(StrEnum):
    V1_0 = "1.0"
    V1_1 = "1.1"
    V1_2 = "1.2"
    V1_3 = "1.3"


_ADDED: dict[str, Version] = {
    **dict.fromkeys(
        [
            "CapacityReservationId",
            "CapacityReservationStatus",
            "CommitmentDiscountQuantity",
            "CommitmentDiscountUnit",
            "ServiceSubcategory",
            "SkuMeter",
            "SkuPriceDetails",
        ],
        Version.V1_1,
    ),
    **dict.fromkeys(
        [
            "BillingAccountType",
            "InvoiceId",
            "PricingCurrency",
            "PricingCurrencyContractedUnitPrice",
            "PricingCurrencyEffectiveCost",
            "PricingCurrencyListUnitPrice",
            "SubAccountType",
        ],
        Version.V1_2,
    ),
    **dict.fromkeys(("HostProviderName", "ServiceProviderName"), Version.V1_3),
}
"""The columns that 1.0 has not, with the version that brought them."""

_FEES = ["Fee", "RIFee", "SavingsPlanRecurringFee", "SavingsPlanUpfrontFee"]
_USAGE = ["Usage", "SavingsPlanCoveredUsage", "DiscountedUsage", "Unused"]
_kind = pl.col("kind")
_unused, _covered = _kind == "Unused", _kind == "SavingsPlanCoveredUsage"
_leased, _usage = _kind == "DiscountedUsage", _kind.is_in(_USAGE)
_purchase = _kind.is_in(_FEES)
_committed = pl.col("arn").is_not_null()
_commitment_itself = _committed & (_purchase | _unused)
# A bundled discount is none that was negotiated: the contracted price is before it, the bill after it.
_bundled = (pl.col("off_kind") == BUNDLED).fill_null(value=False)
_negotiated_points = pl.when(_bundled).then(0).otherwise(pl.col("off_points").fill_null(0))


def lines(ledger: pl.DataFrame) -> pl.DataFrame:
    """The charges of FOCUS: without negations and discount lines, with a line for each unused part."""
    told = ~_kind.is_in(["SavingsPlanNegation", *LINES]) & pl.col("split_parent").is_null()
    kept = ledger.filter(told)
    unused = kept.filter(_kind.is_in(["RIFee", "SavingsPlanRecurringFee"]) & (pl.col("effective") != 0))
    hours = pl.coalesce("lease_unused", (pl.col("plan_total") - pl.col("plan_used")).cast(pl.Int128))
    unused = unused.with_columns(
        kind=pl.lit("Unused"), quantity=hours, cost=pl.lit(0, pl.Int64), net=pl.lit(0, pl.Int64)
    )
    return pl.concat([kept, unused])


def columns(context: Context, version: Version, *, athena: bool) -> dict[str, pl.Expr]:
    """Column -> value, in the order of the names.

    `athena` is parquet: Tags as a struct of its keys, and timestamps.
    """
    found = {
        **_costs(context),
        **_prices(context),
        **_who(context),
        **_charge(context, as_text=not athena),
        **_commitment(context),
        **_what(as_entries=athena),
    }
    known = [name for name in sorted(found) if _ADDED.get(name, Version.V1_0) <= version]
    extra = {
        "x_Operation": pl.col("operation"),
        "x_ServiceCode": pl.col("product"),
        "x_UsageType": pl.col("usage_type"),
    }
    return {name: found[name] for name in known} | extra


def _contracted(context: Context, column: str) -> pl.Expr:
    """An amount at the negotiated price."""
    return share_expr(pl.col(column), 10_000 - context.spec.edp_basis_points, 10_000)


def _costs(context: Context) -> dict[str, pl.Expr]:
    billed = pl.when(_covered | _leased | _unused).then(0).otherwise(pl.col("net"))
    future = _purchase & _committed
    effective = pl.when(future).then(0).otherwise(pl.col("effective"))
    listed = (
        pl.when(_unused).then(0).when(future).then(pl.col("cost")).otherwise(pl.coalesce("list_cost", billed))
    )
    contracted = (
        pl.when(_unused)
        .then(0)
        .when(_leased)
        .then(_contracted(context, "list_cost"))
        .when(_bundled)
        .then(_contracted(context, "cost"))
        .otherwise(pl.col("net"))
    )
    return {
        "BilledCost": decimal(billed),
        "EffectiveCost": decimal(effective),
        "ListCost": decimal(listed),
        "ContractedCost": decimal(contracted),
        "BillingCurrency": pl.lit("USD"),
        "PricingCurrency": pl.lit("USD"),
        "PricingCurrencyEffectiveCost": decimal(effective),
    }


def _prices(context: Context) -> dict[str, pl.Expr]:
    priced = _usage | _purchase
    list_price = pl.coalesce("list_rate", "rate")
    contracted = _contracted_price(context)
    consumed = _usage & ~_unused
    return {
        "ListUnitPrice": pl.when(priced).then(decimal(list_price)),
        "ContractedUnitPrice": pl.when(priced).then(contracted),
        "PricingCurrencyListUnitPrice": pl.when(priced).then(decimal(list_price)),
        "PricingCurrencyContractedUnitPrice": pl.when(priced).then(contracted),
        "PricingQuantity": pl.when(_unused).then(decimal(pl.lit(0))).when(priced).then(amount("quantity")),
        "PricingUnit": pl.when(_usage | _purchase).then(pl.coalesce("unit", pl.lit("Units"))),
        "ConsumedQuantity": pl.when(consumed).then(amount("quantity")),
        "ConsumedUnit": pl.when(consumed).then(pl.col("unit")),
        "PricingCategory": pl.when(_covered | _leased | _unused)
        .then(pl.lit("Committed"))
        .when(_usage & pl.col("usage_type").str.contains("SpotUsage", literal=True))
        .then(pl.lit("Dynamic"))
        .when(_usage | _purchase)
        .then(pl.lit("Standard")),
    }


def _contracted_price(context: Context) -> pl.Expr:
    """Exact: what is left of a price after discounts has as many decimals as it takes."""
    if not context.spec.net:
        return decimal(pl.when(_leased).then(pl.col("list_rate")).otherwise(pl.col("rate")))
    kept, whole = 10_000 - context.spec.edp_basis_points, 10_000
    # AWS gives no enterprise discount on what others sell, nor on support.
    ratio = (
        pl.when(_leased)
        .then(kept * whole)
        .when(pl.col("net") == pl.col("cost"))
        .then(whole * whole)
        .otherwise((whole - _negotiated_points) * kept)
    )
    price = pl.when(_leased).then(pl.col("list_rate")).otherwise(pl.col("rate"))
    return finer(price.cast(pl.Int128) * ratio)


def _who(context: Context) -> dict[str, pl.Expr]:
    payer = context.world.payer
    member = pl.when(pl.col("account") == payer.id).then(pl.lit("Management Account"))
    return {
        "BillingAccountId": pl.lit(payer.id),
        "BillingAccountName": pl.lit(payer.name),
        "BillingAccountType": pl.lit("Management Account"),
        "SubAccountId": pl.col("account"),
        "SubAccountName": pl.col("account_name"),
        "SubAccountType": member.otherwise(pl.lit("Member Account")),
        "InvoiceId": pl.col("invoice"),
        "InvoiceIssuerName": pl.lit(AWS),
        "ProviderName": pl.lit("AWS"),
        "PublisherName": pl.col("legal"),
        "HostProviderName": pl.lit("AWS"),
        "ServiceProviderName": pl.when(pl.col("entity") == "AWS")
        .then(pl.lit("AWS"))
        .otherwise(pl.col("legal")),
    }


def _charge(context: Context, *, as_text: bool) -> dict[str, pl.Expr]:
    month = context.month
    days = {
        "BillingPeriodStart": pl.lit(month.first),
        "BillingPeriodEnd": pl.lit(month.end),
    }
    charged = {"ChargePeriodStart": "start", "ChargePeriodEnd": "end"}
    recurring = _kind.is_in(["RIFee", "SavingsPlanRecurringFee"])
    return {
        **{
            name: day.cast(pl.Date).dt.strftime("%Y-%m-%dT00:00:00Z")
            if as_text
            else day.cast(pl.Datetime("us"))
            for name, day in days.items()
        },
        **{name: pl.col(f"{when}_text") if as_text else pl.col(when) for name, when in charged.items()},
        "ChargeCategory": pl.when(_usage)
        .then(pl.lit("Usage"))
        .when(_purchase)
        .then(pl.lit("Purchase"))
        .when(_kind.is_in(["Tax", "Credit"]))
        .then(_kind)
        .otherwise(pl.lit("Adjustment")),
        "ChargeClass": pl.when(_kind == "Refund").then(pl.lit("Correction")),
        "ChargeDescription": pl.col("description"),
        "ChargeFrequency": pl.when(_usage)
        .then(pl.lit("Usage-Based"))
        .when(recurring)
        .then(pl.lit("Recurring"))
        .otherwise(pl.lit("One-Time")),
    }


def _commitment(context: Context) -> dict[str, pl.Expr]:
    plan = pl.col("is_plan")
    # What is paid upfront buys the commitment of all hours of the term, however much of it is paid then.
    terms = {plan.arn: plan.commitment * YEAR_HOURS for plan in context.world.plans}
    whole = pl.col("arn").replace_strict(terms, default=None, return_dtype=pl.Int64)
    of_plan = (
        pl.when(_covered)
        .then(amount("plan_effective"))
        .when(_unused)
        .then(amount("quantity"))
        .when(_kind == "SavingsPlanRecurringFee")
        .then(amount("plan_total"))
        .otherwise(decimal(whole))
    )
    # A fee paid at once is for all hours of the term; usage, unused parts and monthly fees are in hours.
    term = pl.when(_kind == "Fee").then(YEAR_HOURS).otherwise(1)
    of_lease = decimal(pl.col("quantity") * term)
    return {
        "CommitmentDiscountId": pl.col("arn"),
        "CommitmentDiscountName": pl.col("arn").str.extract(r"([^/:]+)$"),
        "CommitmentDiscountCategory": pl.when(plan)
        .then(pl.lit("Spend"))
        .when(_committed)
        .then(pl.lit("Usage")),
        "CommitmentDiscountType": pl.when(plan)
        .then(pl.lit("Savings Plan"))
        .when(_committed)
        .then(pl.lit("Reserved Instance")),
        "CommitmentDiscountStatus": pl.when(_unused)
        .then(pl.lit("Unused"))
        .when(_covered | _leased)
        .then(pl.lit("Used")),
        "CommitmentDiscountQuantity": pl.when(plan).then(of_plan).when(_committed).then(of_lease),
        "CommitmentDiscountUnit": pl.when(plan).then(pl.lit("USD")).when(_committed).then(pl.lit("Hrs")),
        "CapacityReservationId": pl.lit(None, pl.String),
        "CapacityReservationStatus": pl.lit(None, pl.String),
    }


def _what(*, as_entries: bool) -> dict[str, pl.Expr]:
    tags = {key: pl.col(f"tag_{key}") for key in TAGS}
    has_sku = pl.col("sku").is_not_null()
    here = pl.col("resource").is_not_null() & ~_commitment_itself
    bought = pl.when(pl.col("is_plan")).then(pl.lit("Savings Plan")).otherwise(pl.lit("Reserved Instance"))
    return {
        "ServiceName": pl.col("name"),
        "ServiceCategory": pl.col("category"),
        "ServiceSubcategory": pl.col("subcategory"),
        "RegionId": pl.col("region"),
        "RegionName": pl.col("region_name"),
        "AvailabilityZone": pl.col("zone"),
        "ResourceId": pl.when(_commitment_itself).then(pl.col("arn")).otherwise(pl.col("resource")),
        "ResourceName": pl.when(here).then(pl.col("tag_Name")),
        "ResourceType": pl.when(_commitment_itself)
        .then(bought)
        .when(here)
        .then(pl.coalesce("family", pl.lit("Other"))),
        "SkuId": pl.when(has_sku).then(pl.col("sku")),
        "SkuPriceId": pl.when(has_sku).then(pl.format("{}.JRTCKXETXF.6YS6EN2CT7", pl.col("sku"))),
        "SkuMeter": pl.when(has_sku).then(pl.col("usage_type")),
        "SkuPriceDetails": pl.lit(None, pl.String),
        "Tags": entries(tags) if as_entries else json_object(tags),
    }
