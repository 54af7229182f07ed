"""What is left out can hold no row of the answer: random files, random conditions, one answer."""

# One query a line reads better than one that is broken for its length.
# ruff: noqa: E501, DTZ001
import json
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services.query_engine.adapters import footers
from services.query_engine.adapters.engines import run
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.errors import UNSUPPORTED_SQL
from services.query_engine.domain.facts import ColumnFacts, FileFacts, Part
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.pruning import Scan, prune
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.errors import BadRequest
from tests.fakes.query_engine import NOW

COLUMNS: tuple[Column, ...] = (
    Column("Service", "varchar"),
    Column("Region", "varchar"),
    Column("Cost", "decimal(38,18)"),
    Column("Start", "timestamp"),
    Column("Day", "date"),
    Column("N", "bigint"),
    Column("F", "double"),
    Column("Tags", "map(varchar, varchar)"),
    Column("BillingPeriodStart", "timestamp"),
)
LIMITS = Limits(rows=100_000, bytes=50_000_000)
SERVICES = ("AmazonEC2", "AmazonS3", "AWSLambda", "Ama", "", "é", "Amazon" + "x" * 90, "Amazon" + "x" * 91)


def random_frame(pick: random.Random, rows: int, moments: pl.DataType) -> pl.DataFrame:
    """Rows around one moment of their own, in a mood for nulls of their own."""
    centre = datetime(2024, 1, 1) + timedelta(days=pick.randint(0, 800), hours=pick.randint(0, 23))
    nulls = pick.choice([0.0, 0.1, 1.0])

    def maybe(value: Any) -> Any:
        return None if pick.random() < nulls else value

    def moment() -> datetime:
        return centre + timedelta(minutes=pick.randint(-60_000, 60_000), microseconds=pick.randint(0, 10**6))

    names = pick.sample(SERVICES, 3)
    return pl.DataFrame(
        {
            "Service": pl.Series([maybe(pick.choice(names)) for _ in range(rows)], dtype=pl.String),
            "Region": pl.Series([pick.choice(["eu", "us", None]) for _ in range(rows)], dtype=pl.String),
            "Cost": pl.Series(
                [maybe(Decimal(pick.randint(-500, 500)).scaleb(-2)) for _ in range(rows)],
                dtype=pl.Decimal(38, 18),
            ),
            "Start": pl.Series([maybe(moment()) for _ in range(rows)], dtype=moments),
            "Day": pl.Series([maybe(moment().date()) for _ in range(rows)], dtype=pl.Date),
            "N": pl.Series([maybe(pick.randint(-5, 5)) for _ in range(rows)], dtype=pl.Int64),
            "F": pl.Series([pick.choice([1.5, float("nan"), None]) for _ in range(rows)], dtype=pl.Float64),
            "Tags": pl.Series(
                [maybe({"env": "prod"}) for _ in range(rows)], dtype=pl.Map(pl.String, pl.String)
            ),
            "BillingPeriodStart": pl.Series(
                [datetime(centre.year, centre.month, 1)] * rows, dtype=pl.Datetime("us", "UTC")
            ),
        }
    )


def random_table(pick: random.Random, folder: Path, name: str, files: int) -> Table:
    """Files of several row groups; some lack a column, as bills of earlier months do."""
    groups: dict[tuple[Column, ...], list[str]] = {}
    unit: Any = pick.choice(["us", "ms", "ns"])
    moments = pl.Datetime(unit, pick.choice([None, "UTC"]))
    for at in range(files):
        frame = random_frame(pick, pick.choice([0, 1, 7, 40]), moments)
        columns = COLUMNS
        if pick.random() < 0.3:
            gone = pick.choice(["Region", "N", "Start"])
            frame = frame.drop(gone)
            columns = tuple(each for each in COLUMNS if each.name != gone)
        path = folder / f"{name}-{at}.parquet"
        frame.write_parquet(path, row_group_size=pick.choice([5, 1000]), use_pyarrow=pick.random() < 0.5)
        groups.setdefault(columns, []).append(str(path))
    held = tuple(FileGroup(tuple(paths), columns) for columns, paths in groups.items())
    return Table(name, COLUMNS, held, rows=files * 20)


