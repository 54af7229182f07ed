"""The CUR mapping, rule by rule where money is at stake."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.adapters.polars_rules import raw_names
from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.providers.aws_cur import PROVIDER
from tests.fakes.cost_center_bills import CUR_ROW, Row, csv_text, write

ARN = "arn:aws:savingsplans::111111111111:savingsplan/1"
RI = "arn:aws:ec2:eu-west-1:111111111111:reserved-instances/1"


def curate(folder: Path, rows: Sequence[Row]) -> pl.DataFrame:
    """The charges of the rows, in the order of `identity/LineItemId`; the bill must reconcile."""
    work = folder / "work"
    work.mkdir()
    numbered = [{**row, "identity/LineItemId": str(at)} for at, row in enumerate(rows)]
    path = write(folder, "bill.csv", csv_text(numbered))
    prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(path, "bill.csv", "aws", work)
    assert prepared.rejection is None, prepared.rejection
    return pl.read_parquet(prepared.bills[0].charges.paths[0]).sort("x_LineItemId")


def charge(kind: str, cost: str, **more: str) -> dict[str, str]:
    return {**CUR_ROW, "lineItem/LineItemType": kind, "lineItem/UnblendedCost": cost, **more}


def costs(frame: pl.DataFrame, column: str) -> list[Decimal]:
    return frame[column].to_list()


def test_covered_usage_is_netted_by_its_negation(tmp_path: Path) -> None:
    covered = {"savingsPlan/SavingsPlanARN": ARN, "savingsPlan/SavingsPlanEffectiveCost": "0.7"}
    frame = curate(
        tmp_path,
        [
            charge("SavingsPlanCoveredUsage", "1.0", **covered),
            charge("SavingsPlanCoveredUsage", "2.0", **covered),
            charge("SavingsPlanNegation", "-3.0", **{"savingsPlan/SavingsPlanARN": ARN}),
            charge("Usage", "5"),
        ],
    )

    assert costs(frame, "BilledCost") == [Decimal(0), Decimal(0), Decimal(0), Decimal(5)]
    assert costs(frame, "EffectiveCost") == [Decimal("0.7"), Decimal("0.7"), Decimal(0), Decimal(5)]
    assert frame["CommitmentDiscountCategory"].to_list() == ["Spend", "Spend", "Spend", None]
    assert frame["PricingCategory"].to_list()[:2] == ["Committed", "Committed"]
    assert set(frame["CommitmentDiscountId"].to_list()) == {ARN, None}


def test_what_a_negation_leaves_over_is_on_one_row_and_the_sum_never_changes(tmp_path: Path) -> None:
    frame = curate(
        tmp_path,
        [
            charge("SavingsPlanCoveredUsage", "1.000000000000000001"),
            charge("SavingsPlanNegation", "-0.4"),
            charge("SavingsPlanNegation", "-0.5"),
            charge("SavingsPlanCoveredUsage", "7", **{"lineItem/ProductCode": "AWSLambda"}),
            charge("SavingsPlanNegation", "-9", **{"lineItem/UsageAccountId": "333333333333"}),
        ],
    )

    assert costs(frame, "BilledCost") == [
        Decimal(0),
        Decimal("0.100000000000000001"),
        Decimal(0),
        Decimal(7),  # nothing negates it in its account and service
        Decimal(-9),  # it negates nothing in its account and service
    ]


amounts = st.decimals(min_value=-1000, max_value=1000, places=18).map(lambda amount: format(amount, "f"))
kinds = st.sampled_from(["SavingsPlanCoveredUsage", "SavingsPlanNegation", "Usage"])
services = st.sampled_from(["AmazonEC2", "AWSLambda"])
invoices = st.sampled_from(["", "A"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(kinds, amounts, services, invoices), min_size=1, max_size=12))
def test_no_netting_changes_what_an_invoice_adds_up_to(rows: list[tuple[str, str, str, str]]) -> None:
    bill = [
        charge(kind, cost, **{"lineItem/ProductCode": service, "bill/InvoiceId": invoice})
        for kind, cost, service, invoice in rows
    ]
    with TemporaryDirectory() as folder:
        frame = curate(Path(folder), bill)  # which demands that every group reconciles

    netted = {(row[2], row[3]) for row in rows if row[0] == "SavingsPlanNegation"}
    for row in frame.iter_rows(named=True):
        if row["x_LineItemType"] == "SavingsPlanCoveredUsage":
            group = (row["x_ServiceCode"], row["InvoiceId"] or "")
            assert (row["BilledCost"] == 0) or group not in netted


def test_netting_stays_within_an_invoice(tmp_path: Path) -> None:
    frame = curate(
        tmp_path,
        [
            charge("SavingsPlanCoveredUsage", "1", **{"bill/InvoiceId": "A"}),
            charge("SavingsPlanNegation", "-1", **{"bill/InvoiceId": "B"}),
        ],
    )

    assert costs(frame, "BilledCost") == [Decimal(1), Decimal(-1)]


def test_net_cost_is_billed_where_it_is_present(tmp_path: Path) -> None:
    frame = curate(
        tmp_path,
        [
            charge("Usage", "1", **{"lineItem/NetUnblendedCost": "0.8"}),
            charge("Usage", "1"),
        ],
    )

    assert costs(frame, "BilledCost") == [Decimal("0.8"), Decimal(1)]
    assert costs(frame, "EffectiveCost") == [Decimal("0.8"), Decimal(1)]


@pytest.mark.parametrize(
    ("kind", "columns", "effective"),
    [
        (
            "SavingsPlanRecurringFee",
            {"savingsPlan/TotalCommitmentToDate": "10", "savingsPlan/UsedCommitment": "7.5"},
            "2.5",
        ),
        ("SavingsPlanUpfrontFee", {}, "0"),
        ("DiscountedUsage", {"reservation/EffectiveCost": "0.4", "reservation/ReservationARN": RI}, "0.4"),
        (
            "RIFee",
            {
                "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "1.25",
                "reservation/UnusedRecurringFee": "0.5",
                "reservation/ReservationARN": RI,
            },
            "1.75",
        ),
        ("Fee", {"reservation/ReservationARN": RI}, "0"),
        ("Fee", {}, "3"),
        ("Tax", {}, "3"),
        ("Credit", {}, "3"),
        ("Usage", {}, "3"),
    ],
)
def test_effective_cost_by_line_item_type(
    tmp_path: Path, kind: str, columns: dict[str, str], effective: str
) -> None:
    frame = curate(tmp_path, [charge(kind, "3", **columns)])

    assert sum(costs(frame, "EffectiveCost")) == Decimal(effective)


@pytest.mark.parametrize(
    ("kind", "category", "charge_class", "frequency"),
    [
        ("Usage", "Usage", None, "Usage-Based"),
        ("DiscountedUsage", "Usage", None, "Usage-Based"),
        ("SavingsPlanNegation", "Usage", None, "Usage-Based"),
        ("RIFee", "Purchase", None, "Recurring"),
        ("SavingsPlanRecurringFee", "Purchase", None, "Recurring"),
        ("Fee", "Purchase", None, "One-Time"),
        ("Tax", "Tax", None, "One-Time"),
        ("Credit", "Credit", None, "One-Time"),
        ("Refund", "Adjustment", "Correction", "One-Time"),
    ],
)
def test_charge_category_class_and_frequency(
    tmp_path: Path, kind: str, category: str, charge_class: str | None, frequency: str
) -> None:
    row = curate(tmp_path, [charge(kind, "1")]).row(0, named=True)

    assert (row["ChargeCategory"], row["ChargeClass"], row["ChargeFrequency"]) == (
        category,
        charge_class,
        frequency,
    )


def test_list_cost_is_on_demand_else_rate_times_usage_rounded_once_half_even(tmp_path: Path) -> None:
    without = {"pricing/publicOnDemandCost": ""}
    frame = curate(
        tmp_path,
        [
            charge("Usage", "1", **{"pricing/publicOnDemandCost": "4"}),
            charge(
                "Usage",
                "1",
                **without,
                **{"pricing/publicOnDemandRate": "0.000000000000000001", "lineItem/UsageAmount": "1.5"},
            ),
            charge(
                "Usage",
                "1",
                **without,
                **{"pricing/publicOnDemandRate": "123456789.123456789", "lineItem/UsageAmount": "9876543.21"},
            ),
            charge("Tax", "1", **without, **{"pricing/publicOnDemandRate": ""}),
        ],
    )

    assert costs(frame, "ListCost") == [
        Decimal(4),
        Decimal("0.000000000000000002"),
        Decimal("123456789.123456789") * Decimal("9876543.21"),
        Decimal(1),
    ]


def test_a_product_that_fits_nowhere_refuses_the_bill(tmp_path: Path) -> None:
    huge = {
        "pricing/publicOnDemandCost": "",
        "pricing/publicOnDemandRate": "99999999999",
        "lineItem/UsageAmount": "99999999999",
    }
    path = write(tmp_path, "bill.csv", csv_text([charge("Usage", "1", **huge)]))

    prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(path, "bill.csv", "aws", tmp_path)

    assert prepared.rejection is not None
    assert "does not fit decimal(38,18)" in prepared.rejection.findings[0].message


def test_a_netting_that_fits_nowhere_refuses_the_bill(tmp_path: Path) -> None:
    most = "99999999999999999999"
    kinds = {"SavingsPlanCoveredUsage": most, "SavingsPlanNegation": f"-{most}"}
    rows = [charge(kind, cost) for kind, cost in kinds.items() for _ in range(2)]
    path = write(tmp_path, "bill.csv", csv_text(rows))

    prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(path, "bill.csv", "aws", tmp_path)

    assert prepared.rejection is not None
    assert "amounts that a rule adds do not fit" in prepared.rejection.findings[0].message


def test_tags_and_cost_categories_are_maps_without_empty_entries(tmp_path: Path) -> None:
    frame = curate(
        tmp_path,
        [
            charge("Usage", "1", **{"resourceTags/aws:createdBy": "me", "costCategory/Team": "core"}),
            charge("Usage", "1", **{"resourceTags/user:env": ""}),
        ],
    )

    assert frame["Tags"].to_list() == [{"env": "prod", "aws:created_by": "me"}, None]
    assert frame["x_OriginalTags"].to_list() == [{"user:env": "prod", "aws:createdBy": "me"}, None]
    assert frame["x_CostCategories"].to_list() == [{"Team": "core"}, None]


def test_of_tags_that_fall_together_the_first_with_a_value_wins_and_none_is_lost(tmp_path: Path) -> None:
    frame = curate(
        tmp_path,
        [
            charge("Usage", "1", **{"resourceTags/user:Env": "dev", "resourceTags/user:Team": " a "}),
            charge("Usage", "1", **{"resourceTags/user:env": "", "resourceTags/user:Env": "dev"}),
            charge("Usage", "1", **{"resourceTags/user:env": "", "resourceTags/user:Team": "  "}),
        ],
    )

    assert frame["Tags"].to_list() == [{"env": "prod", "team": "a"}, {"env": "dev"}, None]
    assert frame["x_OriginalTags"].to_list() == [
        {"user:env": "prod", "user:Env": "dev", "user:Team": " a "},
        {"user:Env": "dev"},
        {"user:Team": "  "},
    ]


def test_services_have_a_category_and_unknown_ones_are_other(tmp_path: Path) -> None:
    frame = curate(
        tmp_path,
        [
            charge("Usage", "1", **{"lineItem/ProductCode": "AmazonS3"}),
            charge("Usage", "1", **{"lineItem/ProductCode": "3zx4marketplace", "product/ProductName": ""}),
        ],
    )

    assert frame["ServiceCategory"].to_list() == ["Storage", "Other"]
    assert frame["ServiceSubcategory"].to_list() == ["Other (Storage)", "Other (Other)"]
    assert frame["ServiceName"].to_list() == ["Amazon Elastic Compute Cloud", "3zx4marketplace"]


def test_the_raw_columns_that_the_cur_rules_read_are_athena_names() -> None:
    names = raw_names(PROVIDER.mapping)

    assert "line_item_unblended_cost" in names
    assert all(name == name.lower() for name in names)
    assert not {"netted", "tags", "service_category"} & set(names)
