"""Mutated queries on each engine, in a folder where another tenant's files lie: an answer or a clear error.

Whatever a query says, the kernel tells whether anything but the bound files was opened, and the rows whether
anything of it came through.
"""

import ctypes
import ctypes.util
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.result_json import type_name
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.router import DECLINED, HERE
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import BadRequest, OnyxError
from tests.fakes.query_engine import NOW, demo_tables
from tests.unit.query_engine.conftest import demo_frame
from tests.unit.query_engine.corpus_bills import corpus_tables
from tests.unit.query_engine.fuzz_queries import mutation, originals, probes

SECRET = "globex-secret-7f3a"
LIMITS = Limits(rows=300, bytes=20_000_000)
ROWS = 12
"""Of each file: a join of four tables on nothing is answered at once."""
SECONDS = 5.0
"""Of the processor: the machine may have other things to do."""
CODES = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)}
# What the caller can do nothing about, or what says that the files are not what they were.
NEVER = {errors.ENGINE_FAILED, errors.LAKE_UNAVAILABLE, errors.LAKE_INCONSISTENT, errors.WORKER_LOST}
_IN_OPEN = 0x20


class Opened:
    """Tells whether a file of `folder` was opened, as the kernel saw it."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK)
        assert self._fd >= 0
        for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            assert libc.inotify_add_watch(self._fd, str(each).encode(), _IN_OPEN) >= 0

    def __call__(self) -> bool:
        try:
            return bool(os.read(self._fd, 65536))
        except BlockingIOError:
            return False


@dataclass(frozen=True)
class Ground:
    """acme's tables, and what lies beside them."""

    tables: dict[str, Table]
    words: tuple[str, ...]
    folder: Path
    opened: Opened