def random_condition(pick: random.Random, a: str, depth: int = 0) -> str:
    day = date(2023, 12, 1) + timedelta(days=pick.randint(0, 900))
    op = pick.choice(["=", "<", "<=", ">", ">=", "<>"])
    text = pick.choice([*SERVICES, "Amazon", "B", "a"])
    number = pick.randint(-6, 6)
    forms = [
        f"{a}.Day {op} DATE '{day}'",
        f"{a}.Day {op} '{day}'",
        f"{a}.Start {op} TIMESTAMP '{day} 12:00:00'",
        f"DATE '{day}' {op} {a}.Start",
        f"{a}.Day {op} TIMESTAMP '{day} 12:00:00'",
        f"{a}.Start BETWEEN DATE '{day}' AND DATE '{day}' + INTERVAL '1' MONTH",
        f"{a}.Day NOT BETWEEN DATE '{day}' AND date_add('day', 60, DATE '{day}')",
        f"date_trunc('{pick.choice(['day', 'week', 'month', 'quarter', 'year'])}', {a}.Start) {op} DATE '{day}'",
        f"date_trunc('month', {a}.Day) {op} date_trunc('month', DATE '{day}')",
        f"CAST({a}.Start AS date) {op} DATE '{day}'",
        f"date({a}.Start) {op} DATE '{day}'",
        f"year({a}.Start) {op} {day.year} AND month({a}.Start) {pick.choice(['=', '<', '>'])} {day.month}",
        f"month({a}.Day) IN ({day.month}, {day.month % 12 + 1})",
        f"extract(year FROM {a}.Day) {op} {day.year}",
        f"date_format({a}.Start, '%Y-%m') {op} '{day:%Y-%m}'",
        f"{a}.Start > now() - INTERVAL '{pick.randint(1, 36)}' MONTH",
        f"{a}.N {op} {number}",
        f"{number} {op} {a}.N",
        f"{a}.N {op} {number}.5",
        f"{a}.N IN ({number}, {number + 2})",
        f"{a}.N NOT IN ({number}, {number + 2})",
        f"{a}.Cost {op} {number}",
        f"{a}.Cost {op} {number}.25",
        f"{a}.Service {op} '{text}'",
        f"{a}.Service IN ('{text}', 'AmazonEC2')",
        f"{a}.Service LIKE '{text}%'",
        f"{a}.Service LIKE '{text[:3]}_%'",
        f"{a}.Service NOT LIKE 'Amazon%'",
        f"{a}.Region IS NULL",
        f"{a}.N IS NOT NULL",
        f"{a}.Region = 'eu'",
        f"{a}.F > 1",
        f"{a}.F IS NULL",
        f"{a}.Tags['env'] = 'prod'",
        f"coalesce({a}.N, 0) = {number}",
    ]
    if depth < 2 and pick.random() < 0.5:
        left, right = (random_condition(pick, a, depth + 1) for _ in range(2))
        whole = f"({left}) {pick.choice(['AND', 'OR'])} ({right})"
        return f"NOT ({whole})" if pick.random() < 0.3 else whole
    found = pick.choice(forms)
    return f"NOT ({found})" if pick.random() < 0.15 else found


def random_query(pick: random.Random) -> str:
    condition = random_condition(pick, "a")
    other = random_condition(pick, "b")
    return pick.choice(
        [
            f"SELECT count(*) c, sum(a.Cost) s, min(a.Start) m FROM charges a WHERE {condition}",
            f"SELECT a.Service, count(*) c FROM charges a WHERE {condition} GROUP BY 1",
            f"SELECT count(*) c FROM charges a JOIN small b ON a.N = b.N WHERE {condition} AND {other}",
            f"SELECT count(*) c FROM charges a JOIN small b ON a.N = b.N AND {condition} WHERE {other}",
            f"SELECT count(*) c, count(b.Day) d FROM charges a LEFT JOIN small b ON a.N = b.N WHERE {condition} AND ({other})",
            f"SELECT count(*) c, count(a.Day) d FROM charges a FULL JOIN small b ON a.N = b.N WHERE {other}",
            f"SELECT count(*) c FROM charges a WHERE {condition} AND a.N IN (SELECT b.N FROM charges b WHERE {other})",
            f"""WITH a AS (SELECT * FROM charges b WHERE {other})
                SELECT count(*) c FROM a WHERE {condition}""",
            f"""SELECT count(*) c FROM charges a WHERE {condition}
                UNION ALL SELECT sum(b.N) FROM charges b WHERE {other}""",
        ]
    )


