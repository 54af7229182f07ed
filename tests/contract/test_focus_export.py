"""Exports keep every MUST of FOCUS 1.2 that a dataset can break: by checks of our own, and by the
specification's requirement model where it is at hand."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infra.demo import demonstration
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.adapters.polars_export import PolarsExport
from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.exports import ExportFormat, Written
from tests.contract.focus_checks import basic
from tests.contract.focus_checks.dynamic import CHECKS
from tests.contract.focus_checks.model import SLIPS, Model, Report
from tests.contract.focus_checks.values import Dataset
from tests.e2e.samples import focus_bill
from tests.fakes.cost_center_bills import FOCUS_ROW, cur_rows, write
from tests.fakes.cost_center_bills import csv_text as text_of

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MODEL = DATA / "focus" / "focus_requirements_model_1.2.json"
REAL = (
    "cur/aws_legacy_cur_2023-11_even_rows.csv",
    "cur/nise_aws_2026-09.csv.gz",
    "focus/focus_1.0_sample_even_rows.csv",
)
OF_THE_BILL_ITSELF = {
    # A credit of the public sample that is amortised otherwise than billed: its sums are the provider's.
    "focus/focus_1.0_sample_even_rows.csv": {"EffectiveCost-C-010-C"},
}
_SP = {"savingsPlan/SavingsPlanARN": "arn:aws:savingsplans::1:savingsplan/s-1"}
_RI = {"reservation/ReservationARN": "arn:aws:ec2:eu-west-1:1:reserved-instances/r-1"}


def kinds_of_rows() -> list[dict[str, str]]:
    """One CUR row of each kind that AWS bills, with what is usually absent from it absent."""
    fee = {"lineItem/UsageAmount": "", "pricing/publicOnDemandCost": "", "pricing/publicOnDemandRate": ""}
    kinds: list[dict[str, str]] = [
        {"lineItem/LineItemType": "Usage"},
        {"lineItem/LineItemType": "Usage", "lineItem/UsageType": "EUW1-SpotUsage:m5.large"},
        {"lineItem/LineItemType": "Usage", "lineItem/UsageAmount": "0", "lineItem/UnblendedCost": "0"},
        {
            "lineItem/LineItemType": "SavingsPlanCoveredUsage",
            "lineItem/UnblendedCost": "0.192",
            "savingsPlan/SavingsPlanEffectiveCost": "0.11",
            **_SP,
        },
        {"lineItem/LineItemType": "SavingsPlanNegation", "lineItem/UnblendedCost": "-0.192", **_SP, **fee},
        {
            "lineItem/LineItemType": "SavingsPlanRecurringFee",
            "lineItem/UnblendedCost": "1",
            "savingsPlan/TotalCommitmentToDate": "1",
            "savingsPlan/UsedCommitment": "0.75",
            **_SP,
            **fee,
        },
        {"lineItem/LineItemType": "SavingsPlanUpfrontFee", "lineItem/UnblendedCost": "100", **_SP, **fee},
        {
            "lineItem/LineItemType": "DiscountedUsage",
            "reservation/EffectiveCost": "0.1",
            "lineItem/UnblendedCost": "0",
            **_RI,
        },
        {
            "lineItem/LineItemType": "RIFee",
            "reservation/UnusedRecurringFee": "3.5",
            "lineItem/UnblendedCost": "10",
            "lineItem/UsageAmount": "720",
            "pricing/publicOnDemandCost": "",
            "pricing/publicOnDemandRate": "",
            **_RI,
        },
        {"lineItem/LineItemType": "Fee", "lineItem/UnblendedCost": "200", **_RI, **fee},
        {"lineItem/LineItemType": "Fee", "lineItem/UnblendedCost": "29", "product/sku": "", **fee},
        {"lineItem/LineItemType": "Tax", "lineItem/UnblendedCost": "3.1", "lineItem/ResourceId": "", **fee},
        {"lineItem/LineItemType": "Credit", "lineItem/UnblendedCost": "-5", **fee},
        {"lineItem/LineItemType": "Refund", "lineItem/UnblendedCost": "-0.4"},
        {"lineItem/LineItemType": "EdpDiscount", "lineItem/UnblendedCost": "-0.2", **fee},
        {"lineItem/LineItemType": "BundledDiscount", "lineItem/UnblendedCost": "-0.1"},
    ]
    return [row for kind in kinds for row in cur_rows(1, **kind)]


def exported(path: Path, folder: Path, format: ExportFormat = ExportFormat.CSV) -> tuple[Path, Written]:
    """The bill, prepared as the ingester does, as the export of it."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    delivered = work / "delivered"
    shutil.copy(path, delivered)
    prepared = Prepare(files=LocalFiles(), converter=PolarsConverter(), totals=PlainReader())(
        delivered, path.name, "src", work
    )
    assert prepared.rejection is None, prepared.rejection
    sources = [each for bill in prepared.bills for each in bill.charges.paths]
    target = folder / f"focus.{format.value}"
    return target, PolarsExport().write(sources, target, format)


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("kinds")
    target, _ = exported(write(folder, "bill.csv", text_of(kinds_of_rows())), folder)
    return Dataset.of(target)


