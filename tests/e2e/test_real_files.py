"""The public sample bills go through S3 and the whole event path, and come back exact.

They are compared with `answers.json`, whose sums an independent program took from the text of the files.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform

LEGACY_CUR = "cur/aws_legacy_cur_2023-11_even_rows.csv"
NISE_CUR = "cur/nise_aws_2026-09.csv.gz"
FOCUS = "focus/focus_1.0_sample_even_rows.csv"

# answers.json names the raw column; charges carries the same value under these names.
CHARGES = {
    "lineItem/LineItemType": "x_LineItemType",
    "lineItem/ProductCode": "x_ServiceCode",
    "lineItem/UsageAccountId": "SubAccountId",
    "product/sku": "SkuId",
    "lineItem/UnblendedCost": "BilledCost",
}


@pytest.fixture(scope="module")
def acme(platform: Platform, data: Path) -> str:
    name = "real-files"
    assert platform.onyx("tenant", "create", name).returncode == 0
    return name


@pytest.fixture(scope="module")
def ingested(platform: Platform, data: Path, acme: str) -> dict[str, list[dict[str, Any]]]:
    return {
        file: platform.rows("ingest", str(data / file), "--tenant", acme, "--source", source)
        for file, source in ((LEGACY_CUR, "legacy"), (NISE_CUR, "nise"), (FOCUS, "focus-sample"))
    }


@pytest.fixture(scope="module")
def answers(data: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((data / "answers.json").read_text())
    return read


@pytest.mark.parametrize(
    ("file", "format_id", "measure", "periods"),
    [
        (LEGACY_CUR, "aws-cur-csv", "lineItem/UnblendedCost", {"2023-11"}),
        (NISE_CUR, "aws-cur-csv-gz", "lineItem/UnblendedCost", {"2026-09"}),
        # One file of several months is a delivery for as many bills.
        (FOCUS, "focus-1.0-csv", "BilledCost", {"2024-09", "2024-10"}),
    ],
)
def test_every_bill_reconciles_with_the_known_total(
    ingested: dict[str, list[dict[str, Any]]],
    answers: dict[str, Any],
    file: str,
    format_id: str,
    measure: str,
    periods: set[str],
) -> None:
    bills = ingested[file]
    known = answers[f"data/{file}"]
    assert {bill["billing_period"] for bill in bills} == periods
    assert {(bill["status"], bill["format"]) for bill in bills} == {("ingested", format_id)}
    assert sum(bill["rows"] for bill in bills) == known["rows"]
    totals = [total for bill in bills for total in bill["totals"]]
    assert {total["currency"] for total in totals} == {"USD"}
    assert sum(Decimal(total["raw_total"]) for total in totals) == Decimal(known[measure]["total"])
    assert all(total["raw_total"] == total["curated_total"] for total in totals)
    assert {total["difference"] for total in totals} == {"0"}


def dimensions(answers: dict[str, Any], file: str) -> list[tuple[str, str, dict[str, str]]]:
    return [
        (measure, name.removeprefix("by "), values)
        for measure, groups in answers[f"data/{file}"].items()
        if isinstance(groups, dict) and not measure.startswith("by ")
        for name, values in groups.items()
        if name.startswith("by ")
    ]


@pytest.mark.parametrize(
    ("file", "source"), [(LEGACY_CUR, "legacy"), (NISE_CUR, "nise"), (FOCUS, "focus-sample")]
)
def test_totals_by_every_dimension_are_exact_in_charges(
    platform: Platform,
    acme: str,
    ingested: dict[str, list[dict[str, Any]]],
    answers: dict[str, Any],
    file: str,
    source: str,
) -> None:
    assert ingested[file]
    token = platform.token(acme)
    checked = 0
    for measure, dimension, known in dimensions(answers, file):
        column, total = CHARGES.get(dimension, dimension), CHARGES.get(measure, measure)
        rows = platform.query(
            f"SELECT {column} AS k, sum({total}) AS v FROM charges WHERE x_Source = '{source}' GROUP BY 1",
            token,
        )
        assert {row["k"] or "": row["v"] for row in rows} == known, (file, dimension, measure)
        checked += 1
    assert checked >= 3


def test_raw_tables_answer_athena_queries_over_cur(
    platform: Platform, acme: str, ingested: dict[str, list[dict[str, Any]]], answers: dict[str, Any]
) -> None:
    assert ingested[NISE_CUR]
    rows = platform.query(
        "SELECT product_sku, sum(line_item_unblended_cost) AS cost FROM cur "
        "WHERE year = '2026' AND month = '9' AND billing_period = '2026-09' GROUP BY product_sku",
        platform.token(acme),
    )
    known = answers[f"data/{NISE_CUR}"]["by product/sku"]
    by_sku = known.get("lineItem/UnblendedCost", known)
    assert {row["product_sku"]: row["cost"] for row in rows} == by_sku


def test_the_cost_api_agrees_with_the_file(
    platform: Platform, acme: str, ingested: dict[str, list[dict[str, Any]]], answers: dict[str, Any]
) -> None:
    assert ingested[NISE_CUR]
    rows = platform.rows(
        "costs", "--tenant", acme, "--group-by", "x_ServiceCode", "--metric", "BilledCost",
        "--start", "2026-09-01", "--end", "2026-10-01",
    )  # fmt: skip
    known = answers[f"data/{NISE_CUR}"]["lineItem/UnblendedCost"]["by lineItem/ProductCode"]
    assert {row["x_ServiceCode"]: row["BilledCost"] for row in rows} == known
    assert {row["BillingPeriodStart"][:7] for row in rows} == {"2026-09"}
    assert {row["BillingCurrency"] for row in rows} == {"USD"}


def test_costs_group_by_tag(
    platform: Platform, acme: str, ingested: dict[str, list[dict[str, Any]]], answers: dict[str, Any]
) -> None:
    assert ingested[NISE_CUR]
    rows = platform.rows(
        "costs", "--tenant", acme, "--group-by", "tag:environment", "--metric", "BilledCost",
        "--start", "2026-09-01", "--end", "2026-10-01",
    )  # fmt: skip
    # Of the four resources in the .yml beside the bill, two carry environment=dev: EC2 at 696 each.
    by_tag = {row["tag:environment"]: Decimal(row["BilledCost"]) for row in rows}
    assert by_tag["dev"] == Decimal(1392)
    assert sum(by_tag.values()) == Decimal(answers[f"data/{NISE_CUR}"]["lineItem/UnblendedCost"]["total"])
