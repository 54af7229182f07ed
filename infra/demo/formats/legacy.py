"""AWS's legacy Cost and Usage Report: its headers, in the order and categories that AWS writes them."""

import re

import polars as pl

from infra.demo.formats import aws
from infra.demo.formats.context import Context
from infra.demo.world import TAGS

_COLUMNS: dict[str, str] = {
    "identity": "LineItemId TimeInterval",
    "bill": """
        InvoiceId InvoicingEntity BillingEntity BillType PayerAccountId BillingPeriodStartDate
        BillingPeriodEndDate
    """,
    "lineItem": """
        UsageAccountId LineItemType UsageStartDate UsageEndDate ProductCode UsageType Operation
        AvailabilityZone ResourceId UsageAmount CurrencyCode UnblendedRate UnblendedCost BlendedRate
        BlendedCost LineItemDescription TaxType LegalEntity
    """,
    "product": """
        ProductName instanceType location productFamily region regionCode servicecode sku usagetype
    """,
    "pricing": """
        RateCode currency publicOnDemandCost publicOnDemandRate term unit LeaseContractLength
        OfferingClass
    """,
    "reservation": """
        AmortizedUpfrontCostForUsage AmortizedUpfrontFeeForBillingPeriod EffectiveCost
        RecurringFeeForUsage ReservationARN UnusedAmortizedUpfrontFeeForBillingPeriod UnusedQuantity
        UnusedRecurringFee
    """,
    "savingsPlan": """
        SavingsPlanARN SavingsPlanEffectiveCost SavingsPlanRate TotalCommitmentToDate UsedCommitment
        AmortizedUpfrontCommitmentForBillingPeriod RecurringCommitmentForBillingPeriod
    """,
}
_NET_COLUMNS: dict[str, str] = {
    "lineItem": "NetUnblendedCost NetUnblendedRate",
    "discount": "EdpDiscount TotalDiscount",
    "reservation": """
        NetAmortizedUpfrontCostForUsage NetAmortizedUpfrontFeeForBillingPeriod NetEffectiveCost
        NetRecurringFeeForUsage NetUnusedAmortizedUpfrontFeeForBillingPeriod NetUnusedRecurringFee
    """,
    "savingsPlan": """
        NetSavingsPlanEffectiveCost NetAmortizedUpfrontCommitmentForBillingPeriod
        NetRecurringCommitmentForBillingPeriod
    """,
}

_RARE_COLUMNS: dict[str, str] = {
    "discount": "BundledDiscount SppDiscount PrivateRateDiscount",
    "splitLineItem": " ".join(["ParentResourceId", *aws.SPLIT]),
}


def columns(context: Context, *, athena: bool) -> dict[str, pl.Expr]:
    """Header -> value.

    Parquet reports (`athena`) have Athena's names and timestamps, csv has AWS's own and text.
    """
    held = aws.columns(context)
    names = _headers(context)
    found: dict[str, pl.Expr] = {name: held[athena_name(name)] for name in names}
    found |= {f"resourceTags/user:{key}": pl.col(f"tag_{key}") for key in TAGS}
    found["costCategory/CostCentre"] = pl.col("cost_centre")
    if athena:
        return {athena_name(name): value for name, value in found.items()}
    found |= {f"lineItem/Usage{name}Date": pl.col(f"{name.lower()}_text") for name in ("Start", "End")}
    return {name: _text(name, value) for name, value in found.items()}


_PERIOD = ("bill/BillingPeriodStartDate", "bill/BillingPeriodEndDate")


def _headers(context: Context) -> list[str]:
    groups = [_COLUMNS]
    if context.spec.net:
        groups.append(_NET_COLUMNS)
    if context.spec.rare:
        groups.append(_RARE_COLUMNS)
    categories = list(dict.fromkeys(category for group in groups for category in group))
    return [
        f"{category}/{name}"
        for category in categories
        for group in groups
        for name in group.get(category, "").split()
    ]


def _text(name: str, value: pl.Expr) -> pl.Expr:
    return value.dt.strftime("%Y-%m-%dT%H:%M:%SZ") if name in _PERIOD else value


def athena_name(header: str) -> str:
    """`lineItem/UnblendedCost` -> `line_item_unblended_cost`: how AWS names the column in Athena."""
    words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"([A-Z])", r"_\1", header).lower())
    return re.sub(r"_+", "_", words).strip("_")
