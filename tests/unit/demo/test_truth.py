"""What a bill must hold, read from its legacy CUR by csv and Decimal; and the answer key against the file."""

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.demo.generate import Written
from tests.fakes.demo_bills import Row, rows, sums, written

COST, KIND, ACCOUNT = "lineItem/UnblendedCost", "lineItem/LineItemType", "lineItem/UsageAccountId"
PRODUCT, PERIOD = "lineItem/ProductCode", "bill/BillingPeriodStartDate"
PLAN, LEASE = "savingsPlan/SavingsPlanARN", "reservation/ReservationARN"
COVERED, NEGATION = "SavingsPlanCoveredUsage", "SavingsPlanNegation"


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("bill"), single=True, rows=12_000)


@pytest.fixture(scope="module")
def lines(bill: Written) -> list[Row]:
    return rows(bill.files)


def of(lines: list[Row], *kinds: str) -> list[Row]:
    return [row for row in lines if row[KIND] in kinds]


def number(row: Row, column: str) -> Decimal:
    return Decimal(row[column] or 0)


def test_it_has_every_kind_of_line(lines: list[Row]) -> None:
    assert {row[KIND] for row in lines} == {
        "Usage",
        "DiscountedUsage",
        COVERED,
        NEGATION,
        "SavingsPlanRecurringFee",
        "SavingsPlanUpfrontFee",
        "RIFee",
        "Fee",
        "Credit",
        "Refund",
        "Tax",
    }
    assert {row["bill/BillingEntity"] for row in lines} == {"AWS", "AWS Marketplace"}
    assert any("SpotUsage" in row["lineItem/UsageType"] for row in lines)
    assert any("DataTransfer" in row["lineItem/UsageType"] for row in lines)
    assert len({row["product/region"] for row in lines}) == 3  # and none
    assert all(number(row, COST) < 0 for row in of(lines, "Credit", "Refund"))


def test_a_negation_takes_back_what_covered_usage_costs(lines: list[Row]) -> None:
    def key(row: Row) -> str:
        return "/".join(
            (row[PLAN], row[ACCOUNT], row[PRODUCT], row["product/region"], row["lineItem/UsageStartDate"])
        )

    covered, negated = (sums(of(lines, kind), key, COST) for kind in (COVERED, NEGATION))

    assert covered == {name: -cost for name, cost in negated.items()}
    assert min(covered.values()) > 0


def test_a_savings_plan_is_used_as_its_fee_says_and_some_of_it_is_not(lines: list[Row]) -> None:
    def day(row: Row) -> str:
        return f"{row[PLAN]}/{row['lineItem/UsageStartDate']}"

    fees = of(lines, "SavingsPlanRecurringFee")
    used = sums(of(lines, COVERED), day, "savingsPlan/SavingsPlanEffectiveCost")

    assert {
        name: said for name, said in sums(fees, day, "savingsPlan/UsedCommitment").items() if said
    } == used
    for fee in fees:
        total = number(fee, "savingsPlan/TotalCommitmentToDate")
        assert total > number(fee, "savingsPlan/UsedCommitment")
        parts = ("Recurring", "AmortizedUpfront")
        assert total == sum(number(fee, f"savingsPlan/{part}CommitmentForBillingPeriod") for part in parts)
        assert number(fee, COST) == number(fee, "savingsPlan/RecurringCommitmentForBillingPeriod")


def test_a_reservation_is_used_or_unused_to_the_last_cent(lines: list[Row]) -> None:
    def month(row: Row) -> str:
        return f"{row[LEASE]}/{row[PERIOD]}"

    used = of(lines, "DiscountedUsage")
    fees = of(lines, "RIFee")
    recurring, upfront = (
        sums(used, month, f"reservation/{name}ForUsage") for name in ("RecurringFee", "AmortizedUpfrontCost")
    )

    assert fees
    assert all(number(row, COST) == 0 for row in used)
    assert any(number(fee, "reservation/UnusedQuantity") > 0 for fee in fees)
    for fee in fees:
        assert recurring[month(fee)] + number(fee, "reservation/UnusedRecurringFee") == number(fee, COST)
        unused = number(fee, "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod")
        paid = number(fee, "reservation/AmortizedUpfrontFeeForBillingPeriod")
        assert upfront[month(fee)] + unused == paid
    assert any(row[LEASE] for row in of(lines, "Fee"))


