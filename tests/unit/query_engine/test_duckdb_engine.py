"""What DuckDB could reach if it were let, its types, its errors, and the optimizer that mixes tenants."""

import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from services.query_engine.adapters import duckdb_engine
from services.query_engine.adapters.duckdb_databases import close_doors
from services.query_engine.adapters.duckdb_errors import explained
from services.query_engine.adapters.engines import run
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.stop import Stop
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.conftest import LIMITS

ROWS = 1_000


def raw(sql: str, *tables: BoundTable, stop: Stop | None = None, memory: int | None = None) -> pl.DataFrame:
    """SQL that no front door has read."""
    plan = Plan("duckdb", sql, tables, ())
    return duckdb_engine.run(plan, ROWS, LakeFiles({}, stop=stop), memory_bytes=memory)


@pytest.fixture
def bound(tmp_path: Path) -> BoundTable:
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "own.parquet")
    columns = (Column("a", "bigint"),)
    return BoundTable("t", Table("t", columns, (FileGroup((str(tmp_path / "own.parquet"),), columns),)))


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM read_parquet('{other}')",
        "SELECT * FROM '{other}'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('{folder}/*') WHERE file LIKE '%other%'",
        "SELECT * FROM read_blob('{other}')",
        "SELECT * FROM secret_frame",
        "SELECT * FROM pl.DataFrame",
        "ATTACH '{folder}/made.db'",
        "COPY t TO '{folder}/made.csv'",
        "INSTALL httpfs",
        "LOAD '{folder}/made.duckdb_extension'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "RESET lock_configuration",
        "PRAGMA enable_profiling = 'json'",
        "SELECT * FROM read_parquet('https://127.0.0.1:9/x.parquet')",
        "EXPORT DATABASE '{folder}/made'",
    ],
)
def test_nothing_but_the_files_of_the_plan_is_within_reach(
    attack: str, bound: BoundTable, tmp_path: Path
) -> None:
    """The front door refuses all of these; DuckDB would too."""
    secret_frame = pl.DataFrame({"a": [1]})
    pl.DataFrame({"a": [9]}).write_parquet(tmp_path / "other.parquet")
    assert raw("SELECT * FROM t", bound).rows() == [(1,), (2,)]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OnyxError) as caught:
        raw(attack.format(other=tmp_path / "other.parquet", folder=tmp_path), bound)
    assert str(tmp_path) not in caught.value.detail
    assert sorted(tmp_path.iterdir()) == before
    assert secret_frame.height == 1


def test_a_filter_holds_on_both_sides_of_a_window(tmp_path: Path) -> None:
    """DuckDB 2.0 makes a self join of such a window and forgets a filter of partitions on one side of it.

    The first half says that the danger is real; once it fails, DuckDB has mended it.
    """
    for tenant in (0, 1):
        folder = tmp_path / f"tenant={tenant}"
        folder.mkdir()
        pl.DataFrame({"svc": [0, 1, 2] * 4, "cost": [1000] * 12}).write_parquet(folder / "1.parquet")
    files = sorted(str(each) for each in tmp_path.glob("*/*.parquet"))
    source = f"read_parquet({files}, hive_partitioning = true)"
    sql = f"""WITH d AS (SELECT tenant, svc, sum(cost) AS c FROM {source}
                         WHERE tenant = 0 GROUP BY tenant, svc)
              SELECT svc, CAST(sum(c) OVER (PARTITION BY svc) AS BIGINT) AS total FROM d ORDER BY svc"""
    assert duckdb.connect().execute(sql).fetchall() == [(0, 8000), (1, 8000), (2, 8000)]
    with duckdb.connect() as connection:
        close_doors(connection, files)
        assert connection.execute(sql).fetchall() == [(0, 4000), (1, 4000), (2, 4000)]


def test_columns_have_the_types_that_polars_gives(bound: BoundTable) -> None:
    found = raw(
        """SELECT sum(a) AS hugeint, CAST(1 AS UHUGEINT) AS u, CAST(1 AS UTINYINT) AS small, CAST(1.5 AS DECIMAL(4, 1)) AS d,
           CAST('x' AS ENUM('x')) AS e, TIMESTAMPTZ '2026-09-01 02:00:00+02' AS z, TIMESTAMP_NS '2026-09-01' AS ns,
           NULL AS nothing, [1, 2] AS list, {'k': 1} AS row, MAP(['k'], ['v']) AS map, DATE '2024-02-29' AS day FROM t""",  # noqa: E501
        bound,
    )
    assert dict(found.schema) == {
        "hugeint": pl.Int64(),
        "u": pl.Int64(),
        "small": pl.Int64(),
        "d": pl.Decimal(38, 1),
        "e": pl.String(),
        "z": pl.Datetime("us"),
        "ns": pl.Datetime("us"),
        "nothing": pl.Null(),
        "list": pl.List(pl.Int32),
        "row": pl.Struct({"k": pl.Int32}),
        "map": pl.Map(pl.String, pl.String),
        "day": pl.Date(),
    }
    assert str(found["z"][0]) == "2026-09-01 00:00:00"
    with pytest.raises(OnyxError, match="interval"):
        raw("SELECT INTERVAL 1 DAY AS i")


def test_a_query_that_needs_too_much_memory_fails(bound: BoundTable) -> None:
    with pytest.raises(OnyxError) as caught:
        raw("SELECT array_agg(x.range) AS l FROM range(20000000) x", memory=20 * 2**20)
    assert caught.value.code == "QUERY_MEMORY"


def test_a_query_that_is_not_wanted_any_more_ends(bound: BoundTable) -> None:
    stop = Stop()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(OnyxError) as caught:
        raw(
            "SELECT count(*) AS c FROM range(1000000) a, range(1000000) b WHERE a.range % 7 < b.range",
            stop=stop,
        )
    assert caught.value.code == "QUERY_CANCELLED"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (duckdb.IOException("IO Error: No files found that match /tmp/x/1.parquet"), "LAKE_UNAVAILABLE"),
        (duckdb.BinderException('Binder Error: no function "f" in /tmp/x/1.parquet'), "UNSUPPORTED_SQL"),
        (duckdb.InternalException("INTERNAL Error: /tmp/x/1.parquet"), "ENGINE_FAILED"),
        (duckdb.OutOfMemoryException("Out of Memory Error: /tmp/x"), "QUERY_MEMORY"),
        (duckdb.ConversionException("Error: Could not convert string '/tmp/x' to INT64"), "INVALID_CAST"),
    ],
)  # fmt: skip
def test_no_file_is_named(error: Exception, code: str) -> None:
    made = explained(error)
    assert made.code == code
    assert "/tmp" not in made.detail


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_and_repeated_queries_agree(threads: int, tables: dict[str, Table]) -> None:
    plan = compile_query(
        "select m, sum(BilledCost * EffectiveCost) from charges group by m", tables, NOW, "duckdb"
    )
    first = duckdb_engine.run(plan, ROWS, LakeFiles({}), threads=threads)
    assert sorted(first.rows()) == sorted(duckdb_engine.run(plan, ROWS, LakeFiles({})).rows())


def test_queries_at_once_do_not_see_each_other(tables: dict[str, Table]) -> None:
    plan = compile_query("select sum(BilledCost / (m + 1)) from charges", tables, NOW, "duckdb")
    expected = run(plan, LIMITS, {}).rows
    found: list[bytes] = []
    ask: Callable[[], None] = lambda: found.append(run(plan, LIMITS, {}).rows)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [expected] * 6