@pytest.fixture(scope="module")
def model() -> Model:
    if not MODEL.is_file():
        pytest.skip("the requirement model (../shared/data/focus) is not beside this clone")
    return Model(json.loads(MODEL.read_text()), CHECKS)


def test_every_kind_of_row_passes_our_own_checks(every_kind: Dataset) -> None:
    assert list(basic.failures(every_kind)) == []


def test_small_bills_pass_our_own_checks(tmp_path: Path) -> None:
    bill = focus_bill(tmp_path, ["1.25", "0.000000000000000001", "-3", "0"])
    target, written = exported(bill, tmp_path)
    assert list(basic.failures(Dataset.of(target))) == []
    assert written.totals[0].billed_cost == Decimal("-1.749999999999999999")


def test_a_bare_focus_bill_passes_our_own_checks(tmp_path: Path) -> None:
    rows = [{**FOCUS_ROW, "ChargeCategory": kind} for kind in sorted(basic.ALLOWED["ChargeCategory"])]
    target, _ = exported(write(tmp_path, "bill.csv", text_of(rows)), tmp_path)
    assert list(basic.failures(Dataset.of(target))) == []


def test_every_kind_of_row_passes_the_model(model: Model, every_kind: Dataset) -> None:
    report = model.run(every_kind)
    assert report.failures == {}
    says_how_much_was_run(report)


def says_how_much_was_run(report: Report) -> None:
    assert len(report.executed) + len(report.skipped) == 539
    assert len(report.executed) >= 437
    assert set(report.skipped.values()) == {"its text is about what the data cannot show"}


@pytest.mark.parametrize("name", REAL)
def test_real_bills_pass_the_model(model: Model, name: str, tmp_path: Path) -> None:
    target, _ = exported(DATA / name, tmp_path)
    report = model.run(Dataset.of(target))
    known = OF_THE_BILL_ITSELF.get(name, set())
    assert {rule: found for rule, found in report.failures.items() if rule not in known} == {}
    assert known <= report.failures.keys()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The demonstration's bill: commitments with unused parts, fees, credits, refunds, tax."""
    folder = tmp_path_factory.mktemp("generated")
    target, written = exported(demonstration.write(folder).files[0], folder)
    assert written.rows > written.source_rows
    return Dataset.of(target)


def test_a_generated_bill_passes_our_own_checks(generated: Dataset) -> None:
    assert list(basic.failures(generated)) == []


def test_a_generated_bill_passes_the_model(model: Model, generated: Dataset) -> None:
    assert model.run(generated).failures == {}


def test_corrections_of_the_model_are_for_rules_that_it_has(model: Model) -> None:
    rules = json.loads(MODEL.read_text())["ModelRules"]
    assert SLIPS.keys() | CHECKS.keys() <= rules.keys()
    for name, (why, changes) in SLIPS.items():
        assert why
        assert all(rules[name]["ValidationCriteria"][part] != made for part, made in changes.items()), name