def test_usage_costs_its_rate_times_its_amount_exactly(lines: list[Row]) -> None:
    for row in of(lines, "Usage", COVERED):
        assert number(row, "lineItem/UnblendedRate") * number(row, "lineItem/UsageAmount") == number(
            row, COST
        ), row
    for row in of(lines, "Usage", COVERED, "DiscountedUsage"):
        listed = number(row, "pricing/publicOnDemandRate") * number(row, "lineItem/UsageAmount")
        assert listed == number(row, "pricing/publicOnDemandCost")


def test_tax_is_a_share_of_what_each_service_charged_an_account(lines: list[Row]) -> None:
    def key(row: Row) -> str:
        return f"{row[PERIOD]}/{row[ACCOUNT]}/{row[PRODUCT]}"

    charged = sums([row for row in lines if row[KIND] not in ("Tax", "Credit", "Refund")], key, COST)
    taxes = {name: cents(cost * Decimal("0.0825")) for name, cost in charged.items()}

    assert sums(of(lines, "Tax"), key, COST) == {name: tax for name, tax in taxes.items() if tax}


def test_support_is_a_tenth_of_the_months_usage(lines: list[Row]) -> None:
    used = [row for row in of(lines, "Usage", COVERED) if row["bill/BillingEntity"] == "AWS"]
    support = [row for row in lines if row[PRODUCT] == "AWSSupportBusiness" and row[KIND] == "Fee"]

    by_month = sums(used, lambda row: row[PERIOD], COST)
    assert sums(support, lambda row: row[PERIOD], COST) == {
        period: cents(cost / 10) for period, cost in by_month.items()
    }


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def test_tags_are_right_missing_misspelt_and_under_another_key(lines: list[Row]) -> None:
    of_resources = [row for row in lines if row["lineItem/ResourceId"]]
    environments = {row["resourceTags/user:env"] for row in of_resources}

    assert {"", "prod"} < environments
    assert environments & {"Prod", "prd", "production", "stage", "Staging", "Dev", "develop"}
    assert any(row["resourceTags/user:Environment"] for row in of_resources)
    assert not any(row["resourceTags/user:Name"] for row in lines if not row["lineItem/ResourceId"])


def test_weekends_are_quieter_and_the_bill_grows(tmp_path: Path) -> None:
    found = rows(written(tmp_path, single=True, rows=12_000, months=3).files)
    requests = [row for row in of(found, "Usage") if row["lineItem/UsageType"].endswith("Requests-Tier2")]
    days = sums(requests, lambda row: row["lineItem/UsageStartDate"][:10], "lineItem/UsageAmount")

    assert days["2026-08-08"] < days["2026-08-07"] * Decimal("0.9")  # a Saturday after its Friday
    assert days["2026-10-26"] > days["2026-08-03"] * Decimal("1.02")  # Mondays, twelve weeks apart


def test_the_key_is_what_the_file_adds_up_to(bill: Written, lines: list[Row]) -> None:
    totals = bill.answers["totals"]
    by: dict[str, Any] = {
        "by_period": lambda row: row[PERIOD][:7],
        "by_account": lambda row: row[ACCOUNT],
        "by_service": lambda row: row[PRODUCT],
        "by_region": lambda row: row["product/region"],
        "by_invoice": lambda row: row["bill/InvoiceId"],
        "by_period_and_account": lambda row: f"{row[PERIOD][:7]}/{row[ACCOUNT]}",
        "by_period_and_service": lambda row: f"{row[PERIOD][:7]}/{row[PRODUCT]}",
    }
    for name, key in by.items():
        assert billed(totals[name]) == sums(lines, key, COST), name
    assert Decimal(totals["total"]["billed"]) == sum(number(row, COST) for row in lines)
    # Negations have no tags, so by tag the two sides of a plan are left out.
    own = [row for row in lines if row[KIND] not in (COVERED, NEGATION)]
    for tag, said in totals["by_tag"].items():
        found = sums(own, lambda row, tag=tag: row[f"resourceTags/user:{tag}"], COST)  # type: ignore[misc]
        assert {name: cost for name, cost in billed(said).items() if cost} == {
            name: cost for name, cost in found.items() if cost
        }
    kinds = bill.answers["unblended_by_line_item_type"]
    assert {kind: Decimal(cost) for kind, cost in kinds.items()} == sums(lines, lambda row: row[KIND], COST)
    assert sum(bill.answers["rows"].values()) == bill.rows == len(lines)


