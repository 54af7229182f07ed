"""The legacy report's columns: recognised, named, typed, demanded."""

from pathlib import Path

import polars as pl
import pytest

from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers.aws_cur import PROVIDER
from tests.fakes.cost_center_bills import CUR_ROW, csv_text, cur_rows, write
from tests.fakes.cost_center_reading import prepare, raw_frame, refusal


def test_both_header_styles_give_the_same_raw_columns(tmp_path: Path) -> None:
    rows = [{athena_name(name): text for name, text in row.items()} for row in cur_rows(2)]
    slashes = raw_frame(prepare(tmp_path, write(tmp_path, "a.csv", csv_text(cur_rows(2)))))
    (tmp_path / "more").mkdir()

    athena = prepare(tmp_path / "more", write(tmp_path, "b.csv", csv_text(rows)))

    assert raw_frame(athena).equals(slashes)
    charges = pl.read_parquet(athena.bills[0].charges.paths[0])
    assert charges["Tags"].to_list() == [{"env": "prod"}] * 2


def test_raw_columns_are_typed_as_athena_has_them_with_its_partitions(tmp_path: Path) -> None:
    frame = raw_frame(prepare(tmp_path, write(tmp_path, "a.csv", csv_text(cur_rows(1)))))

    assert frame.schema["line_item_unblended_cost"] == pl.Decimal(38, 18)
    assert frame.schema["line_item_usage_start_date"] == pl.Datetime("us")
    assert frame.schema["resource_tags_user_env"] == pl.String
    assert frame.select("year", "month", "billing_period", "source").row(0) == ("2026", "9", "2026-09", "aws")


def test_names_that_collide_are_suffixed_and_nothing_is_lost(tmp_path: Path) -> None:
    row = {**CUR_ROW, "resourceTags/user:Env": "dev", "month": "theirs"}

    frame = raw_frame(prepare(tmp_path, write(tmp_path, "a.csv", csv_text([row]))))

    assert frame["resource_tags_user_env"].to_list() == ["prod"]
    assert frame["resource_tags_user_env_2"].to_list() == ["dev"]
    assert (frame["month"][0], frame["month_2"][0]) == ("9", "theirs")


def test_every_missing_column_is_named(tmp_path: Path) -> None:
    gone = ("lineItem/UnblendedCost", "lineItem/CurrencyCode")
    rows = [{name: text for name, text in row.items() if name not in gone} for row in cur_rows(1)]

    rejection = refusal(tmp_path, csv_text(rows))

    assert [finding.column for finding in rejection.findings] == [athena_name(name) for name in gone]


@pytest.mark.parametrize("second", ["lineItem/UnblendedCost", "line_item_unblended_cost"])
def test_a_cost_that_is_there_twice_is_refused(tmp_path: Path, second: str) -> None:
    header, *rows = csv_text(cur_rows(2)).splitlines()
    twice = "\n".join([f"{header},{second}", *(f"{row},999" for row in rows)])

    [finding] = refusal(tmp_path, twice).findings

    assert (finding.column, finding.found) == (second, "2 columns")


def athena_header() -> list[str]:
    return [athena_name(header) for header in CUR_ROW]


@pytest.mark.parametrize(
    "column",
    [
        "product",
        "resource_tags",
        "cost_category",
        "discount",
        "bill_payer_account_name",
        "line_item_usage_account_name",
    ],
)
def test_one_column_of_cur_2_makes_a_header_another_reports(column: str) -> None:
    assert PROVIDER.kind(athena_header()) is not None
    assert PROVIDER.kind([*athena_header(), column]) is None


def test_tags_and_products_of_the_legacy_report_do_not_make_it_cur_2() -> None:
    more = ["resource_tags_user_env", "product_sku", "cost_category_team", "discount_edp_discount"]

    assert PROVIDER.kind([*athena_header(), *more]) is not None


def test_none_is_no_number_and_a_tags_value(tmp_path: Path) -> None:
    """koku-nise writes Python's None where AWS leaves a number out."""
    none = {"savingsPlan/SavingsPlanRate": "None", "lineItem/NetUnblendedCost": "None"}
    row = {**CUR_ROW, **none, "resourceTags/user:env": "None"}

    prepared = prepare(tmp_path, write(tmp_path, "a.csv", csv_text([row])))

    frame = raw_frame(prepared)
    assert frame["savings_plan_savings_plan_rate"].to_list() == [None]
    charges = pl.read_parquet(prepared.bills[0].charges.paths[0])
    assert charges["BilledCost"].to_list() == frame["line_item_unblended_cost"].to_list()
    assert charges["Tags"].to_list() == [{"env": "None"}]


def test_none_is_no_cost(tmp_path: Path) -> None:
    row = {**CUR_ROW, "lineItem/UnblendedCost": "None"}

    [finding] = refusal(tmp_path, csv_text([row])).findings

    assert (finding.row, finding.column, finding.message) == (
        1,
        "lineItem/UnblendedCost",
        "the cell is empty",
    )
