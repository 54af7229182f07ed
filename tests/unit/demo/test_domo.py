"""The preset `domo` against the figures of the summary it is shaped like, written here a second time."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from infra.demo.generate import Written
from infra.demo.spec import Month
from tests.fakes.demo_bills import Row, rows, sums, written

COST, PRODUCT, FAMILY = "lineItem/UnblendedCost", "lineItem/ProductCode", "product/productFamily"


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("domo")
    return written(folder, preset="domo", single=True, months=1, rows=15_000, start=Month.parse("2024-12"))


@pytest.fixture(scope="module")
def lines(bill: Written) -> list[Row]:
    return rows(bill.files)


def service(row: Row) -> str:
    """The summary's name of what a line is of."""
    product, family = row[PRODUCT], row[FAMILY]
    if product == "ComputeSavingsPlans":
        return "EC2 Compute"
    if product == "AmazonEC2":
        storage = {"Storage": "EBS Storage", "Storage Snapshot": "EBS Storage", "NAT Gateway": "NAT Gateways"}
        return storage.get(family, "EC2 Compute")
    return {
        "AmazonRDS": "RDS Database",
        "AmazonS3": "S3 Storage",
        "AWSDataTransfer": "Data Transfer",
        "AWSDirectConnect": "Data Transfer",
        "AWSELB": "Load Balancers",
        "AmazonElastiCache": "ElastiCache",
        "AmazonCloudWatch": "CloudWatch",
        "AWSLambda": "Lambda",
        "AmazonEKS": "EKS",
    }.get(product, "Route53, KMS, Secrets Manager, etc")


STATED = {
    "EC2 Compute": "2309266",
    "RDS Database": "243403",
    "S3 Storage": "590226",
    "EBS Storage": "43253",
    "Data Transfer": "19990",
    "Load Balancers": "3000",
    "NAT Gateways": "23000",
    "ElastiCache": "15000",
    "CloudWatch": "8000",
    "Lambda": "5000",
    "EKS": "10000",
    "Route53, KMS, Secrets Manager, etc": "30000",
}


def test_each_services_total_is_the_stated_one_exactly(lines: list[Row]) -> None:
    assert sums(lines, service, COST) == {name: Decimal(total) for name, total in STATED.items()}


def test_the_whole_is_about_3_3_million(bill: Written) -> None:
    assert bill.answers["totals"]["total"]["billed"] == "3300138"
    assert {each["name"]: each["monthly_total"] for each in bill.answers["expected"]} == STATED


@pytest.mark.parametrize(("start", "months"), [("2025-02", 1), ("2024-11", 3)])
def test_any_month_meets_the_totals(tmp_path: Path, start: str, months: int) -> None:
    found = rows(
        written(
            tmp_path,
            preset="domo",
            single=True,
            rows=13_000 * months,
            months=months,
            start=Month.parse(start),
        ).files
    )

    periods = {row["bill/BillingPeriodStartDate"] for row in found}
    assert len(periods) == months
    for period in periods:
        of_month = [row for row in found if row["bill/BillingPeriodStartDate"] == period]
        assert sums(of_month, service, COST) == {name: Decimal(total) for name, total in STATED.items()}


@pytest.mark.parametrize(
    ("usage_type", "operation", "quantity"),
    [
        ("TimedStorage-ByteHrs", "StandardStorage", 10_718_009),
        ("TimedStorage-SIA-ByteHrs", "StandardIAStorage", 28_242_519),
        ("TimedStorage-GlacierByteHrs", "GlacierStorage", 270_549),
        ("Requests-Tier2", "GetObject", 332_447_939 * 31),
        ("Requests-Tier1", "PutObject", 246_653_666 * 31),
        ("Requests-Tier1", "HeadObject", 43_670_125 * 31),
        ("Requests-Tier1", "DeleteObject", 6_510 * 31),
        ("Requests-Tier4", "S3-Transition", 4_348_014 * 31),
        ("DataTransfer-Out-Bytes", "RunInstances", 41_463),
        ("DataTransfer-In-Bytes", "RunInstances", 166_706),
        ("DataTransfer-Regional-Bytes", "InterZone-In", 492_185),
        ("NatGateway-Hours", "NatGateway", 6 * 24 * 31),
    ],
)
def test_quantities_are_the_stated_ones(
    lines: list[Row], usage_type: str, operation: str, quantity: int
) -> None:
    def kind(row: Row) -> str:
        return f"{row['lineItem/UsageType']}/{row['lineItem/Operation']}"

    assert sums(lines, kind, "lineItem/UsageAmount")[f"{usage_type}/{operation}"] == quantity


@pytest.mark.parametrize(
    ("size", "count"),
    [("r7gd.medium", 1171), ("m6gd.medium", 5254), ("i3en.large", 82), ("db.r6g.2xlarge", 135)],
)
def test_the_fleet_is_the_stated_one(lines: list[Row], size: str, count: int) -> None:
    runs = ("Usage", "SavingsPlanCoveredUsage", "DiscountedUsage")
    running = [row for row in lines if row["lineItem/LineItemType"] in runs]

    hours = sums(running, lambda row: row["product/instanceType"], "lineItem/UsageAmount")

    assert hours[size] == count * 24 * 31


def test_most_of_the_fleet_is_committed_and_effective_costs_add_up_to_the_bill(
    bill: Written, lines: list[Row]
) -> None:
    def committed(row: Row) -> str:
        return str(row["lineItem/LineItemType"] in ("SavingsPlanCoveredUsage", "DiscountedUsage"))

    fleet: Callable[[Row], bool] = lambda row: "BoxUsage" in row["lineItem/UsageType"]  # noqa: E731
    ran = [row for row in lines if fleet(row) and row["lineItem/LineItemType"] != "SavingsPlanNegation"]
    hours = sums(ran, committed, "lineItem/UsageAmount")

    assert Decimal("0.68") < hours["True"] / sum(hours.values()) < Decimal("0.71")
    # Nothing is paid upfront, so what is used and unused is what is billed.
    assert bill.answers["totals"]["total"]["effective"] == "3300138"
