"""Text to exact values: Polars' cast is held against Python's Decimal and datetime."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.domain.tables import ColumnType, RawColumn
from shared.money import parse_decimal, quantize

NUMBER = RawColumn("n", "n", ColumnType.DECIMAL)
MOMENT = RawColumn("t", "t", ColumnType.TIMESTAMP)


def utc(*parts: int) -> datetime:
    """A moment as the lake holds it: without a zone, in UTC."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)  # type: ignore[misc,arg-type]


def read(column: RawColumn, texts: list[str | None]) -> list[object]:
    frame = pl.DataFrame({column.name: texts}, schema={column.name: pl.String})
    return frame.select(cells.value(column, pl.String(), frozenset()).alias("v"))["v"].to_list()


numbers = st.builds(
    lambda sign, whole, fraction, exponent: sign + whole + fraction + exponent,
    st.sampled_from(["", "-", "+"]),
    st.from_regex(r"[0-9]{1,12}", fullmatch=True),
    st.from_regex(r"(\.[0-9]{0,24})?", fullmatch=True),
    st.from_regex(r"([eE][+-]?[0-9]{1,2})?", fullmatch=True),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=200))
@example(["0.0000000000000000005", "0.0000000000000000015", "1.23456789012345678901E-3", "9.052E-7"])
def test_decimals_are_exact_and_rounded_half_even_as_pythons_are(texts: list[str]) -> None:
    expected: list[Decimal | None] = []
    for text in texts:
        try:
            value = parse_decimal(text)
            # A zero is a zero, however large the exponent that it is written with.
            expected.append(quantize(value) if value else Decimal(0))
        except ValueError:
            expected.append(None)

    assert read(NUMBER, list(texts)) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=100))
def test_a_rounded_cell_is_always_noticed(texts: list[str]) -> None:
    frame = pl.DataFrame({"n": texts})
    noticed = frame.select(cells.rounded(pl.col("n")).alias("r"))["r"].to_list()

    for text, told in zip(texts, noticed, strict=True):
        try:
            lost = quantize(parse_decimal(text)) != parse_decimal(text)
        except ValueError:
            continue
        assert told or not lost, text


@pytest.mark.parametrize(
    "text", ["12,5", "abc", " 1", "1 ", "1_000", "0x1", "NaN", "inf", "--1", "$1", "1e", "١"]
)
def test_what_is_no_number_is_null(text: str) -> None:
    assert read(NUMBER, [text]) == [None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-01T00:00:00.000Z", utc(2023, 11, 1)),
        ("2026-09-01T01:02:03Z", utc(2026, 9, 1, 1, 2, 3)),
        ("2026-09-01 01:00:00+00:00", utc(2026, 9, 1, 1)),
        ("2024-10-01 00:00:00", utc(2024, 10, 1)),
        ("2024-10-01 00:00:00 UTC", utc(2024, 10, 1)),
        ("2024-10-01T23:30", utc(2024, 10, 1, 23, 30)),
        ("2024-10-01", utc(2024, 10, 1)),
        ("2026-09-01T01:00:00+02:00", utc(2026, 8, 31, 23)),
        ("2026-09-01 01:00:00.250-0500", utc(2026, 9, 1, 6, 0, 0, 250_000)),
    ],
)
def test_moments_are_read_in_utc(text: str, expected: datetime) -> None:
    assert read(MOMENT, [text]) == [expected]


@pytest.mark.parametrize(
    "text", ["2026-13-01", "01/09/2026", "yesterday", "2026-09-01T25:00:00Z", "20260901"]
)
def test_what_is_no_moment_is_null(text: str) -> None:
    assert read(MOMENT, [text]) == [None]


forms = st.sampled_from(
    ["{}-{}-{}T{}:{}:{}Z", "{}-{}-{}T{}:{}:{}.000Z", "{}-{}-{} {}:{}:{}", "{}-{}-{}T{}:{}:{}"]
)
digits = st.sampled_from(
    ["00", "01", "02", "12", "13", "23", "24", "28", "29", "30", "31", "32", "59", "60", "1", " 1"]
)
years = st.sampled_from(["2026", "2024", "0001", "9999", "226", "२०२६"])
moments = st.builds(str.format, forms, years, digits, digits, digits, digits, digits)


@settings(max_examples=100, deadline=None)
@given(st.lists(moments, min_size=1, max_size=100))
def test_a_plain_form_reads_nothing_else_than_the_reader_of_all_forms(texts: list[str]) -> None:
    expected = read(MOMENT, list(texts))
    frame = pl.DataFrame({"t": texts})
    for form in {form for text in texts if (form := cells.plain_form(text))}:
        found = frame.select(cells.moment_of_form(MOMENT, frozenset(), form).alias("v"))["v"].to_list()

        for text, moment, any_form in zip(texts, found, expected, strict=True):
            assert moment == any_form if cells.plain_form(text) == form else moment is None


def test_moments_of_parquet_come_without_a_detour_through_text() -> None:
    zoned = pl.DataFrame({"t": [datetime(2026, 9, 1, tzinfo=UTC)]}).with_columns(
        pl.col("t").dt.convert_time_zone("Europe/Berlin")
    )

    value = cells.value(MOMENT, zoned.schema["t"], frozenset())

    assert zoned.select(value.alias("v"))["v"].to_list() == [utc(2026, 9, 1)]


def test_tags_are_a_json_object_whose_numbers_stay_as_written() -> None:
    assert cells.json_object('{"env": "prod", "cost": 1.10, "on": true, "none": null}') == {
        "env": "prod",
        "cost": "1.10",
        "on": "true",
        "none": None,
    }


def test_what_is_nested_in_tags_keeps_its_json() -> None:
    assert cells.json_object('{"l": [1, 2.50, "é"], "o": {"x": 1e3, "y": [true, null]}}') == {
        "l": '[1, 2.50, "é"]',
        "o": '{"x": 1e3, "y": [true, null]}',
    }


@pytest.mark.parametrize(
    "bad", ["[]", "text", '{"env"', "1", '{"a": NaN}', '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"]
)
def test_tags_that_are_no_json_object_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"no JSON|Expecting|Extra data|too deeply"):
        cells.json_object(bad)
