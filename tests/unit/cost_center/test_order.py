"""Rows by charge period, in parts: none is lost, none doubled, and no part holds a day of another."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from services.cost_center.adapters.polars_order import SECOND, in_order, in_parts, row_group

START = datetime.fromisoformat("2026-09-01T00:00:00")


ROW, MOMENT = pl.col("row"), pl.col("start")


def bill(rows: int) -> pl.LazyFrame:
    starts = [START + timedelta(hours=(number * 7919) % 720) for number in range(rows)]
    return pl.LazyFrame({"start": starts, "row": range(rows)}, schema_overrides={"start": pl.Datetime("us")})


def ordered(scan: pl.LazyFrame, rows: int, part_rows: int) -> list[pl.DataFrame]:
    return [in_order(part.collect(), MOMENT) for part in in_parts(scan, MOMENT, rows, part_rows)]


@pytest.mark.parametrize(
    ("part_rows", "parts"),
    [(10_000, 1), (1_000, 1), (400, 3), (100, 11), (1, 30)],
    ids=["few", "just enough", "some", "many", "a day each"],
)
def test_parts_are_whole_days_in_order(part_rows: int, parts: int) -> None:
    scan = bill(1_000)

    found = ordered(scan, 1_000, part_rows)

    assert len(found) == parts
    # In order, and those of one moment as they were.
    assert pl.concat(found).equals(scan.sort("start", maintain_order=True).collect())
    days = [set(part["start"].dt.date()) for part in found]
    assert sum(map(len, days)) == 30


def test_rows_without_a_moment_come_first_and_as_they_were() -> None:
    rows = pl.DataFrame({"start": [3, None, 1, 3, None], "row": range(5)})

    assert in_order(rows, MOMENT)["row"].to_list() == [1, 4, 2, 0, 3]


def test_a_row_without_a_moment_is_in_the_first_part() -> None:
    scan = pl.concat(
        [bill(50), pl.LazyFrame({"start": [None], "row": [50]}, schema=bill(1).collect_schema())]
    )

    found = ordered(scan, 51, part_rows=10)

    assert sorted(pl.concat(found)["row"]) == list(range(51))
    assert 50 in found[0]["row"]


def test_a_row_comes_the_second_time_after_all_of_its_moment() -> None:
    rows = pl.DataFrame({"start": [2, 1, 1], "row": range(3)})

    found = in_order(rows, MOMENT, pl.Series([1]))

    assert found.rows() == [(1, 1, False), (1, 2, False), (1, 1, True), (2, 0, False)]


def test_rows_that_come_twice_are_in_order_too() -> None:
    rows = bill(1_000).collect()

    found = in_order(rows, MOMENT, rows.select(ROW % 3 == 0).to_series().arg_true())

    assert found["start"].is_sorted()
    assert sorted(found.filter(~pl.col(SECOND))["row"]) == [*range(1_000)]
    assert sorted(found.filter(SECOND)["row"]) == [*range(0, 1_000, 3)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, 1),
        (7, 7),
        (1_014_262, 1_014_262),
        (1_499_999, 1_499_999),
        (1_966_591, 983_296),
        (2_600_000, 866_667),
    ],
)
def test_row_groups_are_of_about_a_million_rows(rows: int, expected: int) -> None:
    assert row_group(rows) == expected
