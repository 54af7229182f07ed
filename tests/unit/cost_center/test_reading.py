"""Delivered files: recognised by content, typed, or refused with file, row, column and expectation."""

import gzip
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cost_center.domain.findings import describe
from services.cost_center.domain.naming import athena_name
from tests.fakes.cost_center_bills import CUR_ROW, csv_text, cur_rows, write
from tests.fakes.cost_center_reading import prepare, raw_frame, refusal


def test_gzip_is_told_by_its_bytes_and_its_content_is_what_counts(tmp_path: Path) -> None:
    plain = prepare(tmp_path, write(tmp_path, "a.csv", csv_text(cur_rows(2))))
    packed = write(tmp_path, "b.txt", gzip.compress(csv_text(cur_rows(2)).encode()))
    (tmp_path / "more").mkdir()

    unpacked = prepare(tmp_path / "more", packed)

    assert plain.format == "aws-cur-csv"
    assert unpacked.format == "aws-cur-csv-gz"
    assert unpacked.content == plain.content


@pytest.mark.parametrize("kind", ["double", "decimal", "string"])
def test_parquet_is_exact_whatever_type_its_costs_have(tmp_path: Path, kind: str) -> None:
    costs = ["0.1", "1e-07", "123456.789012345", "0.3333333333333333", "-2.5"]
    rows = [{**CUR_ROW, "lineItem/UnblendedCost": cost} for cost in costs]
    columns: dict[str, pa.Array] = {
        name: pa.array([row[name] for row in rows], pa.string()) for name in CUR_ROW
    }
    typed = {
        "double": lambda: pa.array([float(cost) for cost in costs], pa.float64()),
        "decimal": lambda: pa.array([Decimal(cost) for cost in costs], pa.decimal128(38, 18)),
        "string": lambda: pa.array(costs, pa.string()),
    }[kind]
    columns["lineItem/UnblendedCost"] = typed()
    columns["lineItem/UsageStartDate"] = pa.array(
        [1_756_684_800_000] * len(rows), pa.timestamp("ms", tz="UTC")
    )
    path = tmp_path / "bill"
    pq.write_table(pa.table({athena_name(name): column for name, column in columns.items()}), path)

    prepared = prepare(tmp_path, path)

    assert prepared.format == "aws-cur-parquet"
    assert raw_frame(prepared)["line_item_unblended_cost"].to_list() == [Decimal(cost) for cost in costs]
    assert prepared.bills[0].groups[0].raw.amount == sum(map(Decimal, costs))


def test_a_double_that_is_no_number_is_refused(tmp_path: Path) -> None:
    columns = {athena_name(name): [text] for name, text in CUR_ROW.items()}
    table = pa.table({**columns, "line_item_unblended_cost": pa.array([float("nan")], pa.float64())})
    pq.write_table(table, tmp_path / "bill.parquet")

    rejection = prepare(tmp_path, tmp_path / "bill.parquet").rejection

    assert rejection is not None
    assert (rejection.findings[0].row, rejection.findings[0].found) == (1, "NaN")


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("lineItem/UnblendedCost", "0.1.2", "a decimal number"),
        ("lineItem/UsageAmount", "two", "a decimal number"),
        ("lineItem/UnblendedCost", "123456789012345678901", "at most 20 digits"),
        ("lineItem/UnblendedCost", "1e-999999999", "a decimal number"),
        ("lineItem/UsageStartDate", "01.09.2026", "ISO 8601"),
        ("bill/PayerAccountId", "", "a value"),
        ("lineItem/CurrencyCode", "", "a value"),
        ("lineItem/CurrencyCode", "XXX1", "three upper-case letters"),
        ("lineItem/CurrencyCode", "usd", "three upper-case letters"),
        ("lineItem/CurrencyCode", "US$", "three upper-case letters"),
        ("lineItem/CurrencyCode", "EUR", "the currency of the first row"),
    ],
)
def test_a_bad_cell_is_named_by_file_row_column_and_expectation(
    tmp_path: Path, column: str, text: str, expected: str
) -> None:
    rows = cur_rows(4)
    rows[2][column] = text

    rejection = refusal(tmp_path, csv_text(rows))

    [finding] = rejection.findings
    assert (finding.file, finding.row, finding.column, finding.found) == ("bill.csv", 3, column, text)
    assert expected in (finding.expected or "")


def test_many_bad_cells_are_counted_and_the_first_twenty_are_shown(tmp_path: Path) -> None:
    rows = [{**row, "lineItem/UnblendedCost": "x", "lineItem/UsageAmount": "y"} for row in cur_rows(30)]

    rejection = refusal(tmp_path, csv_text(rows))

    assert rejection.count == 60
    assert len(rejection.findings) == 20
    assert [finding.row for finding in rejection.findings[:4]] == [1, 1, 2, 2]


