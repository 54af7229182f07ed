"""What few bills have: split cost allocation, discounts of all kinds, corrections and credits, in each format
and in the key."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from infra.demo.generate import Written
from infra.demo.spec import BillFormat, Container, Granularity
from tests.fakes.demo_bills import FORMATS, Row, rows, sums, written
from tests.fakes.demo_charges import COSTS, SHARED, by, charges

COST, NET, KIND = "lineItem/UnblendedCost", "lineItem/NetUnblendedCost", "lineItem/LineItemType"
PARENT, SPLIT = "splitLineItem/ParentResourceId", "splitLineItem/"
Bills = dict[BillFormat, tuple[Written, pl.DataFrame]]
GATEWAY = pl.col("x_UsageType").fill_null("").str.contains("NatGateway-")


@pytest.fixture(
    scope="module",
    params=[(Container.GZ, Granularity.DAILY), (Container.PARQUET, Granularity.HOURLY)],
    ids=lambda given: f"{given[0]}, {given[1]}",
)
def bills(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bills:
    container, granularity = request.param
    folder = tmp_path_factory.mktemp("rare")
    found = {}
    for fmt in FORMATS:
        bill = written(
            folder / fmt,
            preset="enterprise",
            format=fmt,
            single=True,
            rows=9_000 * granularity.lines_a_day // (4 if granularity is Granularity.HOURLY else 1),
            months=1,
            accounts=6,
            rare=True,
            container=container,
            granularity=granularity,
            edp_basis_points=1000,
        )
        found[fmt] = bill, charges(bill, folder / f"{fmt}-work")
    return found


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("lines")
    return written(folder, preset="enterprise", single=True, rows=9_000, accounts=6, rare=True)


@pytest.fixture(scope="module")
def lines(bill: Written) -> list[Row]:
    return rows(bill.files)


def number(row: Row, column: str) -> Decimal:
    return Decimal(row[column] or 0)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("dimension", SHARED)
def test_all_formats_give_the_same_charges(bills: Bills, dimension: str, cost: str) -> None:
    """But for a contracted cost that a report does not say (before a bundled discount and after the
    enterprise's), and for two shares of rounded amounts: a discounted fee's lost part, and what the
    enterprise's discount takes off the price of reserved usage."""
    told = ~GATEWAY
    frames = [frame if cost != "ContractedCost" else frame.filter(told) for _, frame in bills.values()]
    cur, cur2, focus = (by(frame, dimension, cost) for frame in frames)

    assert cur == cur2
    if cost in ("EffectiveCost", "ContractedCost"):
        assert cur.keys() == focus.keys()
        assert all(abs(cur[key] - total) < Decimal("1e-6") for key, total in focus.items())
    else:
        assert cur == focus
    assert cur


@pytest.mark.parametrize("container", [Container.GZ, Container.PARQUET])
def test_what_a_bundle_waives_is_contracted_in_all_formats(tmp_path: Path, container: Container) -> None:
    """Without an enterprise discount a report says all of it."""
    frames = []
    for fmt in FORMATS:
        bill = written(
            tmp_path / fmt,
            preset="enterprise",
            format=fmt,
            single=True,
            rows=9_000,
            months=1,
            accounts=6,
            rare=True,
            container=container,
            edp_basis_points=0,
        )
        frames.append(charges(bill, tmp_path / f"{fmt}-work"))

    for dimension in ("ServiceName", "SubAccountId", "x_UsageType"):
        cur, cur2, focus = (by(frame, dimension, "ContractedCost") for frame in frames)
        assert cur == cur2 == focus
    for frame in frames:
        waived = frame.filter(GATEWAY)
        assert waived["ContractedCost"].sum() > 0
        assert waived["BilledCost"].sum() == 0


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_charges_are_what_the_key_says(bills: Bills, fmt: BillFormat) -> None:
    bill, frame = bills[fmt]
    for dimension, name in (
        ("SubAccountId", "by_account"),
        ("x_ServiceCode", "by_service"),
        ("InvoiceId", "by_invoice"),
        ("PublisherName", "by_seller"),
    ):
        said = bill.answers["totals"][name]
        known = {key: total for key, each in said.items() if (total := Decimal(each["billed"]))}
        assert by(frame, dimension, "BilledCost") == known


def test_every_format_has_the_same_key(bills: Bills) -> None:
    keys = [bill.answers for bill, _ in bills.values()]

    assert keys[0] == keys[1] == keys[2]


def test_a_focus_file_has_no_line_for_a_discount_or_a_container(bills: Bills) -> None:
    _, focus = bills[BillFormat.FOCUS]
    for _, cur in (bills[fmt] for fmt in FORMATS[:2]):
        containers = cur.filter(pl.col("AllocatedResourceId").is_not_null())
        assert containers.height > 0
        assert not any(containers[cost].sum() for cost in COSTS)
        assert set(containers["ResourceId"]) < set(cur["ResourceId"])
    assert focus.filter(pl.col("x_Operation").is_in(["EKSPod-EC2", "ECSTask-EC2"])).height == 0
    assert not any("iscount for" in each for each in focus["ChargeDescription"].drop_nulls())


def test_containers_had_what_their_instance_cost(bill: Written, lines: list[Row]) -> None:
    def period(row: Row) -> str:
        return f"{row[PARENT] or row['lineItem/ResourceId']}/{row['lineItem/UsageStartDate']}"

    of_containers = [row for row in lines if row[PARENT]]
    parents = {row[PARENT] for row in of_containers}
    instances = [
        row
        for row in lines
        if row["lineItem/ResourceId"] in parents and "BoxUsage" in row["lineItem/UsageType"]
    ]
    covered = "savingsPlan/SavingsPlanEffectiveCost"
    amortised: dict[str, Decimal] = defaultdict(Decimal)
    for row in instances:
        amortised[period(row)] += number(row, covered if row[covered] else COST)

    had = sums(of_containers, period, SPLIT + "SplitCost")
    wasted = sums(of_containers, period, SPLIT + "UnusedCost")
    assert {name: had[name] + wasted[name] for name in had} == dict(amortised)
    assert all(wasted.values())
    listed = sums(instances, period, "pricing/publicOnDemandCost")
    public = (
        sums(of_containers, period, SPLIT + f"PublicOnDemand{name}Cost") for name in ("Split", "Unused")
    )
    assert [sum(each) for each in zip(*(found.values() for found in public), strict=True)] == [
        *listed.values()
    ]
    assert all(number(row, COST) == number(row, NET) == 0 for row in of_containers)
    assert {row["lineItem/ProductCode"] for row in of_containers} == {"AmazonEKS", "AmazonECS"}
    assert {row["lineItem/ResourceId"] for row in of_containers} == {
        each["resource_id"] for each in bill.answers["split"]
    }
    for name, column in (("split_cost", "SplitCost"), ("net_unused_cost", "NetUnusedCost")):
        total = sum(number(row, SPLIT + column) for row in of_containers)
        assert total == sum(Decimal(each[name]) for each in bill.answers["split"]) > 0


def test_each_discount_is_in_its_column_and_a_line_of_its_own(bill: Written, lines: list[Row]) -> None:
    kinds = ("BundledDiscount", "SppDiscount", "PrivateRateDiscount", "EdpDiscount")
    for kind in kinds:
        own = [row for row in lines if row[KIND] == kind]
        taken = sum(number(row, COST) for row in own)
        assert taken == sum(number(row, f"discount/{kind}") for row in lines) < 0
        assert Decimal(bill.answers["discounts"][kind]) == taken
        assert all(number(row, NET) == 0 for row in own)
    for row in lines:
        if row[KIND] not in kinds:
            parts = [number(row, f"discount/{kind}") for kind in kinds]
            assert number(row, NET) - number(row, COST) == sum(parts) == number(row, "discount/TotalDiscount")
    assert sum(number(row, COST) for row in lines) == sum(number(row, NET) for row in lines)


def test_corrections_and_credits_are_in_the_key(bill: Written, lines: list[Row]) -> None:
    told = [row for row in lines if row[KIND] in ("Refund", "Credit")]
    said = bill.answers["adjustments"]

    assert [(row[KIND], Decimal(row[COST]), row["lineItem/LegalEntity"]) for row in told] == [
        (each["kind"], Decimal(each["amount"]), each["seller"]) for each in said
    ]
    outside = [row for row in told if row["lineItem/UsageStartDate"] < row["bill/BillingPeriodStartDate"]]
    assert len(outside) == 2  # in each of two months
    assert {row[KIND] for row in outside} == {"Refund"}
    balance = [each for each in said if each["kind"] == "Credit" and each["service"] == "AmazonRDS"]
    assert len(balance) == 6
    assert sum(Decimal(each["amount"]) for each in balance) == 0
    assert "0" in {each["amount"] for each in balance}
    assert {"Lumen Metrics LLC", "Amazon Web Services, Inc."} < set(bill.answers["totals"]["by_seller"])
