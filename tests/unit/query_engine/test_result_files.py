"""Answers as files: exact and typed in each form, and within their limits."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.query_engine.adapters import result_files
from services.query_engine.domain.answers import Answer, Format, Limits
from shared.errors import OnyxError

SMALL = Decimal("0.000000000000000001")
FRAME = pl.DataFrame(
    {
        "Cost": pl.Series([Decimal("14.50"), SMALL, None], dtype=pl.Decimal(38, 18)),
        "Whole": pl.Series([Decimal(100), Decimal(0), None], dtype=pl.Decimal(38, 0)),
        "Name": ['a,"b"\r\nc', "", None],
        "Day": [date(2026, 2, 28), None, None],
        "At": pl.Series(
            [datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 1, 1, 2, 3, 40, tzinfo=UTC), None],
            dtype=pl.Datetime("us", "UTC"),
        ),
        "Kind": pl.Series(["x", "y", None], dtype=pl.Categorical),
        "Count": pl.Series([1, 2, None], dtype=pl.UInt32),
        "Flag": [True, False, None],
        "Tags": pl.Series([{"env": "prod"}, {}, None], dtype=pl.Map(pl.String, pl.String)),
    }
)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What was put where: the bucket itself is in the integration tests."""
    found: dict[str, bytes] = {}

    def _put(file: Any, target: str, form: Format, storage: Any) -> None:
        found[target] = file.read()

    monkeypatch.setattr(result_files, "_put", _put)
    return found


def stored(form: Format, put: dict[str, bytes], frame: pl.DataFrame = FRAME) -> tuple[Answer, bytes]:
    answer = result_files.answer_of(frame, Limits(10, 10**6, form, "s3://results/acme/x"), {})
    assert answer.file_bytes == answer.size == len(put["s3://results/acme/x"])
    assert (answer.rows, answer.row_count) == (b"", frame.height)
    assert answer.columns[0].type == "decimal(38,18)"
    return answer, put["s3://results/acme/x"]


def test_csv_is_rfc_4180_with_exact_decimals(put: dict[str, bytes]) -> None:
    _, text = stored(Format.CSV, put)
    first, *_ = text.split(b"\r\n")
    assert first == b"Cost,Whole,Name,Day,At,Kind,Count,Flag,Tags"
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert rows[1:] == [
        [
            "14.5",
            "100",
            'a,"b"\r\nc',
            "2026-02-28",
            "2026-09-01T00:00:00Z",
            "x",
            "1",
            "true",
            '{"env": "prod"}',
        ],
        ["0.000000000000000001", "0", "", "", "2026-09-01T01:02:03.000040Z", "y", "2", "false", "{}"],
        [""] * 9,
    ]
    # An empty text is not a null.
    assert b'0.000000000000000001,0,"",,' in text
    assert text.endswith(b",,,,,,,,\r\n")


@pytest.mark.parametrize("form", [Format.ARROW, Format.PARQUET])
def test_arrow_and_parquet_keep_types_that_every_reader_knows(form: Format, put: dict[str, bytes]) -> None:
    body = stored(form, put)[1]
    table = pa.ipc.open_file(body).read_all() if form is Format.ARROW else pq.read_table(io.BytesIO(body))
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["Cost"] == "decimal128(38, 18)"
    assert kinds["At"] == "timestamp[us]"
    assert kinds["Kind"] in ("large_string", "string")
    assert kinds["Count"] == "int64"
    assert kinds["Tags"].startswith("map<")
    assert table["Cost"].to_pylist() == [Decimal("14.5"), SMALL, None]
    assert table["At"].to_pylist()[0] == datetime(2026, 9, 1)  # noqa: DTZ001 - naive, and UTC
    read = (pl.read_ipc if form is Format.ARROW else pl.read_parquet)(io.BytesIO(body))
    assert read["Cost"].to_list() == [Decimal("14.5"), SMALL, None]


def test_json_is_a_document_of_columns_and_rows(put: dict[str, bytes]) -> None:
    document = json.loads(stored(Format.JSON, put)[1])
    assert document["columns"][0] == {"name": "Cost", "type": "decimal(38,18)"}
    assert document["rows"][1]["Cost"] == "0.000000000000000001"


@pytest.mark.parametrize("form", list(Format))
def test_an_answer_without_rows_has_its_columns(form: Format, put: dict[str, bytes]) -> None:
    answer, body = stored(form, put, FRAME.clear())
    assert [each.name for each in answer.columns] == FRAME.columns
    assert body


def test_too_many_rows_and_too_many_bytes_are_refused(put: dict[str, bytes]) -> None:
    for limits, hint in (
        (Limits(2, 10**6), "format arrow, parquet or csv"),
        (Limits(10, 10), "format arrow, parquet or csv"),
        (Limits(2, 10**6, Format.CSV, "s3://results/acme/x"), "LIMIT"),
        (Limits(10, 10, Format.CSV, "s3://results/acme/x"), "LIMIT"),
        (Limits(10, 10, Format.PARQUET, "s3://results/acme/x"), "LIMIT"),
    ):
        with pytest.raises(OnyxError) as large:
            result_files.answer_of(FRAME, limits, {})
        assert (large.value.code, large.value.status) == ("RESULT_TOO_LARGE", 422)
        assert hint in large.value.detail
        assert ("format" in large.value.detail) == (limits.format is Format.JSON)
    assert put == {}


def test_a_bucket_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    storage = {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "aws_session_token": "test",
        "aws_region": "us-east-1",
        "aws_endpoint_url": "http://127.0.0.1:9",
    }
    with pytest.raises(OnyxError) as closed:
        result_files.answer_of(FRAME, Limits(10, 10**6, Format.CSV, "s3://results/acme/x"), storage)
    assert (closed.value.code, closed.value.status) == ("LAKE_UNAVAILABLE", 503)
