"""Columns come into memory once they are asked for, answers are the same, and a new set is other files."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services.query_engine.adapters import engines
from services.query_engine.adapters.file_cache import FileCache
from services.query_engine.adapters.frames import FrameStore
from services.query_engine.adapters.hydration import LATELY, Hydration
from services.query_engine.adapters.stop import Stop
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import LAKE_UNAVAILABLE, QUERY_MEMORY, QUERY_TIMEOUT
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Column, Table
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW
from tests.fakes.query_engine_copies import FolderLake, table

MONEY = pl.Decimal(38, 18)
ALL = (
    Column("ServiceName", "varchar"),
    Column("BilledCost", "decimal(38,18)"),
    Column("ChargePeriodStart", "timestamp"),
    Column("Tags", "map(varchar, varchar)"),
    Column("N", "bigint"),
    Column("Later", "varchar"),
)
HELD = ALL[:5]
LIMITS = Limits(rows=1000, bytes=1_000_000)
SUM = "select ServiceName, sum(BilledCost) c, count(*) n from charges group by 1 order by 1"


def frame(seed: int, rows: int = 300) -> pl.DataFrame:
    pick = random.Random(seed)
    return pl.DataFrame(
        {
            "ServiceName": [pick.choice(["EC2", "S3", None, ""]) for _ in range(rows)],
            "BilledCost": pl.Series(
                [Decimal(pick.randint(-(10**20), 10**20)).scaleb(-18) for _ in range(rows)], dtype=MONEY
            ),
            "ChargePeriodStart": pl.Series(
                [
                    datetime(2026, 9, 1, tzinfo=UTC) + timedelta(hours=pick.randint(0, 700))
                    for _ in range(rows)
                ],
                dtype=pl.Datetime("us", "UTC"),
            ),
            "Tags": pl.Series(
                [pick.choice([None, {}, {"env": "prod"}, {"env": "dev", "a": "b"}]) for _ in range(rows)],
                dtype=pl.Map(pl.String, pl.String),
            ),
            "N": [pick.choice([None, 1, 2, 3]) for _ in range(rows)],
        }
    )


class World:
    def __init__(self, folder: Path, frames: int = 10**9) -> None:
        self.lake = FolderLake(folder)
        self.now = 1000.0
        self.files = FileCache(folder / "copies", 10**9, self.lake)
        self.hydration = Hydration(self.files, FrameStore(frames, lambda: self.now), lambda: self.now)

    def table(self, tenant: str, seeds: tuple[int, ...]) -> Table:
        paths = tuple(self.lake.put(f"s3://lake/{tenant}/{each}.parquet", frame(each)) for each in seeds)
        return table(ALL, (paths, HELD))

    def ask(
        self, sql: str, held: Table, tenant: str = "acme", stop: Stop | None = None, engine: str = "polars"
    ) -> Answer:
        plan = compile_query(sql, {"charges": held}, NOW, engine)
        return engines.run(plan, LIMITS, {"who": tenant}, tenant=tenant, hydration=self.hydration, stop=stop)

    def settled(self, sql: str, held: Table, tenant: str = "acme") -> Answer:
        """After it was asked often enough."""
        for _ in range(2):
            self.ask(sql, held, tenant)
        self.hydration.settle()
        return self.ask(sql, held, tenant)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.hydration.close()


QUERIES = (
    SUM,
    "select count(*) n, min(ChargePeriodStart) a, max(ChargePeriodStart) b from charges",
    "select Tags['env'] env, sum(BilledCost) c from charges group by 1 order by 1",
    "select Later, count(*) n, sum(N) s from charges group by 1 order by 1",
    "with d as (select ServiceName, sum(N) n from charges group by 1) select a.ServiceName, b.n "
    "from d a join d b on a.ServiceName = b.ServiceName order by 1",
    "select ServiceName, N, row_number() over (partition by ServiceName order by N, BilledCost) r "
    "from charges where ChargePeriodStart >= timestamp '2026-09-10' order by 1, 2, 3 limit 50",
)


@pytest.mark.parametrize("sql", QUERIES)
def test_answers_from_memory_are_those_from_files(world: World, sql: str) -> None:
    held = world.table("acme", (1, 2, 3))
    cold = world.ask(sql, held)
    warm = world.settled(sql, held)
    assert (cold.engine, warm.engine) == ("polars", "polars-memory")
    assert (warm.columns, warm.rows) == (cold.columns, cold.rows)


def test_files_with_other_columns_are_one_table_in_memory_too(world: World) -> None:
    base = world.table("acme", (1,))
    late = frame(2).with_columns(Later=pl.lit("x"), N=pl.col("N").cast(pl.Int32)).drop("Tags")
    path = world.lake.put("s3://lake/acme/late.parquet", late)
    other = (Column("Later", "varchar"), Column("N", "integer"), *HELD[:3])
    held = table(ALL, (base.files, HELD), ((path,), other))
    for sql in QUERIES:
        cold = world.ask(sql, held)
        warm = world.settled(sql, held)
        assert warm.rows == cold.rows
    assert warm.engine == "polars-memory"


def test_what_nobody_asks_for_twice_lately_stays_on_disk(world: World) -> None:
    held = world.table("acme", (1,))
    world.ask(SUM, held)
    world.now += LATELY + 1
    world.ask(SUM, held)
    world.hydration.settle()
    assert world.hydration.frames.bytes == 0
    assert world.ask(SUM, held).engine == "polars"


def test_memory_does_not_hold_more_than_its_budget(tmp_path: Path) -> None:
    world = World(tmp_path, frames=20_000)
    held = world.table("acme", (1, 2, 3, 4, 5, 6))
    narrow = "select sum(N) n from charges"
    assert world.settled(narrow, held).engine == "polars-memory"
    assert world.settled(SUM, held).engine == "polars"
    assert world.hydration.frames.bytes <= 20_000
    assert world.ask(narrow, held).engine == "polars-memory"


def test_a_new_set_is_read_at_once_and_the_old_one_by_who_began_with_it(world: World) -> None:
    old, new = world.table("acme", (1, 2)), world.table("acme", (1, 3))
    before, after = world.settled(SUM, old), world.ask(SUM, new)
    assert before.rows != after.rows
    # A plan that was made before goes on with its files, whatever came into memory meanwhile.
    assert world.settled(SUM, new).rows == after.rows
    assert world.ask(SUM, old).rows == before.rows


def test_what_is_published_comes_in_before_it_is_asked_for(world: World) -> None:
    old, new = world.table("acme", (1,)), world.table("acme", (2,))
    world.settled(SUM, old)
    world.hydration.warm("acme", [new], frozenset(new.files), {"who": "acme"})
    world.hydration.settle()
    assert world.ask(SUM, new).engine == "polars-memory"
    assert world.ask("select sum(N) n from charges", new).engine == "polars"


def test_before_anybody_asks_the_columns_of_reports_come_in(world: World) -> None:
    held = world.table("acme", (1,))
    world.hydration.warm("acme", [held], frozenset(held.files), {"who": "acme"})
    world.hydration.settle()
    assert world.ask(SUM, held).engine == "polars-memory"


def test_one_tenants_columns_and_copies_serve_no_other(world: World) -> None:
    """Also if a plan of the other named the very file: what is held is found by its tenant alone."""
    held = world.table("acme", (1,))
    world.settled(SUM, held)
    with pytest.raises(OnyxError) as caught:
        world.ask(SUM, held, tenant="globex")
    assert caught.value.code == LAKE_UNAVAILABLE


def test_hydration_that_fails_harms_no_query(world: World) -> None:
    first, second = world.table("acme", (1,)), world.table("acme", (2,))
    right = world.ask(SUM, second).rows

    def fails() -> None:
        raise OSError("the lake is away")

    world.lake.before = fails
    world.hydration.warm("acme", [first], frozenset(first.files), {"who": "acme"})
    world.hydration.settle()
    assert world.hydration.frames.bytes == 0
    with pytest.raises(OnyxError) as caught:
        world.ask(SUM, first)
    assert caught.value.code == LAKE_UNAVAILABLE
    assert world.settled(SUM, second).rows == right
    world.lake.before = lambda: None
    assert world.ask(SUM, first).rows != right


def test_a_query_that_waits_for_its_files_ends_when_it_is_told_to(world: World) -> None:
    held, go, stop = world.table("acme", (1,)), threading.Event(), Stop()
    world.lake.before = lambda: (go.wait(10), None)[1]
    caught: list[Any] = []

    def ask() -> None:
        try:
            world.ask(SUM, held, stop=stop)
        except OnyxError as error:
            caught.append(error.code)

    thread = threading.Thread(target=ask)
    thread.start()
    stop.set()
    thread.join(10)
    go.set()
    assert caught == [QUERY_TIMEOUT]


def test_files_that_do_not_fit_the_disk_are_an_error_for_who_needs_copies(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.files = FileCache(tmp_path / "small", 100, world.lake)
    world.hydration = Hydration(world.files, FrameStore(10**9))
    with pytest.raises(OnyxError) as caught:
        world.ask(SUM, world.table("acme", (1,)), engine="duckdb")
    assert caught.value.code == QUERY_MEMORY


def test_duckdb_reads_the_same_copies(world: World) -> None:
    held = world.table("acme", (1, 2))
    rows = world.settled(SUM, held).rows
    fetched = len(world.lake.fetched)
    answer = world.ask(SUM, held, engine="duckdb")
    assert (answer.rows, answer.engine) == (rows, "duckdb")
    assert len(world.lake.fetched) == fetched


def test_under_load_and_eviction_every_answer_is_right(tmp_path: Path) -> None:
    world = World(tmp_path, frames=60_000)
    held = [world.table("acme", (seed, seed + 1)) for seed in range(0, 8, 2)]
    world.files = FileCache(tmp_path / "few", 5 * 20_000, world.lake)
    world.hydration = Hydration(world.files, world.hydration.frames, lambda: world.now)
    asked = [(sql, table) for sql in QUERIES[:4] for table in held]
    right = [world.ask(sql, table).rows for sql, table in asked]
    wrong: list[str] = []

    def work(seed: int) -> None:
        pick = random.Random(seed)
        for _ in range(25):
            number = pick.randrange(len(asked))
            world.now += 5
            if world.ask(*asked[number]).rows != right[number]:
                wrong.append(asked[number][0])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    world.hydration.settle()
    assert wrong == []
    assert 0 < world.hydration.frames.bytes <= 60_000
