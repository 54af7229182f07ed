"""Anything at all as a bill: it is read or it is refused. It never hangs, never raises, never half commits.

Half a minute in CI, however busy the machine; `-m long` goes on for ONYX_FUZZ_SECONDS (an hour by default).
"""

import gzip
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cost_center.application.prepare import Prepared
from services.cost_center.domain.naming import athena_name
from tests.fakes.cost_center_bills import CUR_ROW, FOCUS_ROW, Row, csv_bytes, cur_rows
from tests.fakes.cost_center_reading import prepare

LONGEST = 20.0
"""Seconds that no file of a few kilobytes may take, on a machine that does ten other things."""
SHORT = 15.0
"""Seconds that each fuzz takes in CI at most, unless it finds something and makes it small."""


def as_parquet(rows: Sequence[Row]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in rows[0]}), out)
    return out.getvalue()


def as_zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bill.csv", content)
    return out.getvalue()


CUR2_ROW = {
    athena_name(name): text for name, text in CUR_ROW.items() if not name.startswith("resourceTags")
} | {
    "product": '{"region": "eu-west-1"}',
    "resource_tags": '{"user_env": "prod"}',
    "cost_category": "{}",
    "discount": "{}",
}
ROWS: dict[str, list[Row]] = {
    "cur": list(cur_rows(3)),
    "cur2": [CUR2_ROW, CUR2_ROW],
    "focus": [FOCUS_ROW, FOCUS_ROW],
}
PACKED: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "csv": csv_bytes,
    "gz": lambda rows: gzip.compress(csv_bytes(rows), mtime=0),
    "zip": lambda rows: as_zip(csv_bytes(rows)),
    "parquet": as_parquet,
}
SEEDS = {f"{kind}.{form}": pack(rows) for kind, rows in ROWS.items() for form, pack in PACKED.items()}

TOKENS = [
    *(b"\0", b'"', b"\n", b"\r", b",", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"1e-999999999", b"9" * 60),
    *(
        b"{",
        b"}",
        b"[" * 2000,
        b"PAR1",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"inf",
        b"0000-00-00",
        b"9999-12-31",
        b"%s",
    ),
]
"""What has a meaning to some reader."""

edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "double", "insert", "set"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
        st.sampled_from(TOKENS) | st.binary(max_size=8),
    ),
    min_size=1,
    max_size=6,
)


def mutated(content: bytes, changes: list[tuple[str, float, int, bytes]]) -> bytes:
    """The content after some small accidents, each at a share of its length."""
    for kind, where, number, token in changes:
        at = int(where * len(content))
        head, tail = content[:at], content[at:]
        content = {
            "flip": head + bytes([(tail[0] if tail else 0) ^ (number | 1)]) + tail[1:],
            "cut": head + tail[number:],
            "double": head + tail[:number] + tail,
            "insert": head + token + tail,
            "set": head + token + tail[len(token) :],
        }[kind]
    return content


cells = (
    st.text(max_size=30)
    | st.sampled_from([token.decode("latin-1") for token in TOKENS])
    | st.from_regex(r"[+-]?[0-9]{0,25}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
    | st.datetimes().map(str)
    | st.sampled_from(["", "NULL", "2026-09-01T00:00:00Z", "{}", '{"a": 1e400}', "[]", "null"])
)
cell_edits = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99), cells), min_size=1, max_size=4)
"""(row, column, its text); rows and columns are counted round and round."""


def tried(content: bytes, name: str) -> Prepared:
    """Read to the end. Whatever is wrong, it is an answer with a reason, in time, and without any bill."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        started = time.monotonic()
        prepared = prepare(Path(folder), path)
        assert time.monotonic() - started < LONGEST
    if prepared.rejection is None:
        assert prepared.bills
        assert all(group.adds_up for bill in prepared.bills for group in bill.groups)
    else:
        assert not prepared.bills
        assert prepared.rejection.findings
        assert all(finding.file and finding.message for finding in prepared.rejection.findings)
    return prepared


def any_bytes(name: str, changes: list[tuple[str, float, int, bytes]]) -> None:
    tried(mutated(SEEDS[name], changes), name)


def any_cells(kind: str, form: str, changes: list[tuple[int, int, str]]) -> None:
    rows = [dict(row) for row in ROWS[kind]]
    for row, column, text in changes:
        changed = rows[row % len(rows)]
        changed[sorted(changed)[column % len(changed)]] = text
    try:
        content = PACKED[form](rows)
    except (UnicodeEncodeError, ValueError):  # surrogates: no file has them
        return
    tried(content, f"{kind}.{form}")


FUZZES: dict[Callable[..., None], tuple[st.SearchStrategy[Any], ...]] = {
    any_bytes: (st.sampled_from(sorted(SEEDS)), edits),
    any_cells: (st.sampled_from(sorted(ROWS)), st.sampled_from(["csv", "parquet"]), cell_edits),
}


def run(fuzz: Callable[..., None], examples: int, seconds: float, **options: Any) -> int:
    """How many examples were tried: all of them, or as many as there was time for."""
    until = time.monotonic() + seconds
    count = 0
    failed = False

    def in_time(drawn: tuple[Any, ...]) -> None:
        nonlocal count, failed
        # What failed is tried again, to make it small: time must not change the answer then.
        if not failed and time.monotonic() > until:
            return
        count += 1
        try:
            fuzz(*drawn)
        except (Exception, pl.exceptions.PanicException):
            failed = True
            raise

    calm = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), **options)
    calm(given(st.tuples(*FUZZES[fuzz]))(in_time))()
    return count


def test_the_seeds_are_bills() -> None:
    for name, content in SEEDS.items():
        assert tried(content, name).rejection is None, name


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fuzz", FUZZES)
def test_any_input_is_read_or_refused(fuzz: Callable[..., None]) -> None:
    assert run(fuzz, 300, SHORT)


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("fuzz", FUZZES)
def test_any_input_for_long(fuzz: Callable[..., None]) -> None:
    until = time.monotonic() + float(os.environ.get("ONYX_FUZZ_SECONDS", "3600")) / len(FUZZES)
    count = 0
    while (left := until - time.monotonic()) > 0:
        count += run(fuzz, 500, left, database=None)
    print(f"{fuzz.__name__}: {count} examples")  # noqa: T201
    assert count
