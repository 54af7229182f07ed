"""Queries as they are written for Athena, over one bill in every format: the same rows as DuckDB has.

Each file of `corpus/` is one query, to be pasted as it is. They were written for this corpus, after what the
published queries of AWS, of the FinOps Foundation and of others do; a comment says what a query is for.
`nulls.json` names the columns that no bill of the corpus has, query by query.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.text_twins import add_twins
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.front_door import read_query
from services.query_engine.domain.joins import shape_of
from services.query_engine.domain.query import Query
from services.query_engine.domain.router import pass_on, route
from services.query_engine.domain.routing_rules import Features
from services.query_engine.domain.tables import Table
from shared.errors import OnyxError
from tests.fakes.query_engine import NOW
from tests.unit.query_engine.corpus_bills import corpus_tables
from tests.unit.query_engine.corpus_oracle import ask, oracle, rows_of, same

CORPUS = Path(__file__).parent / "corpus"
QUERIES = sorted(path for path in CORPUS.rglob("*.sql") if not path.name.endswith(".duckdb.sql"))
NULLS: dict[str, list[str]] = json.loads((CORPUS / "nulls.json").read_text())
LIMITS = Limits(rows=100_000, bytes=50_000_000)
UNTIL: dict[str, str] = {}
"""Queries that are not answered rightly yet, and why."""


def name_of(path: Path) -> str:
    return str(path.relative_to(CORPUS).with_suffix(""))


@pytest.fixture(scope="session")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    return corpus_tables(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def duck(bills: dict[str, Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    absent: dict[str, set[str]] = {}
    for path in QUERIES:
        for name in bills:
            if name in {
                each.name for each in sqlglot.parse_one(path.read_text(), "athena").find_all(exp.Table)
            }:
                held = {column.name.lower() for column in bills[name].columns}
                absent.setdefault(name, set()).update(set(NULLS.get(name_of(path), ())) - held)
    connection = oracle(bills, absent)
    # As a worker's copies have them: texts that are grouped by are then read as categories.
    for path in {each for table in bills.values() for each in table.files}:
        add_twins(Path(path), "acme")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def ran() -> Iterator[dict[str, str]]:
    """Which engine answered each; printed with `pytest -s`."""
    found: dict[str, str] = {}
    yield found
    for name, engine in sorted(found.items()):
        sys.stdout.write(f"{engine:8} {name}\n")
    sys.stdout.write(f"{dict(Counter(found.values()))}\n")


def _cases() -> Iterator[object]:
    for path in QUERIES:
        why = UNTIL.get(name_of(path))
        marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
        yield pytest.param(path, id=name_of(path), marks=marks)


@pytest.mark.parametrize("path", _cases())
def test_same_rows_as_duckdb(
    path: Path, bills: dict[str, Table], duck: duckdb.DuckDBPyConnection, ran: dict[str, str]
) -> None:
    text = path.read_text()
    query = read_query(text, bills, NOW)
    assert sorted(_absent(query.notes)) == sorted(NULLS.get(name_of(path), []))
    mine, ran[name_of(path)] = _answered(query)
    by_hand = path.with_suffix(".duckdb.sql")
    other = ask(duck, text, by_hand.read_text() if by_hand.exists() else None)
    assert mine, "a query that finds nothing proves nothing"
    if not query.statement.args.get("order"):
        mine, other = sorted(mine, key=_key), sorted(other, key=_key)
    assert len(mine) == len(other)
    for left, right in zip(mine, other, strict=True):
        assert len(left) == len(right)
        assert all(map(same, left, right)), f"{left} is not {right}"


def _answered(query: Query) -> tuple[list[tuple[object, ...]], str]:
    """The rows, and whose they are; where an engine declines as it runs, the next one's, as in a server."""
    features = Features(shape_of(query.statement, {name: table.rows for name, table in query.tables.items()}))
    routed = route(query, features)
    try:
        return rows_of(run(routed.plan, LIMITS, {}).rows), routed.plan.engine
    except OnyxError as error:
        other = pass_on(query, features, ("polars", "duckdb"), routed, error)
        if other is None:
            raise
        return rows_of(run(other.plan, LIMITS, {}).rows), other.plan.engine


def _absent(notes: tuple[str, ...]) -> Iterator[str]:
    for note in notes:
        if note.startswith("no bill of yours has the column "):
            yield note.removeprefix("no bill of yours has the column ").partition(":")[0]


def _key(row: tuple[object, ...]) -> str:
    """Numbers by their first digits: the last ones may differ."""
    return repr([_first_digits(each) for each in row])


def _first_digits(value: object) -> object:
    try:
        return f"{float(value):.6g}" if isinstance(value, float | str) else value
    except ValueError:
        return value


def test_the_corpus_is_large_enough() -> None:
    assert len(QUERIES) >= 110
    assert sum(1 for path in QUERIES if path.parent.name in ("focus", "charges")) >= 40
