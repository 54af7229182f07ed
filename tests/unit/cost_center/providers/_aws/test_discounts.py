"""Discounts: on the line that they are of, and as lines of their own. All four costs are stated.

FOCUS 1.2: ListCost is before every discount; ContractedCost after the negotiated ones and before all others,
its price times quantity (ContractedCost-C-009-C); BilledCost and EffectiveCost are after all of them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cost_center.providers._aws.test_commitments import curate, line

COSTS = ("ListCost", "ContractedCost", "BilledCost", "EffectiveCost")
NET, BUNDLE = "lineItem/NetUnblendedCost", "discount/BundledDiscount"
NEGOTIATED = ("EdpDiscount", "PrivateRateDiscount", "SppDiscount")


def costs(row: Mapping[str, Any]) -> list[Decimal]:
    return [row[name] for name in COSTS]


def total(rows: Sequence[Mapping[str, Any]], cost: str) -> Decimal:
    return sum((row[cost] for row in rows), Decimal(0))


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize("kind", NEGOTIATED)
def test_a_negotiated_discounts_line_is_in_every_cost_but_the_list(tmp_path: Path, kind: str) -> None:
    [row] = curate(tmp_path, [line(kind, "-4.000000000000000001")])

    off = "-4.000000000000000001"
    assert costs(row) == amounts("0", off, off, off)
    assert (row["ChargeCategory"], row["x_LineItemType"]) == ("Adjustment", kind)
    assert (row["CommitmentDiscountId"], row["PricingCategory"]) == (None, None)


def test_a_bundled_discounts_line_was_not_negotiated(tmp_path: Path) -> None:
    [row] = curate(tmp_path, [line("BundledDiscount", "-4")])

    assert costs(row) == amounts("0", "0", "-4", "-4")


@pytest.mark.parametrize(
    ("kind", "category"),
    [("Credit", "Credit"), ("Refund", "Adjustment"), ("Tax", "Tax")],
)
def test_what_is_no_discount_counts_as_it_is_billed(tmp_path: Path, kind: str, category: str) -> None:
    [row] = curate(tmp_path, [line(kind, "-4")])

    assert costs(row) == amounts("-4", "-4", "-4", "-4")
    assert row["ChargeCategory"] == category


def test_a_discount_line_beside_net_columns_takes_nothing_off_twice(tmp_path: Path) -> None:
    rows = curate(tmp_path, [line("Usage", "10", {NET: "9"}), line("EdpDiscount", "-1", {NET: "0"})])

    discount, usage = rows
    assert costs(discount) == amounts("0", "0", "0", "0")
    assert costs(usage)[1:] == amounts("9", "9", "9")


USAGE = {
    "lineItem/UsageAmount": "4",
    "lineItem/UnblendedRate": "2.5",
    "pricing/publicOnDemandCost": "12",
    "pricing/publicOnDemandRate": "3",
}


def test_what_a_bundle_waives_is_contracted_and_not_billed(tmp_path: Path) -> None:
    """Listed at 12, billed before discounts at 10; 1 is negotiated off, and 4.5 of the 9 left is waived."""
    net = {NET: "4.5", "lineItem/NetUnblendedRate": "1.125", BUNDLE: "-4.5", "discount/EdpDiscount": "-1"}

    [row] = curate(tmp_path, [line("Usage", "10", USAGE, net)])

    assert costs(row) == amounts("12", "9", "4.5", "4.5")
    assert row["ContractedUnitPrice"] * row["PricingQuantity"] == row["ContractedCost"]
    assert row["ListUnitPrice"] * row["PricingQuantity"] == row["ListCost"]


def test_usage_that_a_bundle_makes_free_has_its_contracted_price(tmp_path: Path) -> None:
    net = {NET: "0", "lineItem/NetUnblendedRate": "0", BUNDLE: "-10"}

    [row] = curate(tmp_path, [line("Usage", "10", USAGE, net)])

    assert costs(row) == amounts("12", "10", "0", "0")
    assert row["ContractedUnitPrice"] == Decimal("2.5")


def test_usage_that_is_taken_back_takes_its_bundle_back(tmp_path: Path) -> None:
    back = {"lineItem/UsageAmount": "-4", "pricing/publicOnDemandCost": "-12", NET: "0", BUNDLE: "10"}

    [row] = curate(tmp_path, [line("Usage", "-10", USAGE, back)])

    assert costs(row) == amounts("-12", "-10", "0", "0")
    assert row["ContractedUnitPrice"] == Decimal("2.5")


RESERVED = {
    "reservation/ReservationARN": "arn:lease",
    "reservation/EffectiveCost": "5",
    "lineItem/NetUnblendedCost": "0",
    "lineItem/UnblendedRate": "0",
}


def test_reserved_usage_is_contracted_at_its_on_demand_price(tmp_path: Path) -> None:
    [row] = curate(tmp_path, [line("DiscountedUsage", "0", USAGE, RESERVED)])

    assert costs(row) == amounts("12", "12", "0", "5")
    assert (row["ContractedUnitPrice"], row["PricingQuantity"]) == (3, 4)


def test_an_enterprise_discount_is_on_the_on_demand_price_of_reserved_usage_too(tmp_path: Path) -> None:
    """No column says so: it takes 10 % off what the reservation costs here, and so off the price."""
    net = {"reservation/NetEffectiveCost": "4.5"}

    [row] = curate(tmp_path, [line("DiscountedUsage", "0", USAGE, RESERVED, net)])

    assert costs(row) == amounts("12", "10.8", "0", "4.5")
    assert row["ContractedUnitPrice"] * row["PricingQuantity"] == row["ContractedCost"]


def test_reserved_usage_whose_lease_was_paid_before_has_no_discount_to_go_by(tmp_path: Path) -> None:
    nothing = {"reservation/EffectiveCost": "0", "reservation/NetEffectiveCost": "0"}

    [row] = curate(tmp_path, [line("DiscountedUsage", "0", USAGE, RESERVED, nothing)])

    assert costs(row) == amounts("12", "12", "0", "0")


@pytest.mark.parametrize("kind", [*NEGOTIATED, "BundledDiscount"])
def test_a_discount_is_the_same_money_on_its_line_and_on_a_line_of_its_own(tmp_path: Path, kind: str) -> None:
    """As AWS writes it with net columns, and without: no cost knows the difference."""
    on_line = {NET: "7", BUNDLE: "-3" if kind == "BundledDiscount" else ""}
    (tmp_path / "net").mkdir()
    (tmp_path / "apart").mkdir()

    net = curate(tmp_path / "net", [line("Usage", "10", USAGE, on_line), line(kind, "-3", {NET: "0"})])
    apart = curate(tmp_path / "apart", [line("Usage", "10", USAGE), line(kind, "-3")])

    contracted = "10" if kind == "BundledDiscount" else "7"
    for rows in (net, apart):
        assert [total(rows, cost) for cost in COSTS] == amounts("12", contracted, "7", "7")


def test_a_bundle_on_a_line_without_its_net_cost_is_not_taken_off_yet(tmp_path: Path) -> None:
    [row] = curate(tmp_path, [line("Usage", "10", USAGE, {BUNDLE: "-3"})])

    assert costs(row) == amounts("12", "10", "10", "10")