@pytest.fixture(scope="module", autouse=True)
def _memory() -> Iterator[None]:
    """As much as a worker has, beside what earlier tests of this process hold: a query that asks for more is
    told so, and the machine lives."""
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    status = Path("/proc/self/status").read_text()
    held = int(status.split("VmData:")[1].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (held + 4 * 2**30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    base = tmp_path_factory.mktemp("fuzz")
    tables = _small(_tpch(base) | corpus_tables(base) | _demo(base), base / "acme")
    globex = base / "globex"
    globex.mkdir()
    pl.DataFrame({"ServiceName": [SECRET], "N": [1]}).write_parquet(globex / "charges.parquet")
    (globex / "canary.csv").write_text(f"ServiceName,N\n{SECRET},1\n")
    places = {
        "canary": str(globex / "canary.csv"),
        "others": str(globex / "charges.parquet"),
        "folder": str(globex),
    }
    opened = Opened(globex)
    assert (globex / "canary.csv").read_text(), "the instrument is looked at first"
    assert opened()
    assert not opened()
    return Ground(tables, probes(places), globex, opened)


def _tpch(base: Path) -> dict[str, Table]:
    command = Path(sys.executable).with_name("tpchgen-cli")
    subprocess.run([command, "parquet", "-s", "0.001", "--output-dir", base], check=True, capture_output=True)
    found = {}
    for file in sorted(base.glob("*.parquet")):
        columns = tuple(Column(name, type_name(kind)) for name, kind in pl.read_parquet_schema(file).items())
        found[file.stem] = Table(file.stem, columns, (FileGroup((str(file),), columns),))
    return found


def _demo(base: Path) -> dict[str, Table]:
    (base / "demo").mkdir()
    files = {}
    for name in ("charges", "small"):
        demo_frame(ROWS, len(name)).write_parquet(base / "demo" / f"{name}.parquet")
        files[name] = (str(base / "demo" / f"{name}.parquet"),)
    return demo_tables(files)


def _small(tables: dict[str, Table], folder: Path) -> dict[str, Table]:
    """The same tables with a few rows of each file."""
    folder.mkdir()
    found = {}
    for name, table in tables.items():
        groups = []
        for number, group in enumerate(table.groups):
            file = folder / f"{name}-{number}.parquet"
            pl.scan_parquet(list(group.files)).head(ROWS).collect().write_parquet(file)
            groups.append(FileGroup((str(file),), group.columns))
        found[name] = Table(name, table.columns, tuple(groups), rows=ROWS, snapshots=(1,))
    return found


def troubles(sql: str, ground: Ground) -> Iterator[str]:
    """What is wrong with how `sql` is treated, on each engine."""
    started = time.process_time()
    try:
        query = read_query(sql, ground.tables, NOW)
    except BadRequest as error:
        yield from _of_error("front door", error, sql)
        yield from _of_time("front door", started)
        return
    except Exception as error:  # noqa: BLE001 - whatever else comes out is the finding
        yield f"front door: {type(error).__name__}: {error}"
        return
    for engine in HERE:
        started = time.process_time()
        try:
            answer = run(plan_for(engine, query), LIMITS, {})
        except OnyxError as error:
            yield from _of_error(engine, error, sql)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            yield f"{engine}: {type(error).__name__}: {str(error)[:300]}"
        else:
            if SECRET.encode() in answer.rows:
                yield f"{engine}: another tenant's row"
        yield from _of_time(engine, started)
        if ground.opened():
            yield f"{engine}: another tenant's file was opened"


def _of_error(where: str, error: OnyxError, sql: str) -> Iterator[str]:
    told = f"{error.detail} {error.errors}"
    if error.code not in CODES or error.code in NEVER:
        yield f"{where}: {error.code}: {told[:300]} <- {str(error.__cause__)[:300]}"
    if len(error.detail) < 15:
        yield f"{where}: no sentence: {error.detail}"
    if len(error.detail) > 700:
        yield f"{where}: a long sentence: {error.code} {error.detail[:200]}"
    if where != "front door" and error.code not in DECLINED and re.search(r"/|\\|onyx__", error.detail):
        yield f"{where}: names what is ours: {error.code} {error.detail[:300]}"
    for word in ("acme", SECRET, "Traceback", "panicked"):
        if word in told and word not in sql:
            yield f"{where}: says {word}: {told[:300]}"


def _of_time(where: str, started: float) -> Iterator[str]:
    if (took := time.process_time() - started) > SECONDS:
        yield f"{where}: took {took:.1f} s"


def attack(ground: Ground, seed: int, count: int) -> list[str]:
    """What `count` mutations brought to light, with the query each."""
    pick, queries = random.Random(seed), originals()
    log = Path(os.environ["FUZZ_LOG"]).open("a") if "FUZZ_LOG" in os.environ else None  # noqa: SIM115
    found = []
    for _ in range(count):
        sql = mutation(pick, queries, ground.words)
        if log is not None:  # so that a hang or a crash of the process says of what
            log.write(f"{sql!r}\n")
            log.flush()
        for trouble in troubles(sql, ground):
            found.append(f"{trouble}\n    {sql!r}")
            if log is not None:
                log.write(f"!! {trouble}\n")
    return found


@pytest.mark.parametrize("seed", range(4))
def test_mutated_queries_are_answered_or_refused(ground: Ground, seed: int) -> None:
    assert attack(ground, seed, 100) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_mutated_queries_are_answered_or_refused(ground: Ground, seed: int) -> None:
    assert attack(ground, seed, 1000) == []


def test_every_probe_in_every_place_of_a_query(ground: Ground) -> None:
    """On its own as well: an item, a table, a condition, a statement before and after."""
    places = (
        "{}",
        "select {}",
        "select {} from small",
        "select * from {}",
        "select N from small where N in ({})",
        "select {} from small group by {}",
        "select N from small; {}",
        "select N as {} from small",
        "with {} as (select 1 as a) select * from {}",
        "select count(*) from small where {} = 1",
        "select N from small order by {}",
        "select N from small limit {}",
    )
    found = []
    for word in ground.words:
        for place in places[:: 1 if "{" not in word else 2]:
            sql = place.replace("{}", word)
            found += [f"{each}\n    {sql[:300]!r}" for each in troubles(sql, ground)]
    assert found == []


def test_every_original_is_good(ground: Ground) -> None:
    """Mutations of what is refused anyway would prove little."""
    refused = [sql for sql in originals() if any(_codes(sql, ground))]
    assert len(refused) < len(originals()) / 4


def _codes(sql: str, ground: Ground) -> Iterator[str]:
    try:
        read_query(sql, ground.tables, NOW)
    except BadRequest as error:
        yield str(error.code)
