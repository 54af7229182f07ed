"""Keys of maps read by Arrow: what Polars' own reader of maps finds, however a query asks for them."""

import json
from pathlib import Path
from random import Random

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.map_keys import ROW, MapKeys
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.plan import MapKey
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.conftest import LIMITS

ROWS = 700
KEYS = ("team", "env", "é", "", "a longer key of more than twelve bytes")
MAPS = pa.map_(pa.large_string(), pa.large_string())
COLUMNS = (
    Column("N", "bigint"),
    Column("Tags", "map(varchar, varchar)"),
    Column("Other", "map(varchar, varchar)"),
)
QUERIES = (
    "SELECT coalesce(tags['team'], 'none') AS t, sum(n) AS n FROM t GROUP BY 1 ORDER BY 1",
    "SELECT count(*) AS n FROM t WHERE tags['team'] IS NULL",
    "SELECT count(*) AS n, sum(n) AS s FROM t WHERE tags['env'] IS NOT NULL AND n % 3 = 0",
    "SELECT count(tags['team']) AS n, count(DISTINCT tags['env']) AS e FROM t",
    "SELECT n, tags['team'] AS t, tags['env'] AS e, other['team'] AS o FROM t WHERE n > 650 ORDER BY n",
    "SELECT sum(n) FILTER (WHERE tags['env'] = 'v1') AS a, sum(n) FILTER (WHERE tags['é'] <> 'v1') AS b "
    "FROM t",
    "SELECT count(*) AS n FROM t a JOIN t b ON a.n = b.n WHERE a.tags['team'] = b.other['team']",
    "SELECT tags['nobody has it'] AS t, count(*) AS n FROM t GROUP BY 1",
    "SELECT tags['team'] AS t, tags['team'] IS NULL AS no FROM t WHERE n IN (3, 200, 401) ORDER BY n",
    "SELECT tags[''] AS t, count(*) AS n FROM t WHERE tags['team'] LIKE 'v%' GROUP BY 1 ORDER BY 1",
)


def maps(seed: int, *, nulls: bool) -> pa.Array:
    """Null and empty ones among them; with `nulls` some of the values are null."""
    pick = Random(seed)
    found: list[list[tuple[str, str | None]] | None] = []
    for _ in range(ROWS):
        keys = pick.sample(KEYS, pick.randint(0, len(KEYS)))
        values = [None if nulls and pick.random() < 0.2 else f"v{pick.randint(1, 3)}" for _ in keys]
        found.append(None if pick.random() < 0.1 else list(zip(keys, values, strict=True)))
    return pa.array(found, MAPS)


def written(path: Path, seed: int, *, nulls: bool) -> str:
    table = pa.table(
        {
            "N": pa.array(range(ROWS), pa.int64()),
            "Tags": maps(seed, nulls=nulls),
            "Other": maps(seed + 50, nulls=False),
        }
    )
    pl.DataFrame(table).write_parquet(path, row_group_size=150)
    return str(path)


@pytest.fixture(params=[False, True], ids=["values", "null values"])
def paths(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, ...]:
    return tuple(written(tmp_path / f"{at}.parquet", at, nulls=request.param) for at in range(3))


def own(key: str) -> pl.Expr:
    return pl.col("Tags").map.get(key)


@pytest.mark.parametrize("presence", [False, True])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "some",
    [
        pl.lit(True),
        pl.col("N") % 7 == 3,
        pl.col("N").is_between(290, 310),
        pl.col("N") > ROWS,
    ],
    ids=["all", "scattered", "across row groups", "none"],
)
def test_each_row_has_what_its_map_has(
    paths: tuple[str, ...], key: str, some: pl.Expr, presence: bool
) -> None:
    with MapKeys() as keys:
        columns = keys.columns(paths, "Tags", [MapKey("k", "tags", key, presence)])
        scan = pl.scan_parquet(list(paths), row_index_name=ROW, glob=False).with_columns(columns)
        found = scan.filter(some).select("N", "k").collect(engine="streaming")
    expected = pl.read_parquet(list(paths)).filter(some).select("N", k=own(key))
    if presence:
        found, expected = (
            found.with_columns(pl.col("k").is_null()),
            expected.with_columns(pl.col("k").is_null()),
        )
    assert found.equals(expected)


