"""A bill taken apart and put together again is the bill; what is made of texts alone is made once."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.adapters.polars_alike import KIND, Alike, by_number, of_kind, repeated, taken_apart
from services.cost_center.adapters.polars_cells import DECIMAL, MOMENT, STRING_MAP
from services.cost_center.adapters.polars_parquet import sink
from services.cost_center.adapters.polars_rules import split
from services.cost_center.domain.charges import (
    ChargeMapping,
    ColumnMap,
    JsonMap,
    Lookup,
    MapEntry,
    Product,
    Rule,
    TagKeys,
    Twice,
)
from services.cost_center.domain.providers._aws.cur_columns import MONEY
from services.cost_center.domain.tables import ColumnType, Layout, RawColumn

START = datetime.fromisoformat("2026-09-01T00:00:00")
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "service": pl.String,
    "env": pl.String,
    "tags": STRING_MAP,
    "rate": DECIMAL,
    "cost": DECIMAL,
    "start": MOMENT,
}
TEXTS = st.none() | st.sampled_from(["", "a", "b", "ä", "aa"])
MAPS = st.none() | st.dictionaries(st.sampled_from("kl"), TEXTS, max_size=2)
CELLS = st.tuples(TEXTS, TEXTS, MAPS, st.none() | st.integers(0, 2), st.integers(0, 99), st.integers(0, 3))


Cells = list[tuple[str | None, str | None, dict[str, str | None] | None, int | None, int, int]]


def bill(cells: Cells) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"line {at}" for at in range(len(cells))],
            "service": [service for service, *_ in cells],
            "env": [env for _, env, *_ in cells],
            "tags": [tags for _, _, tags, *_ in cells],
            "rate": [None if rate is None else Decimal(rate) for *_, rate, _, _ in cells],
            "cost": [Decimal(cost) / 8 for *_, cost, _ in cells],
            "start": [START + timedelta(hours=hour) for *_, hour in cells],
        },
        schema=SCHEMA,
    )


def plain(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """With maps as lists of their entries: an order of its own is part of a map."""
    return frame.with_columns(pl.col("tags").map.entries()).rows()


REPEATED = {"service": pl.Categorical(pl.Categories.random()), "env": pl.Categorical(pl.Categories.random())}


@given(st.lists(CELLS, min_size=1, max_size=40))
def test_what_is_taken_apart_is_all_there(cells: Cells) -> None:
    rows = bill(cells)
    columns = {**REPEATED, "tags": STRING_MAP, "rate": DECIMAL}

    alike = taken_apart(rows.lazy(), columns)

    assert set(alike.kinds.columns) == set(columns)
    assert alike.kinds.height == len(
        {repr((service, env, tags, rate)) for service, env, tags, rate, *_ in cells}
    )
    again = alike.rows.lazy().with_columns(map(of_kind, alike.kinds)).select(*SCHEMA).collect()
    assert plain(again) == plain(rows)


def test_kinds_are_in_the_order_of_their_first_rows() -> None:
    rows = bill([("b", None, None, 1, 0, 0), ("a", None, None, 1, 0, 0), ("b", None, None, 1, 0, 0)])

    alike = taken_apart(rows.lazy(), REPEATED)

    assert alike.kinds["service"].to_list() == ["b", "a"]
    assert alike.rows[KIND].to_list() == [0, 1, 0]


def test_texts_and_rates_repeat_but_ids_amounts_and_moments_do_not() -> None:
    sample = bill([("a" * (at % 9), "prod", {"k": str(at)}, at % 3, at, at) for at in range(500)])

    assert list(repeated(sample)) == ["service", "env", "tags", "rate"]


def test_flags_are_told_among_the_kinds() -> None:
    alike = Alike(
        pl.DataFrame(
            {KIND: [0, 1, 1, 0], "flag": [False, False, True, False]}, schema_overrides={KIND: pl.UInt32}
        ),
        pl.DataFrame({"service": ["a", "b"]}),
    )

    told = alike.told_apart("flag")

    assert told.kinds.rows() == [("a", False), ("b", False), ("b", True)]
    assert told.rows.to_dict(as_series=False) == {KIND: [0, 1, 2, 0]}


@pytest.mark.parametrize("rows", [7, 0])
def test_what_is_written_by_numbers_is_read_as_texts(tmp_path: Path, rows: int) -> None:
    kinds = bill(
        [("a", None, {"k": "v", "l": None}, None, 0, 0), ("b", "prod", None, 2, 0, 0), ("a", "", {}, 1, 0, 0)]
    )
    which = pl.DataFrame({KIND: [at % 3 for at in range(rows)]}, schema={KIND: pl.UInt32})
    path = tmp_path / "written.parquet"

    sink(which.lazy().select(map(by_number, kinds)), path, 1_000)

    assert pl.read_parquet_schema(path) == SCHEMA
    assert plain(pl.read_parquet(path)) == plain(kinds[which[KIND]])
    strings = [field.type for field in pq.read_schema(path) if field.name in {"id", "service", "env"}]
    assert {str(each) for each in strings} == {"large_string"}


# --- what follows from texts alone ---

LAYOUT = Layout(
    "raw",
    "test",
    tuple(RawColumn(name, name, ColumnType.STRING) for name in ("kind", "name", "tags_a", "tags_b")),
    MONEY,
)
TAGS = ColumnMap("tags", "tags_", ("tags_",))


@pytest.mark.parametrize(
    ("helpers", "sql", "is_once"),
    [
        ([], "COALESCE(kind, name)", True),
        ([], "'AWS'", True),
        ([], "CASE WHEN kind = 'Tax' THEN cost ELSE 0 END", False),
        ([Lookup("category", "kind", {})], "category", True),
        ([TAGS, TagKeys("keys", "tags", ())], "keys", True),
        ([JsonMap("made", "cost")], "made", False),
        ([Product("total", "rate", "cost", needed="kind = 'Usage'")], "total", False),
        ([Product("total", "rate", "rate", needed="kind = 'Usage'")], "total", True),
        ([MapEntry("name", "own_map", "key")], "name", False),
        ([Twice("second", needed="cost > 0")], "kind || second", True),
    ],
    ids=[
        "texts",
        "a constant",
        "an amount",
        "a lookup",
        "tags",
        "JSON of its own",
        "a product",
        "a product of what repeats",
        "filled from what is the row's own",
        "what comes twice",
    ],
)
def test_what_follows_from_what_repeats(helpers: list[object], sql: str, is_once: bool) -> None:
    mapping = ChargeMapping([Rule("made", sql, "")], helpers)  # type: ignore[arg-type]

    found = split(mapping, LAYOUT, {"kind", "name", "tags_a", "tags_b", "rate", "second"})

    assert ("made" in found.rules_once) == is_once


def test_a_row_reads_what_was_made_once() -> None:
    rules = [Rule("made", "CASE WHEN category = 'x' AND name = 'y' THEN cost ELSE 0 END", "")]
    mapping = ChargeMapping(rules, [Lookup("category", "kind", {}), MapEntry("name", "own_map", "key")])

    found = split(mapping, LAYOUT, {"kind", "name"})

    assert not found.rules_once
    assert found.shared == {"category", "name"}
    assert found.each == [MapEntry("name", "own_map", "key")]
