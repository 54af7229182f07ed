"""Charges of a generated bill, as Onyx's own reader makes them, and what all formats tell alike."""

from decimal import Decimal
from pathlib import Path

import polars as pl

from infra.demo.generate import Written
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.prepare import Prepare

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
SHARED = (
    "BillingAccountId",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "InvoiceId",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "SubAccountId",
    "SubAccountType",
    "ServiceName",
    "ServiceCategory",
    "RegionId",
    "RegionName",
    "AvailabilityZone",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ChargeCategory",
    "ChargeClass",
    "ChargeFrequency",
    "CommitmentDiscountId",
    "CommitmentDiscountCategory",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "PricingCategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "x_ServiceCode",
    "x_UsageType",
    "x_Operation",
)
"""The dimensions that all have in full. What the legacy report cannot tell is the names of accounts."""


def charges(bill: Written, folder: Path) -> pl.DataFrame:
    """The curated rows of a bill, as Onyx's own reader makes them; each of its bills reconciles."""
    folder.mkdir()
    (file,) = bill.files
    prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(file, file.name, "demo", folder)
    assert prepared.rejection is None, prepared.rejection
    return pl.concat([pl.read_parquet([*one.charges.paths]) for one in prepared.bills])


def by(frame: pl.DataFrame, dimension: str, cost: str) -> dict[object, Decimal]:
    grouped = frame.group_by(dimension).agg(pl.col(cost).sum())
    return {key: total for key, total in grouped.iter_rows() if total}
