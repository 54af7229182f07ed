"""FOCUS exports: recognised with their version, typed, demanded."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from services.cost_center.domain.providers.focus import PROVIDER
from services.cost_center.events import Finding
from tests.fakes.cost_center_bills import FOCUS_ROW, csv_text, write
from tests.fakes.cost_center_reading import prepare, raw_frame, refusal


def test_focus_is_typed_null_texts_are_nulls_and_id_is_the_service_id(tmp_path: Path) -> None:
    row = {**FOCUS_ROW, "ResourceId": "NULL", "ContractedCost": "NULL", "Id": "42", "x_Team": "a"}

    prepared = prepare(tmp_path, write(tmp_path, "focus.csv", csv_text([row])), source="focus")

    assert prepared.format == "focus-1.0-csv"
    raw = raw_frame(prepared)
    assert raw["ResourceId"].to_list() == [None]
    assert (raw["Id"][0], raw["x_Team"][0], raw["Tags"][0]) == ("42", "a", '{"env": "prod"}')
    charges = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert charges["x_ServiceCode"].to_list() == ["42"]
    assert charges["Tags"].to_list() == [{"env": "prod"}]
    # FOCUS forbids a null here: the raw table keeps what was delivered.
    assert (raw["ContractedCost"].to_list(), charges["ContractedCost"].to_list()) == ([None], [Decimal(0)])
    assert charges["EffectiveCost"].to_list() == [Decimal("1.25")]


@pytest.mark.parametrize(
    ("extra", "version"),
    [
        ({}, "1.0"),
        ({"SkuMeter": "x"}, "1.1"),
        ({"InvoiceId": "1"}, "1.2"),
        ({"ServiceProviderName": "AWS"}, "1.3"),
        ({"AllocatedTags": "{}", "InvoiceId": "1", "SkuMeter": "x"}, "1.3"),
    ],
)
def test_the_version_of_focus_is_told_by_its_columns(
    tmp_path: Path, extra: dict[str, str], version: str
) -> None:
    prepared = prepare(tmp_path, write(tmp_path, "focus.csv", csv_text([{**FOCUS_ROW, **extra}])))

    assert prepared.format == f"focus-{version}-csv"


def test_missing_columns_of_focus_are_named(tmp_path: Path) -> None:
    row = {name: text for name, text in FOCUS_ROW.items() if name != "BilledCost"}

    assert refusal(tmp_path, csv_text([row])).findings[0].column == "BilledCost"


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("code", ["XXX1", "eur", "EUR\n", "\u20ac"])
def test_a_billing_currency_is_three_upper_case_letters(tmp_path: Path, form: str, code: str) -> None:
    rows = [FOCUS_ROW, {**FOCUS_ROW, "BillingCurrency": "EUR"}, {**FOCUS_ROW, "BillingCurrency": code}]
    path = tmp_path / f"focus.{form}"
    if form == "csv":
        path.write_text(csv_text(rows), newline="")
    else:
        pl.DataFrame(rows).write_parquet(path)

    rejection = prepare(tmp_path, path).rejection

    assert rejection is not None
    assert rejection.findings == [
        Finding(
            file=path.name,
            row=3,
            column="BillingCurrency",
            expected="an ISO 4217 code, as USD: three upper-case letters",
            found=code,
            message="the cell is no currency code",
        )
    ]


def test_only_the_currency_of_prices_may_be_a_virtual_one(tmp_path: Path) -> None:
    row = {**FOCUS_ROW, "PricingCurrency": "Credits"}

    raw = raw_frame(prepare(tmp_path, write(tmp_path, "focus.csv", csv_text([row]))))

    assert raw["PricingCurrency"].to_list() == ["Credits"]


def test_bad_tags_are_named(tmp_path: Path) -> None:
    rejection = refusal(tmp_path, csv_text([FOCUS_ROW, {**FOCUS_ROW, "Tags": "env=prod"}]))

    assert rejection.findings == [
        Finding(
            file="bill.csv",
            row=2,
            column="Tags",
            expected="a JSON object of tags",
            found="env=prod",
            message="the cell cannot be read",
        )
    ]


def test_a_tag_with_a_nul_is_named(tmp_path: Path) -> None:
    bad = {**FOCUS_ROW, "Tags": '{"env": "a\\u0000"}'}

    [finding] = refusal(tmp_path, csv_text([FOCUS_ROW, bad])).findings

    assert (finding.row, finding.column) == (2, "Tags")


def test_the_costs_of_azures_own_export_are_not_focus() -> None:
    azure = ["BillingAccountId", "BillingPeriodStartDate", "CostInBillingCurrency", "PublisherName", "Tags"]

    assert PROVIDER.kind(azure) is None
