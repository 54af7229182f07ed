"""The rows of a bill by charge period, however many they are: never all of them in memory."""

from collections.abc import Iterator
from math import ceil

import polars as pl

PART_ROWS = 2_000_000
"""Rows that are sorted at a time, whole days of them: half a gigabyte of a bill whose texts repeat."""
ROW_GROUP = 1_000_000
SECOND = "onyx second"


def row_group(rows: int) -> int:
    """The rows of each row group of a part: about a million, in all of them as many."""
    return ceil(rows / max(1, round(rows / ROW_GROUP))) or 1


def in_parts(
    scan: pl.LazyFrame, start: pl.Expr, rows: int, part_rows: int = PART_ROWS
) -> Iterator[pl.LazyFrame]:
    """The rows of `scan` (`rows` of them) in parts of about `part_rows`, whole days of `start` each.

    `start` is a moment; the days of one part are all before those of the next, and rows without one are among
    the first.
    """
    if rows <= part_rows:
        yield scan
        return
    day = start.dt.epoch("d").fill_null(0)
    counted = scan.select(day.alias("day")).group_by("day").len().sort("day").collect(engine="streaming")
    parts: list[list[int]] = []
    held = part_rows
    for number, count in counted.iter_rows():
        if held + count > part_rows:
            parts.append([])
            held = 0
        parts[-1].append(number)
        held += count
    # Of the other parts' rows only this one column is made. To write all rows part by part first costs more
    # (21 against 15 processor seconds for 3 million rows), and Polars' partitioned sink holds most of a bill.
    for days in parts:
        yield scan.filter(day.is_between(days[0], days[-1]))


def in_order(frame: pl.DataFrame, start: pl.Expr, again: pl.Series | None = None) -> pl.DataFrame:
    """The rows in the order of `start`: rows without one come first, those of one moment stay as they are.

    `again` are the places of rows that come once more, after all others of their moment; then the column
    SECOND is true on those, and false on the others. `frame` is taken apart on the way, and empty after it:
    a column is gathered from one that is let go before the next, so that the memory is used again.
    """
    starts = frame.select(start.alias("start")).with_row_index("row")
    if again is not None:
        once, more = (starts.with_columns(pl.lit(flag).alias(SECOND)) for flag in (False, True))
        starts = pl.concat([once, more[again]])
    order = starts.sort("start", maintain_order=True)
    row = order["row"]
    columns = [frame.drop_in_place(name).rechunk().gather(row) for name in frame.columns]
    return pl.DataFrame([*columns, *order.drop("start", "row")])