MUTATIONS: list[tuple[str, dict[str, str | None], str]] = [
    # a row of this category, its cells, and the rule that it breaks
    ("Usage", {"ChargeCategory": "Usages"}, "ChargeCategory-C-003-M"),
    ("Usage", {"ChargeCategory": None}, "ChargeCategory-C-002-M"),
    ("Usage", {"BillingAccountId": None}, "BillingAccountId-C-001-M"),
    ("Usage", {"BillingCurrency": "usd"}, "BillingCurrency-C-006-M"),
    ("Usage", {"BilledCost": "1,5"}, "BilledCost-C-002-M"),
    ("Usage", {"BilledCost": "+1"}, "NumericFormat-A-010-M"),
    ("Usage", {"ChargePeriodStart": "2026-09-01 00:00:00"}, "ChargePeriodStart-C-002-M"),
    ("Usage", {"ChargePeriodEnd": None}, "ChargePeriodEnd-C-003-M"),
    ("Usage", {"ListUnitPrice": "-1"}, "ListUnitPrice-C-008-M"),
    ("Usage", {"ListUnitPrice": None}, "ListUnitPrice-C-005-C"),
    ("Usage", {"PricingQuantity": "1234567"}, "ListCost-C-009-C"),
    ("Usage", {"ContractedUnitPrice": "77"}, "ContractedUnitPrice-C-011-C"),
    ("Usage", {"ConsumedQuantity": None}, "ConsumedQuantity-C-006-C"),
    ("Usage", {"ConsumedUnit": None}, "ConsumedUnit-C-006-C"),
    ("Usage", {"SkuPriceId": None}, "SkuPriceId-C-005-C"),
    ("Usage", {"SkuId": "another"}, "SkuPriceId-C-008-M"),
    ("Usage", {"ServiceCategory": "Cloud"}, "ServiceCategory-C-003-M"),
    ("Usage", {"ServiceSubcategory": "Bots"}, "ServiceSubcategory-C-004-M"),
    ("Usage", {"ServiceSubcategory": None}, "ServiceSubcategory-C-002-M"),
    ("Usage", {"SubAccountName": None}, "SubAccountName-C-005-C"),
    ("Usage", {"SubAccountId": None}, "SubAccountType-C-004-C"),
    ("Usage", {"RegionName": None}, "RegionName-C-005-C"),
    ("Usage", {"ResourceType": None}, "ResourceType-C-005-C"),
    ("Usage", {"ResourceId": None, "ResourceName": "x"}, "ResourceName-C-004-C"),
    ("Usage", {"Tags": '{"a":["b"]}'}, "Tags-C-001-M"),
    ("Usage", {"Tags": '{"a":"b","a":"c"}'}, "KeyValueFormat-A-002-M"),
    ("Usage", {"PricingCategory": "Spot"}, "PricingCategory-C-007-M"),
    ("Usage", {"InvoiceIssuerName": "Somebody"}, "BilledCost-C-005-C"),
    (
        "Usage",
        {"CommitmentDiscountStatus": "Used", "CommitmentDiscountId": None},
        "CommitmentDiscountStatus-C-003-C",
    ),
    ("Usage", {"CapacityReservationId": "cr-1"}, "CapacityReservationStatus-C-004-C"),
    ("Purchase", {"EffectiveCost": "1"}, "EffectiveCost-C-005-C"),
    ("Purchase", {"ChargeFrequency": "Usage-Based"}, "ChargeFrequency-C-004-C"),
    ("Purchase", {"CommitmentDiscountCategory": None}, "CommitmentDiscountCategory-C-004-C"),
    ("Purchase", {"CommitmentDiscountQuantity": None}, "CommitmentDiscountQuantity-C-005-C"),
    ("Tax", {"PricingQuantity": "1"}, "PricingQuantity-C-004-C"),
    ("Tax", {"SkuId": "sku"}, "SkuId-C-004-C"),
    ("Credit", {"EffectiveCost": "-77"}, "EffectiveCost-C-010-C"),
    ("Credit", {"ConsumedQuantity": "1"}, "ConsumedQuantity-C-004-C"),
]