def billed(said: dict[str, dict[str, str]]) -> dict[str, Decimal]:
    return {name: Decimal(each["billed"]) for name, each in said.items()}


def test_the_key_amortises_as_the_columns_of_the_report_do(bill: Written, lines: list[Row]) -> None:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in lines:
        found[row[PRODUCT]] += effective(row)

    said = bill.answers["totals"]["by_service"]
    assert {name: Decimal(each["effective"]) for name, each in said.items()} == found


def effective(row: Row) -> Decimal:
    """Of the guide to savings plans and reservations in reports."""
    match row[KIND]:
        case "SavingsPlanCoveredUsage":
            return number(row, "savingsPlan/SavingsPlanEffectiveCost")
        case "SavingsPlanRecurringFee":
            return number(row, "savingsPlan/TotalCommitmentToDate") - number(
                row, "savingsPlan/UsedCommitment"
            )
        case "SavingsPlanNegation" | "SavingsPlanUpfrontFee":
            return Decimal(0)
        case "DiscountedUsage":
            return number(row, "reservation/EffectiveCost")
        case "RIFee":
            upfront = number(row, "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod")
            return upfront + number(row, "reservation/UnusedRecurringFee")
        case "Fee" if row[LEASE]:
            return Decimal(0)
        case _:
            return number(row, COST)


def test_each_anomaly_is_in_the_file_where_and_when_the_key_says(bill: Written, lines: list[Row]) -> None:
    anomalies = bill.answers["anomalies"]

    assert {each["kind"] for each in anomalies} == {"request_storm", "log_flood", "runaway_instances"}
    for each in anomalies:
        days = sums(
            [
                row
                for row in lines
                if (row[ACCOUNT], row[PRODUCT], row["product/region"], row["lineItem/UsageType"])
                == (each["account"], each["service"], each["region"], each["usage_type"])
            ],
            lambda row: row["lineItem/UsageStartDate"][:10],
            COST,
        )
        hit = [cost for day, cost in days.items() if each["first_day"] <= day <= each["last_day"]]
        usual = [cost for day, cost in days.items() if day < each["first_day"]]
        normal = max(usual, default=Decimal(0))
        extra = Decimal(each["expected_extra_cost"])
        assert extra > 50
        assert min(hit) > 3 * normal
        # What it added is what those days cost, less what a usual day can cost.
        assert sum(hit) - normal * len(hit) <= extra < sum(hit) or extra == sum(hit)


def test_each_wasted_resource_is_in_the_file_at_its_cost(bill: Written, lines: list[Row]) -> None:
    waste = bill.answers["waste"]
    found = sums(lines, lambda row: f"{row['lineItem/ResourceId']}/{row[PERIOD][:7]}", COST)

    assert {each["kind"] for each in waste} >= {
        "unattached_ebs_volume",
        "idle_elastic_ip",
        "idle_load_balancer",
        "old_ebs_snapshot",
        "gp2_volume",
        "idle_nat_gateway",
        "idle_rds_instance",
    }
    for each in waste:
        for period, cost in each["costs"].items():
            assert found[f"{each['resource_id']}/{period}"] == Decimal(cost) > 0
        assert each["monthly_cost"] == each["costs"][max(each["costs"])]
        whole = Decimal(each["monthly_cost"])
        assert Decimal(each["monthly_saving"]) == (whole / 5 if each["kind"] == "gp2_volume" else whole)


def test_an_enterprise_discount_is_in_each_line_and_in_lines_of_its_own(tmp_path: Path) -> None:
    bill = written(tmp_path, single=True, edp_basis_points=900)
    lines = rows(bill.files)
    net = "lineItem/NetUnblendedCost"

    assert sum(number(row, COST) for row in lines) == sum(number(row, net) for row in lines)
    assert Decimal(bill.answers["totals"]["total"]["billed"]) == sum(number(row, net) for row in lines)
    for row in of(lines, "Usage", COVERED, "RIFee", "SavingsPlanRecurringFee"):
        if row["bill/BillingEntity"] == "AWS":
            assert abs(number(row, COST) * Decimal("0.91") - number(row, net)) <= Decimal("1e-10")
    assert all(number(row, net) == number(row, COST) for row in of(lines, "Tax", "Credit", "Refund"))
    assert all(number(row, net) == 0 > number(row, COST) for row in of(lines, "EdpDiscount"))
    covered, negated = (sum(number(row, net) for row in of(lines, kind)) for kind in (COVERED, NEGATION))
    assert covered == -negated != 0