def answers(scan: Scan) -> Any:
    """What the query says over the tables of `scan`. Raises BadRequest where Polars declines it."""
    answer = run(plan_for("polars", scan.query), LIMITS, {})
    return sorted(json.loads(answer.rows), key=repr)


@pytest.mark.parametrize("seed", range(8))
def test_pruned_and_unpruned_answers_are_one(seed: int, tmp_path: Path) -> None:
    pick = random.Random(seed)
    tables = {
        "charges": random_table(pick, tmp_path, "charges", 9),
        "small": random_table(pick, tmp_path, "small", 3),
    }
    paths = [path for table in tables.values() for path in table.files]
    facts = footers.run(footers.plan_of(paths), {}).facts
    left_out = compared = 0
    declined: set[str] = set()
    for _ in range(60):
        sql = random_query(pick)
        query = read_query(sql, tables, NOW)
        scan = prune(query, facts)
        left_out += sum(each.files_before - each.files_after for each in scan.tables.values())
        try:
            pruned, whole = answers(scan), answers(prune(query, {}))
        except BadRequest as error:
            declined.add(error.code)
            continue
        assert pruned == whole, sql
        compared += 1
    assert compared > 30
    assert declined <= {UNSUPPORTED_SQL}
    assert left_out > 60


# --- one by one ---

JANUARY, MARCH = date(2026, 1, 1), date(2026, 3, 31)


def kept(condition: str, columns: tuple[Column, ...] = COLUMNS, **facts: ColumnFacts) -> bool:
    """Whether a file of 10 rows with these facts is read."""
    tables = {"charges": Table("charges", COLUMNS, (FileGroup(("file",), columns),), rows=10)}
    query = read_query(f"SELECT count(*) FROM charges WHERE {condition}", tables, NOW)
    known = {"file": FileFacts(1000, (Part(10, facts),))}
    return bool(prune(query, known).tables["charges"].files_after)


@pytest.mark.parametrize(
    ("condition", "needed"),
    [
        ("day = DATE '2026-01-01'", True),
        ("day = DATE '2025-12-31'", False),
        ("day > DATE '2026-03-31'", False),
        ("day > TIMESTAMP '2026-03-30 23:00:00'", True),
        ("day >= TIMESTAMP '2026-03-31 00:00:01'", False),
        ("day BETWEEN DATE '2026-04-01' AND DATE '2026-05-01'", False),
        ("day NOT BETWEEN DATE '2026-01-01' AND DATE '2026-03-31'", False),
        ("NOT (day >= DATE '2026-01-01')", False),
        ("day IS NULL", False),
        ("day IS NOT NULL", True),
        ("try_cast(day AS timestamp) IS NULL", True),
        ("year(day) = 2025", False),
        ("month(day) = 4", False),
        ("month(day) = 3", True),
        ("date_trunc('quarter', day) > DATE '2026-01-01'", False),
        ("date_format(day, '%Y-%m') = '2026-04'", False),
        ("date_format(day, '%m-%Y') = '04-2026'", True),
        ("day > current_date - INTERVAL '1' YEAR", True),
        ("day > current_date - INTERVAL '1' MONTH", False),
        ("day = DATE '2025-01-01' OR n = 1", True),
        ("day = DATE '2025-01-01' AND n = 1", False),
        ("day = DATE '2025-01-01' OR day = DATE '2027-01-01'", False),
        ("day = NULL", True),
        ("day > date_add('month', 2, DATE '2026-01-31')", False),
        ("day > date_add('month', 1, DATE '2026-01-31')", True),
    ],
)
def test_a_condition_on_a_date(condition: str, needed: bool) -> None:
    assert kept(condition, day=ColumnFacts(1, JANUARY, MARCH, 0)) is needed


