"""Facts out of footers, and the cache that keeps them."""

import io
import threading
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services.query_engine.adapters import footers
from services.query_engine.adapters.file_facts import FileFactsCache
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.facts import ColumnFacts, FileFacts, Part
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError
from shared.tenancy import TenantId

ACME = TenantId("acme")


def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "Text": ["a", None, "x" * 100],
            "Whole": [1, 2, 3],
            "Money": pl.Series([Decimal("1.5"), None, Decimal(-2)], dtype=pl.Decimal(38, 18)),
            "Day": [date(2026, 1, 1), date(2026, 2, 1), None],
            "Start": pl.Series([datetime(2026, 1, 1)] * 3, dtype=pl.Datetime("us", "UTC")),  # noqa: DTZ001
            "Nano": pl.Series([datetime(2026, 1, 1)] * 3, dtype=pl.Datetime("ns")),  # noqa: DTZ001
            "Double": [1.0, float("nan"), None],
            "Flag": [True, None, False],
            "Nothing": pl.Series([None] * 3, dtype=pl.String),
            "Tags": pl.Series([{"a": "b"}, None, {}], dtype=pl.Map(pl.String, pl.String)),
        }
    )


@pytest.mark.parametrize("arrow", [False, True])
def test_a_footer_says_what_is_in_a_file(tmp_path: Path, arrow: bool) -> None:
    path = tmp_path / "a.parquet"
    frame().write_parquet(path, use_pyarrow=arrow)
    found = footers.run(footers.plan_of([str(path)]), {}).facts[str(path)]
    assert (found.bytes, found.rows, len(found.parts)) == (path.stat().st_size, 3, 1)
    columns = found.parts[0].columns
    bounds: dict[str, Any] = {name: each[1:] for name, each in columns.items()}
    low, high, nulls = bounds["text"]
    assert (low, len(high), nulls) == ("a", 64, 1)
    assert high > "x" * 100 or ("x" * 100).startswith(high)
    assert bounds["whole"] == (1, 3, 0)
    assert bounds["money"] == (Decimal(-2), Decimal("1.5"), 1)
    assert bounds["day"] == (date(2026, 1, 1), date(2026, 2, 1), 1)
    assert bounds["start"] == (datetime(2026, 1, 1), datetime(2026, 1, 1), 0)  # noqa: DTZ001
    assert bounds["nano"][0] < datetime(2026, 1, 1) < bounds["nano"][1]  # noqa: DTZ001
    assert bounds["double"] == bounds["flag"] == (None, None, 1)
    assert bounds["nothing"] == (None, None, 3)
    assert bounds["tags"] == (None, None, None)
    assert all(each.bytes > 0 for each in columns.values())


def test_row_groups_are_apart_and_together(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"n": [1, 2, None, None, 7, 9], "f": [1.0] * 6}).write_parquet(path, row_group_size=2)
    found = footers.run(footers.plan_of([str(path)]), {}).facts[str(path)]
    assert [part.columns["n"][1:] for part in found.parts] == [(1, 2, 0), (None, None, 2), (7, 9, 0)]
    assert found.whole.rows == 6
    assert found.whole.columns["n"][1:] == (1, 9, 2)
    assert found.whole.columns["n"].bytes == sum(part.columns["n"].bytes for part in found.parts)
    assert found.whole.columns["f"][1:] == (None, None, 0)


def test_a_footer_longer_than_the_first_read_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    pl.DataFrame({f"column_{at}": [at] for at in range(3000)}).write_parquet(path)
    found = footers.run(footers.plan_of([str(path)]), {}).facts[str(path)]
    assert found.parts[0].columns["column_2999"][1:] == (2999, 2999, 0)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"x" * 92 + b"\xff\xff\xff\xffPAR1"])
def test_what_is_no_parquet_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(OnyxError) as failed:
        footers.run(footers.plan_of([str(path)]), {})
    assert failed.value.code == "LAKE_UNAVAILABLE"


def test_every_cut_footer_is_an_error_or_the_same_facts(tmp_path: Path) -> None:
    held = io.BytesIO()
    frame().write_parquet(held)
    whole = held.getvalue()
    path = tmp_path / "cut"
    for end in range(len(whole) - 40, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(OnyxError):
            footers.run(footers.plan_of([str(path)]), {})


class FakePool:
    """Has facts of every file, and remembers which it was asked for."""

    name = "fake"

    def __init__(self) -> None:
        self.asked: list[tuple[TenantId, tuple[str, ...]]] = []

    def run(
        self,
        tenant: TenantId,
        plan: Plan,
        limits: Limits,
        timeout_seconds: float,
        stop: threading.Event | None = None,
    ) -> Answer:
        paths = tuple(path for each in plan.tables for path in each.table.files)
        self.asked.append((tenant, paths))
        return footers.FactsFound((), b"", len(paths), facts={path: self.of(path) for path in paths})

    def of(self, path: str) -> FileFacts:
        return FileFacts(len(path), (Part(1, {"n": ColumnFacts(1)}),))


def asked(pool: FakePool) -> Sequence[tuple[str, ...]]:
    return [paths for _, paths in pool.asked]


def test_what_is_known_is_not_read_again() -> None:
    pool = FakePool()
    cache = FileFactsCache(pool)
    assert cache.facts(ACME, ["a", "bb"]) == {"a": pool.of("a"), "bb": pool.of("bb")}
    assert set(cache.facts(ACME, ["bb", "ccc", "ccc"])) == {"bb", "ccc"}
    assert cache.facts(ACME, []) == {}
    assert asked(pool) == [("a", "bb"), ("ccc",)]
    assert {tenant for tenant, _ in pool.asked} == {ACME}


def test_beyond_the_budget_the_longest_unused_goes() -> None:
    pool = FakePool()
    cache = FileFactsCache(pool, budget=4)  # Two files of one column each.
    cache.facts(ACME, ["a", "b"])
    cache.facts(ACME, ["a"])
    cache.facts(ACME, ["c"])
    cache.facts(ACME, ["a", "c"])
    assert asked(pool) == [("a", "b"), ("c",)]
    cache.facts(ACME, ["b"])
    assert asked(pool)[-1] == ("b",)
