"""Tags of FOCUS in every container and version: JSON text, and what parquet writers make of a map."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.fakes.cost_center_bills import FOCUS_ROW, csv_text, write
from tests.fakes.cost_center_reading import prepare, raw_frame

TAGS: list[dict[str, str | None] | None] = [
    {"CostCenter": "42", "aws:createdBy": "me", "user_name": "a"},
    None,
    {"env": None},
    {"Env": "x", "env": "y"},
]
NORMAL = [{"cost_center": "42", "aws:created_by": "me", "user_name": "a"}, None, None, {"env": "x"}]
_TEXT = pa.string()
_NEWEST = {
    "1.0": {},
    "1.1": {"SkuMeter": "x"},
    "1.2": {"SkuMeter": "x", "InvoiceId": "1"},
    "1.3": {"InvoiceId": "1", "ServiceProviderName": "AWS", "AllocatedTags": "{}"},
}


def as_map() -> pa.Array:
    return pa.array([None if each is None else list(each.items()) for each in TAGS], pa.map_(_TEXT, _TEXT))


def as_entries() -> pa.Array:
    entry = pa.struct([("key", _TEXT), ("value", _TEXT)])
    held = [
        None if each is None else [{"key": key, "value": value} for key, value in each.items()]
        for each in TAGS
    ]
    return pa.array(held, pa.list_(entry))


def as_struct() -> pa.Array:
    keys = list(dict.fromkeys(key for each in TAGS for key in each or {}))
    return pa.array(TAGS, pa.struct([(key, _TEXT) for key in keys]))


def as_json() -> pa.Array:
    return pa.array([None if each is None else json.dumps(each) for each in TAGS], _TEXT)


def bill(folder: Path, container: str, row: dict[str, str]) -> Path:
    if container.startswith("csv"):
        texts = ["" if each is None else json.dumps(each) for each in TAGS]
        name = "bill.csv.gz" if container == "csv.gz" else "bill.csv"
        return write(folder, name, csv_text([{**row, "Tags": text} for text in texts]))
    made: dict[str, Any] = {name: pa.array([text] * len(TAGS), _TEXT) for name, text in row.items()}
    made["Tags"] = {"map": as_map, "entries": as_entries, "struct": as_struct, "json": as_json}[container]()
    path = folder / "bill.parquet"
    pq.write_table(pa.table(made), path)
    return path


@pytest.mark.parametrize("version", _NEWEST)
@pytest.mark.parametrize("container", ["csv", "csv.gz", "map", "entries", "struct", "json"])
def test_tags_are_read_from_every_container(tmp_path: Path, container: str, version: str) -> None:
    prepared = prepare(tmp_path, bill(tmp_path, container, {**FOCUS_ROW, **_NEWEST[version]}))

    assert prepared.rejection is None, prepared.rejection
    assert prepared.format.startswith(f"focus-{version}-")
    frame = pl.read_parquet(prepared.bills[0].charges.paths[0])
    original, normal = TAGS, NORMAL
    if container == "struct":  # it has every key in every row, in one order
        original, normal = [TAGS[0], None, {}, TAGS[3]], [*NORMAL[:3], {"env": "y"}]
    assert frame["Tags"].to_list() == normal
    assert frame["x_OriginalTags"].to_list() == original
    raw = raw_frame(prepared)["Tags"].to_list()
    assert [None if each is None else json.loads(each) for each in raw] == original
