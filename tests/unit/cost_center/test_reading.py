"""Delivered files: recognised by content, typed, or refused with file, row, column and expectation."""

import gzip
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.prepare import Prepare, Prepared
from services.cost_center.domain.findings import Rejected, describe
from services.cost_center.domain.naming import athena_name
from services.cost_center.events import Finding
from tests.fakes.cost_center_bills import CUR_ROW, FOCUS_ROW, csv_text, cur_rows, write


def prepare(folder: Path, path: Path, source: str = "aws") -> Prepared:
    work = folder / "work"
    work.mkdir()
    return Prepare(LocalFiles(), PolarsConverter(), PlainReader())(path, path.name, source, work)


def refusal(folder: Path, content: str | bytes, name: str = "bill.csv") -> Rejected:
    prepared = prepare(folder, write(folder, name, content))
    assert prepared.rejection is not None
    return prepared.rejection


def raw_frame(prepared: Prepared) -> pl.DataFrame:
    assert prepared.rejection is None, prepared.rejection
    return pl.read_parquet(prepared.bills[0].raw.paths[0])


def test_gzip_is_told_by_its_bytes_and_its_content_is_what_counts(tmp_path: Path) -> None:
    plain = prepare(tmp_path, write(tmp_path, "a.csv", csv_text(cur_rows(2))))
    packed = write(tmp_path, "b.txt", gzip.compress(csv_text(cur_rows(2)).encode()))
    (tmp_path / "more").mkdir()

    unpacked = prepare(tmp_path / "more", packed)

    assert plain.format == "aws-cur-csv"
    assert unpacked.format == "aws-cur-csv-gz"
    assert unpacked.content == plain.content


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
        ({"ServiceProviderName": "AWS"}, "1.2"),
    ],
)
def test_the_version_of_focus_is_told_by_its_columns(
    tmp_path: Path, extra: dict[str, str], version: str
) -> None:
    prepared = prepare(tmp_path, write(tmp_path, "focus.csv", csv_text([{**FOCUS_ROW, **extra}])))

    assert prepared.format == f"focus-{version}-csv"


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


def test_missing_columns_of_focus_are_named(tmp_path: Path) -> None:
    row = {name: text for name, text in FOCUS_ROW.items() if name != "BilledCost"}

    assert refusal(tmp_path, csv_text([row])).findings[0].column == "BilledCost"


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
        (b"PK\x03\x04 a zip", "of no known bill"),
        (b"\x00\xff\x00\xff", "not UTF-8"),
        ("\n\n", "no header"),
    ],
)
def test_a_file_that_is_damaged_is_refused(tmp_path: Path, content: str | bytes, expected: str) -> None:
    rejection = refusal(tmp_path, content)

    assert expected in describe(rejection.findings[0])


def test_cur_2_is_told_from_the_legacy_report(tmp_path: Path) -> None:
    row = {
        **{athena_name(name): text for name, text in CUR_ROW.items()},
        "resource_tags": "{}",
        "product": "{}",
        "cost_category": "{}",
    }

    assert "CUR 2.0" in refusal(tmp_path, csv_text([row])).findings[0].message


def test_blank_lines_quotes_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    rows = cur_rows(2)
    rows[1]["lineItem/LineItemDescription"] = 'a "quoted", text\nof two lines'
    content = "\ufeff" + csv_text(rows) + "\n\n"

    prepared = prepare(tmp_path, write(tmp_path, "a.csv", content.replace("\n\n", "\r\n\r\n")))

    assert raw_frame(prepared)["line_item_line_item_description"][1] == 'a "quoted", text\nof two lines'
    assert prepared.bills[0].raw.rows == 2
