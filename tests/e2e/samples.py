"""Small bills that the tests write themselves, for a clone without the public sample files."""

import csv
from collections.abc import Sequence
from pathlib import Path

FOCUS_COLUMNS = """
BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd
BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd
ChargePeriodStart ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice
EffectiveCost InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity
PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName ResourceType
ServiceCategory ServiceName SkuId SkuPriceId SubAccountId SubAccountName Tags AvailabilityZone
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountStatus
CommitmentDiscountType
""".split()


def focus_bill(
    folder: Path,
    costs: Sequence[str],
    *,
    name: str = "focus.csv",
    account: str = "acct-1",
    service: str = "Object Storage",
    month: str = "2026-09",
) -> Path:
    """A FOCUS 1.0 csv with one usage row per cost, all of one account and month (not December)."""
    year, number = month.split("-")
    end = f"{year}-{int(number) + 1:02d}-01 00:00:00"
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, FOCUS_COLUMNS)
        writer.writeheader()
        for day, cost in enumerate(costs, start=1):
            row = dict.fromkeys(FOCUS_COLUMNS, "")
            row |= {
                "BilledCost": cost,
                "EffectiveCost": cost,
                "ListCost": cost,
                "ContractedCost": cost,
                "BillingAccountId": account,
                "BillingCurrency": "USD",
                "BillingPeriodStart": f"{month}-01 00:00:00",
                "BillingPeriodEnd": end,
                "ChargePeriodStart": f"{month}-{day:02d} 00:00:00",
                "ChargePeriodEnd": f"{month}-{day:02d} 01:00:00",
                "ChargeCategory": "Usage",
                "ChargeDescription": "storage",
                "ChargeFrequency": "Usage-Based",
                "InvoiceIssuerName": "Example Cloud",
                "ProviderName": "Example Cloud",
                "PublisherName": "Example Cloud",
                "ServiceCategory": "Storage",
                "ServiceName": service,
                "SubAccountId": f"{account}-sub",
                "PricingCategory": "Standard",
                "Tags": '{"env": "prod"}',
            }
            writer.writerow(row)
    return path