@pytest.mark.parametrize("sql", QUERIES)
def test_queries_are_answered_as_duckdb_does(sql: str, paths: tuple[str, ...]) -> None:
    table = Table("t", COLUMNS, (FileGroup(paths, COLUMNS),), 3 * ROWS)
    answer = run(compile_query(sql, {"t": table}, NOW), LIMITS, {})
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW t AS SELECT * FROM read_parquet({list(paths)})")
        theirs = connection.sql(sql)
        rows = [dict(zip(theirs.columns, row, strict=True)) for row in theirs.fetchall()]
    assert answer.engine == "polars"
    assert sorted(json.loads(answer.rows), key=repr) == sorted(rows, key=repr)


@pytest.mark.parametrize(
    ("sql", "presence"),
    [
        ("SELECT count(*) FROM t WHERE tags['team'] IS NULL", True),
        ("SELECT count(tags['team']) FROM t WHERE (tags['team']) IS NOT NULL", True),
        ("SELECT count(*) FROM t WHERE tags['team'] IS NULL OR tags['team'] = 'v1'", False),
        ("SELECT tags['team'] FROM t WHERE tags['team'] IS NULL", False),
        ("SELECT count(DISTINCT tags['team']) FROM t", False),
    ],
)
def test_values_are_read_where_they_are_asked_for(sql: str, presence: bool) -> None:
    table = Table("t", COLUMNS, (FileGroup(("f",), COLUMNS),), ROWS)
    [bound] = compile_query(sql, {"t": table}, NOW).tables
    assert [each.presence for each in bound.map_keys] == [presence]


def test_the_last_of_equal_keys_counts(tmp_path: Path) -> None:
    """As in Polars. A bill has none: they are made one when it is ingested."""
    pairs = pa.array([[("a", "1"), ("b", "x"), ("a", "2")], [], None, [("a", "3"), ("a", None)]], MAPS)
    pq.write_table(pa.table({"Tags": pairs}), tmp_path / "f.parquet")
    paths = (str(tmp_path / "f.parquet"),)
    with MapKeys() as keys:
        columns = keys.columns(paths, "Tags", [MapKey("k", "tags", "a")])
        found = pl.scan_parquet(list(paths), row_index_name=ROW).select(columns).collect(engine="streaming")
    assert found["k"].to_list() == ["2", None, None, None]
    assert found["k"].to_list() == pl.read_parquet(list(paths)).select(own("a")).to_series().to_list()


def test_rows_in_any_order_have_their_own(paths: tuple[str, ...]) -> None:
    pick = Random(9)
    wanted = [pick.randrange(3 * ROWS) for _ in range(500)]
    with MapKeys() as keys:
        [column] = keys.columns(paths, "Tags", [MapKey("k", "tags", "team")])
        found = pl.DataFrame({ROW: pl.Series(wanted, dtype=pl.UInt32)}).select(column)["k"]
    whole = pl.read_parquet(list(paths)).select(own("team")).to_series()
    assert found.to_list() == whole.gather(wanted).to_list()


def test_files_without_the_map_have_null(paths: tuple[str, ...], tmp_path: Path) -> None:
    plain = tmp_path / "plain.parquet"
    pl.DataFrame({"N": [1, 2]}).write_parquet(plain)
    groups = (FileGroup(paths, COLUMNS), FileGroup((str(plain),), COLUMNS[:1]))
    table = Table("t", COLUMNS, groups, 3 * ROWS + 2)
    sql = "SELECT count(*) AS n, count(tags['env']) AS e FROM t"
    found = json.loads(run(compile_query(sql, {"t": table}, NOW), LIMITS, {}).rows)
    held = pl.read_parquet(list(paths)).select(own("env").count()).item()
    assert found == [{"n": 3 * ROWS + 2, "e": held}]


def test_a_damaged_file_is_no_answer(paths: tuple[str, ...]) -> None:
    data = bytearray(Path(paths[0]).read_bytes())
    data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
    Path(paths[0]).write_bytes(data)
    table = Table("t", COLUMNS, (FileGroup(paths, COLUMNS),), 3 * ROWS)
    with pytest.raises(OnyxError):
        run(compile_query("SELECT count(tags['env']) AS n FROM t", {"t": table}, NOW), LIMITS, {})