def lines(count: int) -> list[str]:
    return csv_text(cur_rows(count)).splitlines()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\n".join([*lines(3), "a,b,c"]), "row 4: the row does not fit the header"),
        ("\n".join(lines(3))[:-20], "row 3: the row does not fit the header"),
        (("\n".join(lines(2)) + "\n").encode() + b"\xff\xfe", "not UTF-8"),
        (gzip.compress("\n".join(lines(3)).encode())[:-30], "damaged or cut short"),
        (b"PAR1 is not enough", "parquet"),
        (b"PK\x03\x04 a zip", "the zip is damaged or cut short"),
        (b"\x00\xff\x00\xff", "not UTF-8"),
        ("\n\n", "no header"),
    ],
)
def test_a_file_that_is_damaged_is_refused(tmp_path: Path, content: str | bytes, expected: str) -> None:
    rejection = refusal(tmp_path, content)

    assert expected in describe(rejection.findings[0])


def test_blank_lines_quotes_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    rows = cur_rows(2)
    rows[1]["lineItem/LineItemDescription"] = 'a "quoted", text\nof two lines'
    content = "\ufeff" + csv_text(rows) + "\n\n"

    prepared = prepare(tmp_path, write(tmp_path, "a.csv", content.replace("\n\n", "\r\n\r\n")))

    assert raw_frame(prepared)["line_item_line_item_description"][1] == 'a "quoted", text\nof two lines'
    assert prepared.bills[0].raw.rows == 2


@pytest.mark.parametrize("column", ["lineItem/LineItemDescription", "lineItem/UsageAccountId"])
@pytest.mark.parametrize("form", ["csv", "gz", "parquet"])
def test_a_nul_in_a_text_is_refused_with_row_and_column(tmp_path: Path, column: str, form: str) -> None:
    rows = cur_rows(3)
    rows[1][column] = "a\0b"
    path = tmp_path / f"bill.{form}"
    if form == "parquet":
        pq.write_table(pa.table({name: [row[name] for row in rows] for name in CUR_ROW}), path)
    else:
        write(tmp_path, path.name, csv_text(rows))

    rejection = prepare(tmp_path, path).rejection

    assert rejection is not None
    [finding] = rejection.findings
    assert (finding.row, finding.column, finding.found) == (2, column, "a\0b")
    assert finding.message == "the cell has a NUL character"


@pytest.mark.parametrize("end", ["2026-09-01T00:00:00Z", "2026-08-01", "2026-09-01T01:00:00+02:00"])
def test_a_billing_period_that_ends_before_it_lasts_is_refused_with_row_and_column(
    tmp_path: Path, end: str
) -> None:
    rows = cur_rows(3)
    rows[1]["bill/BillingPeriodEndDate"] = end

    rejection = refusal(tmp_path, csv_text(rows))

    assert [describe(finding) for finding in rejection.findings] == [
        "bill.csv, row 2, column bill/BillingPeriodEndDate: the billing period does not end after its start: "
        f"expected a moment after the row's bill/BillingPeriodStartDate, found {end!r}"
    ]
    assert rejection.count == 1


@pytest.mark.parametrize(
    ("costs", "total"),
    [
        (["99999999999999999999", "99999999999999999999"], "199999999999999999998"),
        (["-99999999999999999999.5", "-99999999999999999999", "-0.5"], "-199999999999999999999"),
    ],
)
def test_a_total_that_no_table_can_hold_is_refused_with_its_true_number(
    tmp_path: Path, costs: list[str], total: str
) -> None:
    rows = [{**CUR_ROW, "lineItem/UnblendedCost": cost} for cost in costs]

    rejection = refusal(tmp_path, csv_text(rows))

    assert {finding.found for finding in rejection.findings} == {total}
    assert rejection.findings[0].message == (
        "the bill's total is too large for account 111111111111, sub-account 222222222222, "
        "2026-09, invoice none, USD"
    )


def test_invoices_that_fit_and_together_do_not_are_refused(tmp_path: Path) -> None:
    rows = [
        {**CUR_ROW, "lineItem/UnblendedCost": "6e19", "bill/InvoiceId": invoice} for invoice in ("A", "B")
    ]

    [finding] = refusal(tmp_path, csv_text(rows)).findings

    assert finding.found == "120000000000000000000"
    assert finding.message == "the bill's total is too large for 2026-09, USD"


def test_large_amounts_that_cancel_each_other_are_read(tmp_path: Path) -> None:
    costs = ["99999999999999999999", "99999999999999999999", "-99999999999999999999", "0.5"]
    rows = [{**CUR_ROW, "lineItem/UnblendedCost": cost} for cost in costs]

    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text(rows)))

    assert prepared.rejection is None
    assert prepared.bills[0].groups[0].curated.amount == Decimal("99999999999999999999.5")


def test_sub_accounts_reconcile_each_for_itself(tmp_path: Path) -> None:
    rows = [
        {**CUR_ROW, "lineItem/UsageAccountId": account, "lineItem/UnblendedCost": cost}
        for account, cost in (("1", "0.5"), ("2", "0.25"), ("2", "1"), ("", "3"))
    ]

    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text(rows)))

    found = {
        group.key.sub_account: (group.raw.amount, group.curated.amount) for group in prepared.bills[0].groups
    }
    assert found == {
        "": (Decimal(3), Decimal(3)),
        "1": (Decimal("0.5"), Decimal("0.5")),
        "2": (Decimal("1.25"), Decimal("1.25")),
    }