@pytest.mark.parametrize(("category", "cells", "rule"), MUTATIONS, ids=[each[2] for each in MUTATIONS])
def test_the_model_finds_what_is_spoilt(
    model: Model, every_kind: Dataset, category: str, cells: dict[str, str | None], rule: str
) -> None:
    chosen = [
        at
        for at, row in enumerate(every_kind.rows)
        if row["ChargeCategory"] == category
        and row["BilledCost"] != "0"
        and (category != "Purchase" or row["CommitmentDiscountId"])
    ]
    assert rule in model.run(every_kind.changed(chosen[0], **cells)).failures


@pytest.mark.parametrize("column", ["BilledCost", "Tags", "SkuMeter", "InvoiceIssuerName"])
def test_both_find_a_column_that_is_missing(model: Model, every_kind: Dataset, column: str) -> None:
    spoilt = every_kind.without(column)
    assert any("there is no column" in found[0] for found in model.run(spoilt).failures.values())
    assert list(basic.failures(spoilt))


@pytest.mark.parametrize(
    "cells",
    [
        {"ChargeCategory": "Usages"},
        {"BillingAccountId": None},
        {"BilledCost": "1E2"},
        {"BilledCost": "1.50"},
        {"ChargePeriodStart": "2026-09-01"},
        {"SubAccountName": None},
        {"ListUnitPrice": "-1"},
        {"PricingQuantity": "99"},
        {"ChargeCategory": "Tax"},
        {"ChargeCategory": "Purchase"},
        {"Tags": "x"},
        {"InvoiceIssuerName": "Somebody"},
        {"CommitmentDiscountId": "sp"},
    ],
)
def test_our_own_checks_find_what_is_spoilt(every_kind: Dataset, cells: dict[str, Any]) -> None:
    assert list(basic.failures(every_kind.changed(0, **cells)))


def test_no_sum_changes_on_the_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "prepared"
    folder.mkdir()
    bill = write(tmp_path, "bill.csv", text_of(kinds_of_rows()))
    target, written = exported(bill, folder, ExportFormat.PARQUET)
    charges = pl.read_parquet(next((folder / "work").glob("charges-*.parquet")))
    out = pl.read_parquet(target)
    (total,) = written.totals
    for column, said in (
        ("BilledCost", total.billed_cost),
        ("EffectiveCost", total.effective_cost),
        ("ListCost", total.list_cost),
        ("ContractedCost", total.contracted_cost),
    ):
        assert charges[column].sum() == out[column].sum() == said, column
    assert (written.source_rows, written.rows) == (charges.height, out.height)
    bought = charges.filter((pl.col("ChargeCategory") == "Purchase") & (pl.col("EffectiveCost") != 0))
    assert out.height == charges.height + bought.height
    unused = out.filter(pl.col("CommitmentDiscountStatus") == "Unused")
    assert sorted(unused["EffectiveCost"]) == [Decimal("0.25"), Decimal("3.5")]


def test_parquet_has_the_types_of_the_specification(tmp_path: Path) -> None:
    target, _ = exported(
        write(tmp_path, "bill.csv", text_of(kinds_of_rows())), tmp_path, ExportFormat.PARQUET
    )
    schema = pl.read_parquet_schema(target)
    assert list(schema)[: len(basic.COLUMNS)] == basic.COLUMNS
    for name, kind in schema.items():
        if name.endswith(("Cost", "UnitPrice", "Quantity")):
            assert kind == pl.Decimal(38, 18), name
        elif name.endswith(("PeriodStart", "PeriodEnd")):
            assert kind == pl.Datetime("us", "UTC"), name
        else:
            assert kind == pl.String, name
