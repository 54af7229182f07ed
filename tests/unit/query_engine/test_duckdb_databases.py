"""A database that a query has left is to the next as if it were new."""

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from services.query_engine.adapters import duckdb_databases, duckdb_engine
from services.query_engine.adapters.duckdb_databases import Databases
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.stop import Stop
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import OnyxError

COLUMNS = (Column("a", "bigint"),)


class Opened:
    """An engine's databases, and how many were opened."""

    def __init__(self) -> None:
        self.kept = Databases()
        self.count = 0


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    made, really = Opened(), duckdb_databases._database

    def counted(files: tuple[str, ...], memory: int | None, threads: int | None) -> duckdb.DuckDBPyConnection:
        made.count += 1
        return really(files, memory, threads)

    monkeypatch.setattr(duckdb_databases, "_database", counted)
    monkeypatch.setattr(duckdb_engine, "DATABASES", made.kept)
    yield made
    made.kept.close()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three files with a number each."""
    for number in range(3):
        pl.DataFrame({"a": [number]}).write_parquet(tmp_path / f"{number}.parquet")
    return [str(tmp_path / f"{number}.parquet") for number in range(3)]


def ask(
    sql: str,
    *files: str,
    name: str = "t",
    stop: Stop | None = None,
    memory: int | None = None,
    threads: int | None = None,
) -> list[tuple[object, ...]]:
    """SQL that no front door has read, over a table of these files."""
    groups = (FileGroup(files, COLUMNS),) if files else ()
    plan = Plan("duckdb", sql, (BoundTable(name, Table(name, COLUMNS, groups)),), ())
    return duckdb_engine.run(
        plan, 1000, LakeFiles({}, stop=stop), memory_bytes=memory, threads=threads
    ).rows()


def refused(sql: str, *files: str, **options: object) -> str:
    with pytest.raises(OnyxError) as caught:
        ask(sql, *files, **options)  # type: ignore[arg-type]
    return caught.value.code


def test_queries_over_the_same_files_have_one_after_another(opened: Opened, files: list[str]) -> None:
    for _ in range(3):
        assert ask("SELECT sum(a) FROM t", files[0], files[1]) == [(1,)]
        assert ask("SELECT sum(a) FROM u", files[1], files[0], name="u") == [(1,)]
    assert opened.count == 1
    # Other files, another limit, other threads.
    assert ask("SELECT sum(a) FROM t", files[0]) == [(0,)]
    ask("SELECT a FROM t", files[0], memory=2**28)
    ask("SELECT a FROM t", files[0], threads=1)
    assert opened.count == 4


def test_what_was_bound_for_one_query_is_not_there_for_the_next(opened: Opened, files: list[str]) -> None:
    assert ask("SELECT onyx_element_at([a], 1) FROM t", files[1]) == [(1,)]
    assert refused("SELECT * FROM t", files[1], name="u") == "UNSUPPORTED_SQL"
    assert ask("SELECT a FROM t", files[1]) == [(1,)]
    # The engine lends a query the macros that its text names: here it cannot see that one is named.
    listed = "SELECT count(*) FROM duckdb_functions() WHERE function_name = 'onyx_' || 'element_at'"
    assert ask(listed, files[1]) == [(0,)]
    assert ask("SELECT count(*) FROM duckdb_views() WHERE NOT internal", files[1]) == [(1,)]


def test_the_files_of_another_query_are_out_of_reach(opened: Opened, files: list[str]) -> None:
    assert ask("SELECT a FROM t", files[0]) == [(0,)]
    assert ask("SELECT a FROM t", files[1]) == [(1,)]
    for own, other in ((0, 1), (1, 0), (0, 2)):
        reach = f"SELECT a FROM read_parquet('{files[other]}')"
        assert refused(reach, files[own]) == "LAKE_UNAVAILABLE"
        assert ask("SELECT a FROM t", files[own]) == [(own,)]


LEFT = (
    "CREATE TABLE left_here AS SELECT 1 AS x; SELECT 2",
    "SELECT 2; CREATE TABLE left_here AS SELECT 1 AS x",
    "CREATE VIEW left_here AS SELECT 1 AS x",
    "CREATE SCHEMA left_here",
    "CREATE MACRO left_here() AS 1",
    "CREATE SEQUENCE left_here",
    "SET VARIABLE left_here = 1",
    "SET threads = 1",
    "PREPARE left_here AS SELECT 1",
    "BEGIN; SELECT 1",
    "ATTACH ':memory:' AS left_here",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "EXPLAIN ANALYZE SELECT 1",
    "",
)


@pytest.mark.parametrize("sql", LEFT)
def test_what_would_leave_something_is_refused(opened: Opened, files: list[str], sql: str) -> None:
    ask("SELECT a FROM t", files[0])
    assert refused(sql, files[0]) == "UNSUPPORTED_SQL"
    named = "duckdb_tables", "duckdb_views", "duckdb_functions", "duckdb_sequences", "duckdb_databases"
    for each in named:
        assert ask(
            f"SELECT count(*) FROM {each}() x WHERE x::VARCHAR LIKE '%left_' || 'here%'", files[0]
        ) == [(0,)]
    assert ask("SELECT getvariable('left_here') IS NULL", files[0]) == [(True,)]


SETTINGS = (
    "TimeZone",
    "disabled_optimizers",
    "allowed_paths",
    "allowed_directories",
    "enable_external_access",
    "enable_external_file_cache",
    "lock_configuration",
    "memory_limit",
    "threads",
    "temp_directory",
    "python_enable_replacements",
    "autoload_known_extensions",
    "autoinstall_known_extensions",
    "allow_community_extensions",
)


def test_each_query_has_the_settings_of_the_first_and_cannot_change_them(
    opened: Opened, files: list[str]
) -> None:
    asked = "SELECT " + ", ".join(f"current_setting('{each}')::VARCHAR" for each in SETTINGS)
    first = ask(asked, files[0], memory=2**28, threads=2)
    assert ask(asked, files[0], memory=2**28, threads=2) == first
    assert opened.count == 1
    found = dict(zip(SETTINGS, first[0], strict=True))
    assert found["memory_limit"] == "256.0 MiB"
    assert found["allowed_paths"] == f"[{files[0]}]"
    assert found["allowed_directories"] == "[]"
    assert (found["TimeZone"], found["threads"], found["temp_directory"]) == ("UTC", "2", "")
    assert found["disabled_optimizers"] == "window_self_join"
    for name in SETTINGS:
        closed = {"true": True, "false": False}.get(str(found[name]))
        if closed is not None:
            assert closed is (name == "lock_configuration"), name
    with opened.kept.opened([files[0]], 2**28, 2) as connection:
        for name in SETTINGS:
            for sql in (f"SET {name} = DEFAULT", f"RESET {name}", f"SET SESSION {name} = '1'"):
                with pytest.raises(duckdb.Error):
                    connection.execute(sql)
    assert ask("SELECT CAST(TIMESTAMPTZ '2026-09-01 02:00:00+02' AS VARCHAR)", files[0]) == [
        ("2026-09-01 00:00:00+00",)
    ]


def test_random_numbers_are_not_those_of_the_query_before(opened: Opened, files: list[str]) -> None:
    seeded = "SELECT random() FROM (SELECT setseed(0.5))"
    ask(seeded, files[0])
    assert ask("SELECT random()", files[0]) != ask("SELECT random()", files[0])


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT CAST('x' AS INT) FROM t", "INVALID_CAST"),
        ("SELECT array_agg(x.range) AS l FROM range(20000000) x", "QUERY_MEMORY"),
        (
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 < b.range",
            "QUERY_CANCELLED",
        ),
        ("SELECT nothing FROM t", "UNSUPPORTED_SQL"),
    ],
)
def test_the_database_of_a_query_that_failed_is_not_used_again(
    opened: Opened, files: list[str], sql: str, code: str
) -> None:
    stop, memory = Stop(), (20 if code == "QUERY_MEMORY" else 200) * 2**20
    if code == "QUERY_CANCELLED":
        threading.Timer(0.2, stop.set).start()
    assert refused(sql, files[0], stop=stop, memory=memory) == code
    assert opened.count == 1
    assert ask("SELECT a FROM t", files[0], memory=memory) == [(0,)]
    assert opened.count == 2


def test_two_at_once_have_two(opened: Opened, files: list[str]) -> None:
    inside = threading.Barrier(2)
    limits: list[object] = []

    def use() -> None:
        with opened.kept.opened([files[0]], 2**28) as connection:
            inside.wait(20)
            limits.append(connection.execute("SELECT current_setting('memory_limit')").fetchone())

    threads = [threading.Thread(target=use) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert opened.count == 2
    assert limits == [("256.0 MiB",)] * 2
    use_both = [opened.kept.opened([files[0]], 2**28) for _ in range(2)]
    with use_both[0], use_both[1]:
        assert opened.count == 2


def test_without_files_nothing_is_kept(opened: Opened) -> None:
    for _ in range(2):
        assert ask("SELECT count(*) FROM t") == [(0,)]
    assert opened.count == 2


def test_those_used_last_are_kept(opened: Opened, files: list[str]) -> None:
    own = [[files[0]], [files[1]], [files[2]], files[:2], files[1:], files]
    for each in own:
        with opened.kept.opened(each):
            pass
    assert opened.count == 6
    for each in own[2:]:
        with opened.kept.opened(each):
            pass
    assert opened.count == 6
    with opened.kept.opened(own[0]):
        pass
    assert opened.count == 7


def test_one_of_much_memory_is_closed_and_gives_it_back(opened: Opened, tmp_path: Path) -> None:
    path = str(tmp_path / "many.parquet")
    pl.select(a=pl.int_range(4_000_000) * 7919 % 100_000_007).write_parquet(path)
    for _ in range(2):
        ask("SELECT a FROM t LIMIT 1", path)
    assert opened.count == 1
    before = duckdb_databases._resident()
    for number in range(2):
        ask("SELECT count(*) FROM (SELECT a, count(*) FROM t GROUP BY a)", path)
        assert opened.count == 1 + number
    assert duckdb_databases._resident() - before < 64 * 2**20
