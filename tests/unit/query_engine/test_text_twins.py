"""Second columns over the same pages: the data as it was, and every query's answer, too."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.text_twins import TWIN, add_twins
from services.query_engine.adapters.thrift import read_struct, written
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.plan import TextKey
from services.query_engine.domain.tables import Column, FileGroup, Table
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.conftest import LIMITS

ROWS = 3000
COLUMNS = (
    Column("Service", "varchar"),
    Column("Region", "varchar"),
    Column("LineItem", "varchar"),
    Column("Cost", "bigint"),
)
QUERIES = (
    "SELECT service, sum(cost) AS c FROM t GROUP BY service ORDER BY service",
    "SELECT service AS s, region AS r, count(*) AS n FROM t GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT coalesce(service, 'none') AS s, sum(cost) AS c FROM t GROUP BY service ORDER BY 1",
    "SELECT service, sum(cost) AS c FROM t WHERE service <> 'b' AND region IS NOT NULL GROUP BY 1 ORDER BY 1",
    "SELECT service, sum(cost) AS c FROM t WHERE service IN ('a', 'é', 'none') GROUP BY 1 ORDER BY 1",
    "SELECT service, sum(cost) AS c FROM t WHERE service LIKE '%é%' OR service = '' GROUP BY 1 ORDER BY 1",
    "SELECT service, sum(cost) AS c FROM t WHERE upper(service) = 'A' GROUP BY 1 ORDER BY 1",
    "SELECT service, max(service) AS m, count(service) AS n FROM t GROUP BY 1 ORDER BY 1",
    "SELECT count(DISTINCT service) AS s, count(DISTINCT region) AS r FROM t",
    "SELECT region, count(DISTINCT service) AS n FROM t GROUP BY 1 HAVING region > 'r0' ORDER BY 1",
    "SELECT service, rank() OVER (ORDER BY sum(cost) DESC) AS r FROM t GROUP BY service ORDER BY 1",
    "SELECT a.service, count(*) AS n FROM t a JOIN t b ON a.cost = b.cost GROUP BY a.service ORDER BY 1",
    "SELECT a.service, count(b.region) AS n FROM t a LEFT JOIN t b ON a.cost = b.cost AND b.region = 'r1' "
    "GROUP BY a.service ORDER BY 1",
    "SELECT service, count(*) AS n FROM t WHERE region IN (SELECT region FROM t GROUP BY region) "
    "GROUP BY service ORDER BY 1",
    "WITH x AS (SELECT service, region, sum(cost) AS c FROM t GROUP BY 1, 2) "
    "SELECT x.service, y.region, sum(x.c) AS c FROM x JOIN x AS y ON x.region = y.region "
    "GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT region, count(*) FILTER (WHERE service = 'a') AS a, "
    "sum(CASE WHEN service <> 'a' THEN cost END) AS o FROM t GROUP BY region ORDER BY region",
    "SELECT service FROM t GROUP BY service UNION SELECT region FROM t GROUP BY region ORDER BY 1",
    "SELECT lineitem, count(*) AS n FROM t WHERE cost < 30 GROUP BY 1 ORDER BY 1",
)


def frame(seed: int) -> pl.DataFrame:
    at = pl.int_range(ROWS)
    services = pl.Series(["a", "b", None, "é", "", "z" * 40])
    regions = pl.Series(["r0", "r1", None, f"r{seed}"])
    return pl.select(
        Service=pl.lit(services).gather(at.hash(seed) % len(services)),
        Region=pl.lit(regions).gather(at.hash(seed + 9) % len(regions)),
        LineItem=pl.format("item {}", at.hash(seed)),
        Cost=at + seed,
    )


@pytest.fixture
def plain(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{seed}.parquet" for seed in (1, 2)]
    for seed, path in enumerate(paths, 1):
        frame(seed).write_parquet(path, row_group_size=1000)
    return paths


@pytest.fixture
def twins(plain: list[Path], tmp_path: Path) -> list[Path]:
    made = [Path(shutil.copy(path, tmp_path / f"twin-{path.name}")) for path in plain]
    assert all(add_twins(path, "acme") for path in made)
    return made


def table(paths: list[Path], columns: tuple[Column, ...] = COLUMNS) -> dict[str, Table]:
    return {"t": Table("t", columns, (FileGroup(tuple(map(str, paths)), columns),))}


def rows(sql: str, tables: dict[str, Table], engine: str = "polars") -> list[Any]:
    answer = run(compile_query(sql, tables, NOW, engine), LIMITS, {})
    return [tuple(row.values()) for row in json.loads(answer.rows)]


def test_the_columns_that_were_there_are_as_they_were(plain: list[Path], twins: list[Path]) -> None:
    for before, after in zip(plain, twins, strict=True):
        was, found = pl.read_parquet(before), pl.read_parquet(after)
        assert found.select(was.columns).equals(was)
        with duckdb.connect() as connection:
            seen = connection.sql(f"SELECT Service, Cost FROM '{after}'").pl()
        assert seen.equals(was.select("Service", "Cost"))


def test_a_twin_holds_what_its_text_does(twins: list[Path]) -> None:
    found = pl.read_parquet(twins[0], columns=[f"{TWIN}Service"]).to_series()
    assert found.dtype == pl.Categorical(pl.Categories("service", "acme"))
    assert found.cast(pl.String).to_list() == pl.read_parquet(twins[0])["Service"].to_list()


def test_a_footer_is_written_as_it_was_read(plain: list[Path]) -> None:
    data = plain[0].read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    assert written(read_struct(footer)) == footer


def test_a_file_that_is_another_s_stays_as_it_is(tmp_path: Path) -> None:
    """DuckDB leaves no schema of Arrow in the footer."""
    path = tmp_path / "other.parquet"
    duckdb.sql(f"COPY (SELECT 'a' AS Service, range AS Cost FROM range(1000)) TO '{path}'")
    before = path.read_bytes()
    assert not add_twins(path, "acme")
    assert path.read_bytes() == before


def test_a_broken_footer_stays_as_it_is(plain: list[Path]) -> None:
    data = plain[0].read_bytes()
    plain[0].write_bytes(data[:-200] + bytes(100) + data[-100:])
    before = plain[0].read_bytes()
    assert not add_twins(plain[0], "acme")
    assert plain[0].read_bytes() == before


@pytest.mark.parametrize("sql", QUERIES)
def test_the_same_rows(sql: str, plain: list[Path], twins: list[Path]) -> None:
    wanted = rows(sql, table(plain))
    assert wanted
    mixed = [twins[0], plain[1]], [plain[0], twins[1]]
    for paths in (twins, *mixed):
        assert rows(sql, table(paths)) == wanted
        assert rows(sql, table(paths), "duckdb") == wanted


def test_files_of_other_columns_beside(twins: list[Path], tmp_path: Path) -> None:
    """Rows of files that lack the text are a group of nulls."""
    path = tmp_path / "costs.parquet"
    pl.DataFrame({"Cost": [1, 2]}).write_parquet(path)
    groups = (
        FileGroup(tuple(map(str, twins)), COLUMNS),
        FileGroup((str(path),), COLUMNS[3:]),
    )
    found = rows(QUERIES[0], {"t": Table("t", COLUMNS, groups)})
    alone = dict(rows(QUERIES[0], table(twins)))
    assert dict(found) == alone | {None: alone[None] + 3}


@pytest.mark.parametrize(
    ("sql", "keys"),
    [
        (QUERIES[0], {"service"}),
        (QUERIES[1], {"service", "region"}),
        (QUERIES[6], set()),  # upper() takes a text, and one file is not read in both ways
        (QUERIES[7], set()),
        (QUERIES[8], {"service", "region"}),
        (QUERIES[10], set()),
        ("SELECT service FROM t WHERE service = 'a'", set()),
    ],
)
def test_what_is_read_by_its_twin(sql: str, keys: set[str], plain: list[Path]) -> None:
    [bound] = compile_query(sql, table(plain), NOW).tables
    assert {each.column for each in bound.text_keys} == keys
    assert all(isinstance(each, TextKey) for each in bound.text_keys)