@pytest.mark.parametrize(
    ("condition", "needed"),
    [
        ("service = 'AmazonS3'", True),
        ("service = 'AmazonZ'", True),
        ("service = 'AmazonVPC and more'", True),
        ("service > 'AmazonVPC'", True),
        ("service > 'B'", False),
        ("service = 'AWS'", False),
        ("service LIKE 'AWS%'", False),
        ("service LIKE 'Amazon%'", True),
        ("service LIKE 'AmazonVPC and m_%'", True),
        ("service LIKE '%S3'", True),
        ("service NOT LIKE 'Amazon%'", True),
        ("service LIKE 'b%'", False),
        ("service IN ('a', 'B')", False),
        ("service IN ('a', lower('X'))", True),
        ("service <> 'AmazonEC2'", True),
    ],
)
def test_a_condition_on_a_text_whose_last_value_may_be_cut(condition: str, needed: bool) -> None:
    found = kept(condition, service=ColumnFacts(1, "AmazonEC2", "AmazonVPC", 0))
    assert found is (needed if condition != "service = 'AmazonZ'" else False)


def test_nulls_missing_columns_and_other_types() -> None:
    nothing = ColumnFacts(1, None, None, 10)
    assert not kept("n = 1", n=nothing)
    assert not kept("n <> 1", n=nothing)
    assert kept("n IS NULL", n=nothing)
    without = tuple(each for each in COLUMNS if each.name != "N")
    assert not kept("n = 1", without)
    assert kept("n IS NULL", without)
    assert not kept("n <> 1", n=ColumnFacts(1, 1, 1, 0))
    # The table reads it as another type than the file has: its bounds say nothing.
    other = tuple(Column("N", "varchar") if each.name == "N" else each for each in COLUMNS)
    assert kept("n = 1", other, n=ColumnFacts(1, "5", "6", 0))
    # More decimals than the table takes: a cast may move the bound.
    assert kept("cost = 1.5", cost=ColumnFacts(1, Decimal("1.5000000000000000001"), Decimal(2), 0))
    assert kept("n = 1"), "nothing is known of a column without facts"


def test_beside_an_outer_join_a_null_proves_nothing() -> None:
    tables = {
        "charges": Table("charges", COLUMNS, (FileGroup(("file",), COLUMNS),), rows=10),
        "small": Table("small", COLUMNS, (FileGroup(("other",), COLUMNS),), rows=10),
    }
    known = {path: FileFacts(1, (Part(10, {"n": ColumnFacts(1, 1, 5, 0)}),)) for path in ("file", "other")}
    for condition, files in (("b.n IS NULL", 1), ("b.n > 5", 0), ("b.n > 5 OR b.n IS NULL", 1)):
        sql = f"SELECT count(*) FROM charges a LEFT JOIN small b ON a.cost = b.cost WHERE {condition}"
        assert prune(read_query(sql, tables, NOW), known).tables["small"].files_after == files


def test_a_table_that_is_read_twice_is_read_for_both() -> None:
    tables = {"charges": Table("charges", COLUMNS, (FileGroup(("1", "2", "3"), COLUMNS),), rows=30)}
    known = {
        name: FileFacts(
            100, (Part(5, {"n": ColumnFacts(40, at, at, 0)}), Part(5, {"n": ColumnFacts(2, 9, 9, 0)}))
        )
        for at, name in enumerate(("1", "2", "3"))
    }
    sql = "SELECT n FROM charges WHERE n = 0 UNION ALL SELECT n FROM charges WHERE n = 2"
    scan = prune(read_query(sql, tables, NOW), known)
    assert scan.query.tables["charges"].files == ("1", "3")
    assert (scan.tables["charges"].bytes_before, scan.tables["charges"].bytes_after) == (126, 80)
    assert scan.tables["charges"].rows_after == 10
    whole = prune(read_query(f"{sql} UNION ALL SELECT cost FROM charges", tables, NOW), known)
    assert whole.tables["charges"].files_after == 3
