"""The orphan sweep: which files go, and that no published one ever does."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.cost_center.application.sweep_orphans import SweepOrphans
from services.cost_center.domain.bill import Delivery
from shared.clock import FixedClock
from shared.ids import SequenceIds
from tests.fakes.cost_center import ACME, BUCKET, NOW, Crash, CrashAt, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.cost_center_sweeps import LAKE, FakeLakeFiles, FakeSweepRows, WorldLakeFiles

DAY = timedelta(days=1)
OLD = NOW - 2 * DAY


def key(delivery: str, attempt: str = "a1", table: str = "curated/charges") -> str:
    return f"{ACME}/{table}/data/{delivery}/{attempt}-0.parquet"


def sweeping(lake: FakeLakeFiles, rows: FakeSweepRows | None = None, pages: int = 20) -> SweepOrphans:
    return SweepOrphans(lake, rows or FakeSweepRows(), LAKE, FixedClock(NOW), SequenceIds(), pages, DAY)


def test_old_files_of_no_set_are_removed_and_told_of() -> None:
    lake = FakeLakeFiles({key("d1"): OLD, key("d2", table="raw/cur"): OLD})
    rows = FakeSweepRows()
    assert sweeping(lake, rows)(ACME) == 2
    assert lake.files == {}
    (word,) = rows.words
    assert word.data == {
        "sweep": "orphans", "tenant": "acme", "healed": 2, "examples": [key("d1"), key("d2", table="raw/cur")]
    }  # fmt: skip


@pytest.mark.parametrize(
    "kept",
    [
        f"{ACME}/curated/charges/metadata/00001.metadata.json",
        f"{ACME}/curated/charges/data/d1/a1-0.csv",
        f"{ACME}/other/charges/data/d1/a1-0.parquet",
        f"{ACME}/notes.parquet",
    ],
)
def test_nothing_but_data_files_is_touched(kept: str) -> None:
    lake = FakeLakeFiles({kept: OLD})
    assert sweeping(lake)(ACME) == 0
    assert lake.files


def test_young_files_stay() -> None:
    lake = FakeLakeFiles({key("d1"): NOW - DAY + timedelta(minutes=1)})
    assert sweeping(lake)(ACME) == 0
    assert lake.files


def test_files_of_an_open_delivery_stay() -> None:
    rows = FakeSweepRows()
    opened = Delivery("d1", BUCKET, "k", "aws", "f", OLD)
    rows.bills.open_delivery(ACME, opened)
    lake = FakeLakeFiles({key("d1"): OLD, key("d2"): OLD})
    assert sweeping(lake, rows)(ACME) == 1
    assert list(lake.files) == [key("d1")]


def test_a_run_is_bounded_and_the_next_goes_on_until_it_begins_anew() -> None:
    lake = FakeLakeFiles({key(f"d{n:02d}"): NOW for n in range(25)}, page=5)
    rows = FakeSweepRows()
    sweep = sweeping(lake, rows, pages=2)
    places = []
    for _ in range(4):
        before = lake.pages
        sweep(ACME)
        assert lake.pages - before <= 2
        places.append(rows.orphans[ACME].after)
    assert places == [key("d09"), key("d19"), None, key("d09")]


def test_a_run_whose_time_is_up_lists_no_more() -> None:
    lake = FakeLakeFiles({key("d1"): OLD})
    assert replace(sweeping(lake), time_is_up=lambda: True)(ACME) == 0
    assert lake.pages == 0


@pytest.mark.parametrize("step", ["raw uploaded", "raw committed", "curated uploaded", "curated committed"])
def test_after_a_crash_the_files_of_the_lost_attempt_go_and_the_published_ones_stay(
    tmp_path: Path, step: str
) -> None:
    world = World(tmp_path)
    first = world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    assert first[0].status == "ingested"
    world.failpoint = CrashAt(step)
    landed = world.landing.put("acme/aws/2.csv", csv_bytes(cur_rows(3)))
    with pytest.raises(Crash):
        world.ingest(landed)
    rows = FakeSweepRows(world.bills, world.lake)
    clock = FixedClock(world.clock.now() + DAY)
    files = WorldLakeFiles(world.lake, clock.now)
    sweep = SweepOrphans(files, rows, LAKE, clock, SequenceIds(), 5, DAY)
    assert sweep(ACME) == 0, "the delivery is open"
    assert world.ingest(landed)[0].status == "restated"
    left = len(world.lake.keys)
    removed = sweep(ACME)
    assert removed == (1 if step.startswith("raw") else 2)
    assert len(world.lake.keys) == left - removed
    named = {
        Path(file) for each in world.bills.history for table in each.tables.values() for file in table.files
    }
    assert set(world.lake.keys.values()) == named, "the sets of history too"
    assert all(file.exists() for file in named)
