"""Savings plans and reservations, as AWS bills them and as FOCUS wants them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services.cost_center.domain.naming import athena_name
from tests.fakes.cost_center_bills import CUR_ROW, csv_text, write
from tests.fakes.cost_center_reading import prepare

PLAN = {"savingsPlan/SavingsPlanARN": "arn:plan"}
LEASE = {"reservation/ReservationARN": "arn:lease"}
NOTHING = {"pricing/publicOnDemandCost": "", "pricing/publicOnDemandRate": "", "resourceTags/user:env": ""}


def line(kind: str, cost: str, *more: Mapping[str, str]) -> dict[str, str]:
    made = {**CUR_ROW, **NOTHING, "lineItem/LineItemType": kind, "lineItem/UnblendedCost": cost}
    for each in more:
        made |= each
    return made


def plan_fee(total: str, used: str, *more: Mapping[str, str]) -> dict[str, str]:
    columns = {"savingsPlan/TotalCommitmentToDate": total, "savingsPlan/UsedCommitment": used}
    return line("SavingsPlanRecurringFee", total, PLAN, columns, *more)


def lease_fee(cost: str, unused: str, hours: str) -> dict[str, str]:
    columns = {"reservation/UnusedRecurringFee": unused, "reservation/UnusedQuantity": hours}
    return line("RIFee", cost, LEASE, columns)


def curate(folder: Path, rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    prepared = prepare(folder, write(folder, "bill.csv", csv_text(rows)))
    assert prepared.rejection is None, prepared.rejection
    bill = prepared.bills[0]
    frame = pl.read_parquet(bill.charges.paths)
    assert (bill.raw.rows, bill.charges.rows) == (len(rows), frame.height)
    assert all(group.adds_up for group in bill.groups)
    return frame.sort("x_LineItemType", "x_ChargePart", nulls_last=False).to_dicts()


def test_a_fee_that_lost_something_is_a_purchase_and_what_was_lost(tmp_path: Path) -> None:
    fee, lost = curate(tmp_path, [plan_fee("10", "7.5")])

    assert [fee[name] for name in ("BilledCost", "EffectiveCost", "ChargeCategory")] == [10, 0, "Purchase"]
    assert (fee["ChargeFrequency"], fee["PricingCategory"]) == ("Recurring", "Standard")
    assert (fee["CommitmentDiscountQuantity"], fee["CommitmentDiscountStatus"]) == (10, None)
    assert [lost[name] for name in ("BilledCost", "ListCost", "ContractedCost")] == [0, 0, 0]
    assert [lost[name] for name in ("EffectiveCost", "ChargeCategory")] == [Decimal("2.5"), "Usage"]
    assert (lost["ChargeFrequency"], lost["PricingCategory"]) == ("Usage-Based", "Committed")
    assert (lost["CommitmentDiscountQuantity"], lost["CommitmentDiscountUnit"]) == (Decimal("2.5"), "USD")
    assert (lost["CommitmentDiscountStatus"], lost["x_ChargePart"]) == ("Unused", "Unused")
    assert (lost["ConsumedQuantity"], lost["PricingQuantity"]) == (None, 0)
    for each in (fee, lost):
        assert (each["ResourceId"], each["ResourceType"]) == ("arn:plan", "Savings Plan")
        assert each["CommitmentDiscountId"] == "arn:plan"


def test_a_commitment_that_was_used_up_comes_once(tmp_path: Path) -> None:
    rows = curate(tmp_path, [plan_fee("10", "10"), lease_fee("3", "0", "0")])

    assert [(row["BilledCost"], row["EffectiveCost"], row["x_ChargePart"]) for row in rows] == [
        (3, 0, None),
        (10, 0, None),
    ]


def test_what_a_reservation_lost_is_in_its_hours(tmp_path: Path) -> None:
    fee, lost = curate(tmp_path, [lease_fee("7.2", "1.2", "12")])

    assert (fee["EffectiveCost"], lost["EffectiveCost"]) == (0, Decimal("1.2"))
    assert (lost["CommitmentDiscountQuantity"], lost["CommitmentDiscountUnit"]) == (12, "Hrs")
    assert (fee["ResourceType"], fee["CommitmentDiscountCategory"]) == ("Reserved Instance", "Usage")


def test_what_was_lost_is_after_an_enterprise_discount(tmp_path: Path) -> None:
    net = {
        "lineItem/NetUnblendedCost": "8",
        "savingsPlan/RecurringCommitmentForBillingPeriod": "6",
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": "4",
        "savingsPlan/NetRecurringCommitmentForBillingPeriod": "5",
        "savingsPlan/NetAmortizedUpfrontCommitmentForBillingPeriod": "3",
    }

    fee, lost = curate(tmp_path, [plan_fee("10", "7", net)])

    assert (fee["BilledCost"], fee["ListCost"], lost["EffectiveCost"]) == (8, 10, Decimal("2.4"))


def test_a_plan_of_which_the_bill_says_nothing_costs_its_fee(tmp_path: Path) -> None:
    [fee] = curate(tmp_path, [line("SavingsPlanRecurringFee", "10", PLAN)])

    assert (fee["BilledCost"], fee["EffectiveCost"]) == (10, 10)


@pytest.mark.parametrize(("term", "hours"), [("1yr", 8760 * 2), ("3yr", 26280 * 2), ("", 2)])
def test_a_reservations_upfront_fee_is_for_the_hours_of_its_term(
    tmp_path: Path, term: str, hours: int
) -> None:
    more = {"pricing/LeaseContractLength": term, "lineItem/UsageAmount": "2", "pricing/unit": "Quantity"}

    [fee] = curate(tmp_path, [line("Fee", "500", LEASE, more)])

    assert (fee["BilledCost"], fee["EffectiveCost"], fee["ChargeFrequency"]) == (500, 0, "One-Time")
    assert (fee["CommitmentDiscountQuantity"], fee["CommitmentDiscountUnit"]) == (hours, "Hrs")


def test_a_negation_is_no_usage_of_its_own(tmp_path: Path) -> None:
    used = {"savingsPlan/SavingsPlanEffectiveCost": "0.7"}
    rows = curate(
        tmp_path,
        [line("SavingsPlanCoveredUsage", "1", PLAN, used), line("SavingsPlanNegation", "-1", PLAN)],
    )

    costs = [[row[name] for name in ("BilledCost", "EffectiveCost", "ContractedCost")] for row in rows]
    assert costs == [[0, Decimal("0.7"), 1], [0, 0, 0]]
    assert [row["CommitmentDiscountQuantity"] for row in rows] == [Decimal("0.7"), 0]
    assert [row["CommitmentDiscountStatus"] for row in rows] == ["Used", "Used"]
    assert [row["PricingCategory"] for row in rows] == ["Committed", "Committed"]
    assert [row["ConsumedQuantity"] for row in rows] == [2, 0]


def test_support_and_marketplace_fees_are_bought_and_used_at_once(tmp_path: Path) -> None:
    market = {
        "bill/BillingEntity": "AWS Marketplace",
        "lineItem/LegalEntity": "Acme",
        "lineItem/ResourceId": "",
    }
    support = {"lineItem/ProductCode": "AWSSupportBusiness"}
    rows = curate(tmp_path, [line("Fee", "100", support), line("Fee", "50", market)])

    for row in rows:
        assert (row["ChargeCategory"], row["EffectiveCost"]) == ("Purchase", row["BilledCost"])
    assert {(row["PublisherName"], row["ServiceProviderName"]) for row in rows} == {
        ("Amazon Web Services, Inc.", "AWS"),
        ("Acme", "Acme"),
    }


def test_split_rows_of_containers_are_not_counted_twice(tmp_path: Path) -> None:
    split = {
        "lineItem/ResourceId": "arn:pod",
        "splitLineItem/ParentResourceId": "i-1",
        "splitLineItem/SplitCost": "0.1",
        "splitLineItem/UnusedCost": "0.02",
        "splitLineItem/SplitUsage": "1",
        "splitLineItem/SplitUsageRatio": "0.5",
        "pricing/publicOnDemandRate": "0.096",
    }
    row = line("Usage", "0.192", {"pricing/publicOnDemandCost": "0.192"})
    del row["resourceTags/user:env"]

    rows = curate(tmp_path, [row, line("Usage", "0", split)])

    rows.sort(key=lambda each: each["AllocatedResourceId"] or "")
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
        assert [each[name] for each in rows] == [Decimal("0.192"), 0]
    assert [each["ConsumedQuantity"] for each in rows] == [2, 0]
    instance, pod = rows
    assert (instance["ResourceId"], instance["AllocatedMethodId"]) == ("i-1", None)
    assert (pod["ResourceId"], pod["AllocatedResourceId"]) == ("i-1", "arn:pod")
    assert '"AllocatedRatio": 0.5' in pod["AllocatedMethodDetails"]
    assert pod["AllocatedMethodId"] == "AWS split cost allocation"


def test_capacity_reservations_of_cur_2(tmp_path: Path) -> None:
    held = [
        {
            **{athena_name(name): text for name, text in CUR_ROW.items() if "/user:" not in name},
            "capacity_reservation_capacity_reservation_arn": "arn:cr",
            "capacity_reservation_capacity_reservation_status": status,
        }
        for status in ("Used", "Unused", "Reserved")
    ]

    rows = curate(tmp_path, held)

    assert {row["CapacityReservationId"] for row in rows} == {"arn:cr"}
    assert {row["CapacityReservationStatus"] for row in rows} == {"Used", "Unused", None}
