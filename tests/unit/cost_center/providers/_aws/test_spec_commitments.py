"""The commitment examples of FOCUS 1.2, as AWS would bill the same hours: our mapping makes their rows.

The line items are written from the examples' own numbers. The texts of two examples contain slips, which
arithmetic shows; each is named where it is corrected.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.fakes.cost_center_bills import CUR_ROW, csv_text, write
from tests.fakes.cost_center_reading import prepare

DATA = Path(__file__).parents[6] / "shared" / "data" / "focus_spec_1.2_examples"
pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the specification's examples (../shared/data) are not beside this clone"
)

ID = "<my-commitment-discount-id>"
BASE = {
    **{name: text for name, text in CUR_ROW.items() if not name.startswith(("pricing/", "resourceTags/"))},
    "bill/BillingPeriodStartDate": "2023-01-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2023-02-01T00:00:00Z",
    "lineItem/UsageStartDate": "2023-01-01T00:00:00Z",
    "lineItem/UsageEndDate": "2023-01-01T01:00:00Z",
    "lineItem/UsageAmount": "1",
    "pricing/unit": "Hour",
}
PLAN = {"savingsPlan/SavingsPlanARN": ID}
LEASE = {"reservation/ReservationARN": ID}
RESOURCE = "<my-resource-id>", "<my-large-vm-id>", "<my-medium-vm-id>"
SHARED = (
    "ChargeCategory",
    "ChargeFrequency",
    "PricingCategory",
    "ResourceId",
    "BilledCost",
    "EffectiveCost",
    "CommitmentDiscountId",
    "CommitmentDiscountCategory",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
)
"""What the examples say that AWS's bill says too. Their list prices of fees and of what was lost are not in
it."""


def line(kind: str, cost: str, *more: Mapping[str, str], resource: str = "") -> dict[str, str]:
    made = {**BASE, "lineItem/LineItemType": kind, "lineItem/UnblendedCost": cost}
    made["lineItem/ResourceId"] = resource
    for each in more:
        made |= each
    return made


def plan_fee(used: str) -> dict[str, str]:
    columns = {"savingsPlan/TotalCommitmentToDate": "1", "savingsPlan/UsedCommitment": used}
    return line("SavingsPlanRecurringFee", "1", PLAN, columns)


def lease_fee(cost: str, unused: str = "0", normalized: str = "") -> dict[str, str]:
    hours = "0" if unused == "0" else "1"
    columns = {
        "reservation/UnusedRecurringFee": unused,
        "reservation/UnusedQuantity": hours,
        "lineItem/NormalizedUsageAmount": normalized,
    }
    return line("RIFee", cost, LEASE, columns)


def leased(effective: str, public: str, hours: str = "1", normalized: str = "") -> dict[str, str]:
    columns = {
        "reservation/EffectiveCost": effective,
        "pricing/publicOnDemandCost": public,
        "lineItem/UsageAmount": hours,
        "lineItem/NormalizedUsageAmount": normalized,
    }
    return line("DiscountedUsage", "0", LEASE, columns, resource=RESOURCE[1])


def on_demand(cost: str, hours: str, resource: str) -> dict[str, str]:
    more = {"pricing/publicOnDemandCost": cost, "lineItem/UsageAmount": hours}
    return line("Usage", cost, more, resource=resource)


@dataclass(frozen=True)
class Case:
    """`slips`: cells of the example (row, column) -> what they should say, and why."""

    example: str
    lines: Sequence[Mapping[str, str]]
    slips: Mapping[tuple[int, str], str | None] = field(default_factory=dict)
    kept: frozenset[str] = frozenset({"Usage", "Purchase"})
    """The categories that the example is of; it leaves the others to another example."""


_USED = line(
    "SavingsPlanCoveredUsage", "2", PLAN, {"savingsPlan/SavingsPlanEffectiveCost": "1"}, resource=RESOURCE[0]
)
_FLEXIBLE = "commitment_discount_flexibility/{}_commitment_discount_flexibility{}.csv"
CASES = [
    Case(
        "commitment_discount_scenarios/commitment_discount_purchase_scenario_1.csv",
        [line("SavingsPlanUpfrontFee", "8760", PLAN, {"lineItem/UsageEndDate": "2024-01-01T00:00:00Z"})],
    ),
    Case(
        "commitment_discount_scenarios/commitment_discount_purchase_scenario_2.csv",
        [plan_fee("1"), plan_fee("1"), plan_fee("1")],
        # Its periods end at "T30:00:00Z", a month after they begin: no such time, and no hour. Not compared.
    ),
    Case(
        "commitment_discount_scenarios/commitment_discount_usage_scenario_1.csv",
        [_USED, line("SavingsPlanNegation", "-2", PLAN, {"lineItem/ResourceId": "negation"})],
    ),
    Case(
        "commitment_discount_scenarios/commitment_discount_usage_scenario_2.csv",
        [plan_fee("0")],
        kept=frozenset({"Usage"}),
    ),
    Case(
        _FLEXIBLE.format("one_hundred_percent_utilization_with", "_with_1_resource"),
        [
            lease_fee("0.5", normalized="1"),
            leased("0.5", "1", hours="0.333", normalized="1"),
            on_demand("2", "0.667", RESOURCE[1]),
        ],
        # A small reservation covers a third of the large hour (1.00 normalized of 3): the rest of the hour is
        # 0.667 x 3.00 = 2.00, not 0.75 x 3.00 = 2.25; both rows say an hour was used, of one hour in all.
        slips={
            (1, "ConsumedQuantity"): "0.333",
            (2, "ConsumedQuantity"): "0.667",
            (2, "BilledCost"): "2.00",
            (2, "EffectiveCost"): "2.00",
        },
    ),
    Case(
        _FLEXIBLE.format("one_hundred_percent_utilization_without", ""),
        [lease_fee("1.5"), leased("1.5", "3")],
    ),
    Case(
        _FLEXIBLE.format("zero_percent_utilization_without", ""),
        [lease_fee("1.5", unused="1.5"), on_demand("2", "1", RESOURCE[2])],
        # What was lost ran on nothing: ConsumedQuantity MUST be null (ConsumedQuantity-C-004-C), and the row
        # is the commitment's (DiscountHandling-A-019-C), not the machine's that did not use it.
        slips={(1, "ConsumedQuantity"): None, (1, "ConsumedUnit"): None, (1, "ResourceId"): ID},
    ),
]


def example(case: Case) -> list[dict[str, str | None]]:
    text = (DATA / case.example).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(each for each in text.splitlines() if each.strip()))
    made: list[dict[str, str | None]] = [
        {name: None if cell in ("null", "") else cell for name, cell in row.items()} for row in rows
    ]
    for (at, name), right in case.slips.items():
        assert made[at][name] != right, "the example has no such slip"
        made[at][name] = right
    return made


def comparable(value: object) -> object:
    try:
        return Decimal(str(value)).normalize()
    except ArithmeticError:
        return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case.example).stem)
def test_aws_line_items_come_out_as_the_specification_says(tmp_path: Path, case: Case) -> None:
    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text(case.lines)))
    assert prepared.rejection is None, prepared.rejection
    frame = pl.read_parquet(prepared.bills[0].charges.paths)
    wanted = example(case)
    columns = [name for name in SHARED if name in wanted[0]]
    made = [
        tuple(comparable(row[name]) for name in columns)
        for row in frame.iter_rows(named=True)
        if row["ChargeCategory"] in case.kept and row["ResourceId"] != "negation"
    ]

    assert sorted(made, key=str) == sorted(
        (tuple(comparable(row[name]) for name in columns) for row in wanted), key=str
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case.example).stem)
def test_what_a_commitment_is_used_and_lost_for_is_what_it_was_bought_for(tmp_path: Path, case: Case) -> None:
    """EffectiveCost-C-012-C, over the examples that have both the fee and what became of it."""
    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text(case.lines)))
    frame = pl.read_parquet(prepared.bills[0].charges.paths).filter(pl.col("CommitmentDiscountId") == ID)
    bought = frame.filter(pl.col("ChargeCategory") == "Purchase")["BilledCost"].sum()
    used = frame.filter(pl.col("ChargeCategory") == "Usage")["EffectiveCost"].sum()

    if not case.example.startswith("commitment_discount_scenarios/") or case.lines == [plan_fee("0")]:
        assert bought == used != 0
    else:
        assert 0 in (bought, used)  # these have one side only
