"""Azure's cost export: recognised, its dates and tags read, each kind of charge where FOCUS has it."""

import csv
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from services.cost_center.events import Finding
from tests.fakes.cost_center_bills import csv_text, write
from tests.fakes.cost_center_reading import prepare, raw_frame, refusal

REAL = Path(__file__).parents[6] / "shared" / "data" / "other_clouds" / "azure_ea_27rows.csv"
ROW = {
    "SubscriptionId": "sub-1",
    "SubscriptionName": "web",
    "ResourceLocation": "West US 2",
    "Date": "9/2/2023",
    "ProductName": "D4s v5",
    "MeterCategory": "Virtual Machines",
    "MeterId": "m-1",
    "UnitOfMeasure": "1 Hour",
    "Quantity": "3",
    "UnitPrice": "0.2",
    "PayGPrice": "0.25",
    "CostInBillingCurrency": "5.5E-01",
    "ResourceId": "/subscriptions/sub-1/vm",
    "Tags": '"team": "web","env": "prod"',
    "ReservationId": "",
    "ReservationName": "",
    "ChargeType": "Usage",
    "Frequency": "UsageBased",
    "PricingModel": "OnDemand",
    "BillingAccountId": "42",
    "BillingCurrencyCode": "EUR",
    "BillingPeriodStartDate": "9/1/2023",
    "BillingPeriodEndDate": "9/30/2023",
    "ServiceFamily": "Compute",
    "benefitId": "",
    "benefitName": "",
}
RESERVED = {"PricingModel": "Reservation", "ReservationId": "r-1", "ReservationName": "one year"}
PLAN = {"PricingModel": "SavingsPlan", "benefitId": "p-1", "benefitName": "three years"}


def charges(folder: Path, *rows: dict[str, str]) -> pl.DataFrame:
    prepared = prepare(folder, write(folder, "azure.csv", csv_text([{**ROW, **row} for row in rows])))
    assert prepared.rejection is None, prepared.rejection
    return pl.read_parquet(prepared.bills[0].charges.paths[0])


def test_a_row_of_usage(tmp_path: Path) -> None:
    row = charges(tmp_path, {}).row(0, named=True)

    assert [row[cost] for cost in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost")] == [
        Decimal("0.55"),
        Decimal("0.55"),
        Decimal("0.6"),
        Decimal("0.75"),
    ]
    assert [f"{row[at]:%Y-%m-%d}" for at in ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodEnd")] == [
        "2023-09-02",
        "2023-09-03",
        "2023-10-01",
    ]
    assert row["Tags"] == {"team": "web", "env": "prod"}
    assert (row["RegionId"], row["SubAccountId"], row["BillingCurrency"]) == ("westus2", "sub-1", "EUR")
    assert (row["ServiceName"], row["ServiceCategory"], row["ChargeCategory"], row["PricingCategory"]) == (
        "Virtual Machines",
        "Compute",
        "Usage",
        "Standard",
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"PricingModel": "Spot"}, {"PricingCategory": "Dynamic", "CommitmentDiscountId": None}),
        (
            RESERVED,
            {
                "PricingCategory": "Committed",
                "CommitmentDiscountCategory": "Usage",
                "CommitmentDiscountId": "r-1",
                "CommitmentDiscountName": "one year",
                "CommitmentDiscountStatus": "Used",
            },
        ),
        (
            {**PLAN, "ChargeType": "UnusedSavingsPlan"},
            {
                "CommitmentDiscountCategory": "Spend",
                "CommitmentDiscountType": "Savings Plan",
                "CommitmentDiscountStatus": "Unused",
                "ChargeCategory": "Usage",
                "ConsumedQuantity": None,
            },
        ),
        (
            {**RESERVED, "ChargeType": "Purchase", "Frequency": "OneTime"},
            {
                "ChargeCategory": "Purchase",
                "ChargeFrequency": "One-Time",
                "CommitmentDiscountStatus": None,
                "ListCost": Decimal("0.55"),
                "PricingCategory": None,
            },
        ),
        (
            {"ChargeType": "Refund", "CostInBillingCurrency": "-1"},
            {"ChargeCategory": "Adjustment", "ChargeClass": "Correction", "BilledCost": Decimal(-1)},
        ),
        ({"ChargeType": "Tax"}, {"ChargeCategory": "Tax", "PricingQuantity": None, "PricingUnit": None}),
        ({"ServiceFamily": "Quantum"}, {"ServiceCategory": "Other", "ServiceSubcategory": "Other (Other)"}),
        ({"Tags": '{"team": "web"}'}, {"Tags": {"team": "web"}}),
        ({"Tags": ""}, {"Tags": None}),
        ({"Date": "2023-09-03"}, {"x_BillingPeriod": "2023-09"}),
    ],
)
def test_each_kind_of_charge(tmp_path: Path, change: dict[str, str], expected: dict[str, object]) -> None:
    row = charges(tmp_path, change).row(0, named=True)

    assert {name: row[name] for name in expected} == expected


def test_the_raw_table_keeps_what_azure_wrote(tmp_path: Path) -> None:
    raw = raw_frame(prepare(tmp_path, write(tmp_path, "azure.csv", csv_text([ROW]))))

    assert raw["Tags"].to_list() == ['"team": "web","env": "prod"']
    assert raw["BenefitId"].to_list() == [None]


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("Date", "30/9/2023", "a date or time in ISO 8601"),
        ("CostInBillingCurrency", "1,5", "a decimal number (at most 20 digits before the point)"),
        ("CostInBillingCurrency", "NaN", "a decimal number (at most 20 digits before the point)"),
        ("Tags", '"team": web', "a JSON object of tags"),
        ("BillingCurrencyCode", "Euro", "an ISO 4217 code, as USD: three upper-case letters"),
        ("BillingPeriodEndDate", "9/1/2023", "a moment after the row's BillingPeriodStartDate"),
    ],
)
def test_a_bad_cell_is_named(tmp_path: Path, column: str, text: str, expected: str) -> None:
    finding = refusal(tmp_path, csv_text([ROW, {**ROW, column: text}])).findings[0]

    assert (finding.row, finding.column, finding.expected) == (2, column, expected)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    findings = refusal(
        tmp_path, csv_text([{name: text for name, text in ROW.items() if name != "ChargeType"}])
    ).findings

    assert [(each.column, each.message) for each in findings] == [
        ("ChargeType", "the mandatory column ChargeType is missing")
    ]
    assert isinstance(findings[0], Finding)


@pytest.mark.skipif(not REAL.exists(), reason="the real files (../shared/data) are not beside this clone")
def test_the_real_export(tmp_path: Path) -> None:
    with REAL.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    billed = sum(Decimal(row["CostInBillingCurrency"]) for row in rows)

    prepared = prepare(tmp_path, REAL)

    assert prepared.rejection is None, prepared.rejection
    read = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert (prepared.format, read.height) == ("azure-ea-csv", len(rows))
    assert (read["BilledCost"].sum(), set(read["BillingCurrency"])) == (billed, {"CAD"})
