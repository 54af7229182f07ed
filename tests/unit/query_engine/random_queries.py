"""Random SQL over the columns of `random_frame`, by a small grammar; the same seed gives the same.

What may fail for one row (a quotient, a cast of a text) stands in no condition: which rows of a condition are
looked at is each engine's own affair, as in Trino.
"""

# One alternative beside another reads better than lines of one.
# ruff: noqa: E501

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from services.query_engine.domain.tables import Column

COLUMNS = tuple(
    Column(name, kind)
    for name, kind in (
        ("a", "decimal(38,18)"),
        ("b", "decimal(38,18)"),
        ("c", "decimal(20,4)"),
        ("i", "bigint"),
        ("j", "bigint"),
        ("f", "double"),
        ("s", "varchar"),
        ("u", "varchar"),
        ("d", "date"),
        ("t", "timestamp"),
        ("p", "boolean"),
    )
)
_DAYS = [date(2024, 2, 29), date(2023, 2, 28), date(2024, 12, 31), date(2025, 1, 1), date(2026, 8, 31)]
_TEXTS = ["AmazonEC2", "us-east-1", "", "a-b", "Ünï", " x ", "12", "100%", "a_b"]


def random_frame(pick: random.Random, rows: int) -> pl.DataFrame:
    """Amounts from 10**-18 to 10**6, negative ones, nulls, leap days and month ends."""

    def maybe(value: Any) -> Any:
        return None if pick.random() < 0.12 else value

    def amount(scale: int) -> Decimal:
        match pick.randrange(4):
            case 0:
                return Decimal(pick.choice(["0", "1", "-1", "0.5", "2.5", "-2.5", "1000000", "0.0005"]))
            case 1:
                return Decimal(pick.randint(-(10**6), 10**6))
        return Decimal(pick.randint(-(10 ** (6 + scale)), 10 ** (6 + scale))).scaleb(-scale)

    def day() -> date:
        return pick.choice([*_DAYS, date(2024, 1, 1) + timedelta(days=pick.randint(-400, 800))])

    def moment() -> datetime:
        return datetime.combine(day(), datetime.min.time()) + timedelta(seconds=pick.randint(0, 86_399))

    def series(make: Callable[[], Any], kind: Any) -> pl.Series:
        return pl.Series([maybe(make()) for _ in range(rows)], dtype=kind)

    return pl.DataFrame(
        {
            "a": series(lambda: amount(18), pl.Decimal(38, 18)),
            "b": series(lambda: amount(9), pl.Decimal(38, 18)),
            "c": series(lambda: amount(4), pl.Decimal(20, 4)),
            "i": series(lambda: pick.randint(-20, 20), pl.Int64),
            "j": series(lambda: pick.choice([0, 1, 2, 3, -7, 10**12]), pl.Int64),
            "f": series(lambda: pick.choice([0.5, 2.5, -2.5, 1e-3, pick.uniform(-1e3, 1e3)]), pl.Float64),
            "s": series(lambda: pick.choice(_TEXTS), pl.String),
            "u": series(lambda: pick.choice(_TEXTS), pl.String),
            "d": series(day, pl.Date),
            "t": series(moment, pl.Datetime("us")),
            "p": series(lambda: pick.random() < 0.5, pl.Boolean),
        }
    )


class Grammar:
    """Writes one query. `t.` stands before columns where a query has one table of that name."""

    def __init__(self, seed: int) -> None:
        self.pick = random.Random(seed)
        self.alias = ""

    def query(self) -> str:
        return self.pick.choice([self._rows, self._rows, self._groups, self._groups, self._windows,
                                 self._joined, self._united, self._nested])()  # fmt: skip

    # --- queries ---

    def _where(self) -> str:
        return f" WHERE {self.condition(2)}" if self.pick.random() < 0.5 else ""

    def _rows(self) -> str:
        values = ", ".join(f"{self.value(3)} AS v{at}" for at in range(self.pick.randint(1, 4)))
        return f"SELECT {values} FROM r{self._where()}"

    def _groups(self) -> str:
        keys = [self.key() for _ in range(self.pick.randint(0, 2))]
        chosen = [f"{key} AS k{at}" for at, key in enumerate(keys)]
        chosen += [f"{self.aggregate()} AS v{at}" for at in range(self.pick.randint(1, 3))]
        grouped = f" GROUP BY {', '.join(str(at + 1) for at in range(len(keys)))}" if keys else ""
        having = self.pick.choice(
            ["", "", " HAVING count(*) > 1", " HAVING sum(i) > 0", " HAVING min(d) IS NOT NULL"]
        )
        return f"SELECT {', '.join(chosen)} FROM r{self._where()}{grouped}{having}"

    def _windows(self) -> str:
        order = "d, t, a, b, c, i, j, f, s, u, p"
        over = f"PARTITION BY {self.pick.choice(['s', 'p', 'j'])} ORDER BY {order}"
        near = self.pick.choice(["", " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
                                 " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"])  # fmt: skip
        function = self.pick.choice(["sum(a)", "avg(b)", "avg(a * b)", "sum(c)"])
        other = self.pick.choice(["row_number()", "lag(a)", "lead(i, 2)", "first_value(s)", "rank()"])
        ranked = f"sum(i) OVER (PARTITION BY {self.pick.choice(['s', 'u'])} ORDER BY d)"
        return (
            f"SELECT {function} OVER ({over}{near}) AS v0, {other} OVER ({over}) AS v1, {ranked} AS v2 FROM r"
        )

    def _joined(self) -> str:
        kind = self.pick.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        left, right = self.pick.choice([("i", "i"), ("s", "u"), ("d", "d"), ("j", "i"), ("c", "c")])
        more = self.pick.choice(["", "", " AND l.j = m.j"])
        self.alias = "l."
        first = self.value(2)
        self.alias = "m."
        second = self.value(2)
        self.alias = ""
        return f"SELECT {first} AS v0, {second} AS v1 FROM r l {kind} q m ON l.{left} = m.{right}{more}"

    def _united(self) -> str:
        word = self.pick.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"])
        kind = self.pick.choice([self.decimal, self.integer, self.text, self.day])
        return f"SELECT {kind(1)} AS v FROM r{self._where()} {word} SELECT {kind(1)} AS v FROM q"

    def _nested(self) -> str:
        inner = self.pick.choice(["i IN (SELECT j FROM q)", "i NOT IN (SELECT i FROM q WHERE i IS NOT NULL)",
                                  "EXISTS (SELECT 1 FROM q WHERE q.i = r.i)", "c IN (SELECT c FROM q)",
                                  "a > (SELECT avg(q.a) FROM q WHERE q.p = r.p)", "d = (SELECT max(d) FROM q)"])  # fmt: skip
        return f"SELECT {self.value(2)} AS v FROM r WHERE {inner}"

    # --- values ---

    def _col(self, *names: str) -> str:
        return self.alias + self.pick.choice(names)

    def value(self, depth: int) -> str:
        kinds = [
            self.decimal,
            self.decimal,
            self.integer,
            self.text,
            self.day,
            self.moment,
            self.double,
            self.condition,
        ]
        return self.pick.choice(kinds)(depth)

    def key(self) -> str:
        return self.pick.choice(["s", "p", "i", "d", "upper(u)", "date_trunc('month', t)", "year(d)", "i % 3", "'all'",
                                 "coalesce(s, u)", "CASE WHEN i > 0 THEN 'up' ELSE 'down' END", "c"])  # fmt: skip

    def aggregate(self) -> str:
        call = self.pick.choice([
            lambda: f"sum({self.decimal(2)})", lambda: f"avg({self.decimal(2)})", lambda: f"sum({self.integer(1)})",
            lambda: f"avg({self.integer(1)})", lambda: f"min({self.value(1)})", lambda: f"max({self.value(1)})",
            lambda: "count(*)", lambda: f"count({self.value(1)})", lambda: f"count(DISTINCT {self.value(1)})",
            lambda: f"count_if({self.condition(1)})", lambda: "sum(a) / count(*)", lambda: "sum(a * b) / nullif(sum(b), 0)",
            lambda: f"sum(a) FILTER (WHERE {self.condition(1)})", lambda: "avg(DISTINCT c)", lambda: "sum(f)",
            lambda: "round(sum(a) * 100 / nullif(sum(c), 0), 2)",
        ])  # fmt: skip
        return call()

    def decimal(self, depth: int) -> str:
        if depth == 0 or self.pick.random() < 0.2:
            return self.pick.choice(
                [self._col("a"), self._col("b"), self._col("c"), "1.5", "0.07", "-2.50", "1000000.0"]
            )
        x, y = (lambda: self.decimal(depth - 1)), (lambda: self.decimal(depth - 1))
        return self.pick.choice([
            lambda: f"({x()} + {y()})", lambda: f"({x()} - {y()})", lambda: f"({x()} * {y()})",
            lambda: f"({x()} / nullif({y()}, 0))", lambda: f"({x()} / {self.pick.choice(['3', '0.7', '12', '-1.05'])})",
            lambda: f"({x()} % 7.5)", lambda: f"round({x()}, {self.pick.randint(0, 6)})", lambda: f"floor({x()})",
            lambda: f"abs({x()})", lambda: f"(- {x()})", lambda: f"coalesce({x()}, {y()})", lambda: f"({x()} * {self._col('i')})",
            lambda: f"CASE WHEN {self.condition(1)} THEN {x()} ELSE {y()} END", lambda: f"greatest({x()}, {y()})",
            lambda: f"nullif({x()}, {y()})", lambda: f"cast({self.integer(1)} AS decimal(38, 18))",
            lambda: f"if({self.condition(1)}, {x()})", lambda: f"cast({x()} AS decimal(30, 2))",
        ])()  # fmt: skip

    def integer(self, depth: int) -> str:
        if depth == 0 or self.pick.random() < 0.2:
            return self.pick.choice([self._col("i"), self._col("j"), "3", "-2", "7"])
        x = lambda: self.integer(depth - 1)  # noqa: E731
        return self.pick.choice([
            lambda: f"({x()} + {x()})", lambda: f"({x()} - {x()})", lambda: f"({x()} * 3)", lambda: f"({x()} / 2)",
            lambda: f"({x()} / nullif({x()}, 0))", lambda: f"({x()} % 5)", lambda: f"abs({x()})", lambda: f"length({self.text(1)})",
            lambda: f"year({self.day(1)})", lambda: f"day_of_week({self.day(1)})", lambda: f"month({self.moment(1)})",
            lambda: f"date_diff('day', {self.day(1)}, {self.day(1)})", lambda: f"date_diff('hour', {self.moment(1)}, {self.moment(1)})",
            lambda: f"strpos({self.text(1)}, '-')", lambda: f"cast({self._col('a', 'b', 'c')} AS bigint)", lambda: f"coalesce({x()}, 0)",
            lambda: f"CASE WHEN {self.condition(1)} THEN {x()} ELSE {x()} END", lambda: f"least({x()}, {x()})",
            lambda: f"if({self._col('j')} <> 0, {self._col('i')} / {self._col('j')})", lambda: f"week({self.day(1)})",
            lambda: f"try_cast({self._col('s')} AS bigint)",
        ])()  # fmt: skip

    def double(self, depth: int) -> str:
        x = self._col("f")
        return self.pick.choice([x, f"({x} * 2)", f"({x} / 3)", f"round({x}, 1)", f"round({x})", f"sqrt(abs({x}))", f"floor({x})",
                                 f"({x} + {self._col('a')})", f"cast({self._col('i')} AS double)", f"coalesce({x}, 0e0)"])  # fmt: skip

    def text(self, depth: int) -> str:
        if depth == 0 or self.pick.random() < 0.2:
            return self.pick.choice([self._col("s"), self._col("u"), "'x-y'", "''"])
        x = lambda: self.text(depth - 1)  # noqa: E731
        return self.pick.choice([
            lambda: f"lower({x()})", lambda: f"upper({x()})", lambda: f"concat({x()}, '/', {x()})", lambda: f"({x()} || {x()})",
            lambda: f"substr({x()}, {self.pick.randint(1, 4)}, {self.pick.randint(0, 4)})", lambda: f"replace({x()}, 'a', 'bb')",
            lambda: f"split_part({x()}, '-', {self.pick.randint(1, 3)})", lambda: f"cast({self.integer(1)} AS varchar)",
            lambda: f"cast({self._col('d')} AS varchar)", lambda: f"cast({self._col('t')} AS varchar)", lambda: f"coalesce({x()}, 'none')",
            lambda: f"date_format({self._col('t')}, '%Y-%m-%d %H:%i:%s')", lambda: f"cast({self._col('a', 'b')} AS varchar)",
            lambda: f"trim({x()})", lambda: f"reverse({x()})", lambda: f"cast({x()} AS varchar(3))", lambda: f"cast({self._col('p')} AS varchar)",
        ])()  # fmt: skip

    def day(self, depth: int) -> str:
        if depth == 0 or self.pick.random() < 0.3:
            return self.pick.choice([self._col("d"), "date '2024-02-29'", "date '2023-01-31'"])
        x = lambda: self.day(depth - 1)  # noqa: E731
        unit = self.pick.choice(["day", "week", "month", "quarter", "year"])
        return self.pick.choice([
            lambda: f"date_add('{unit}', {self.pick.randint(-14, 14)}, {x()})", lambda: f"({x()} + interval '1' month)",
            lambda: f"({x()} - interval '3' year)", lambda: f"date_trunc('{unit}', {x()})", lambda: f"last_day_of_month({x()})",
            lambda: f"cast({self._col('t')} AS date)", lambda: f"coalesce({x()}, {x()})",
        ])()  # fmt: skip

    def moment(self, depth: int) -> str:
        unit = self.pick.choice(["hour", "minute", "day", "month", "week"])
        x = self._col("t")
        return self.pick.choice([x, "timestamp '2024-02-29 23:59:59'", f"date_trunc('{unit}', {x})", f"cast({self._col('d')} AS timestamp)",
                                 f"({x} + interval '1' month)", f"({x} - interval '36' hour)",
                                 f"date_add('{unit}', {self.pick.randint(-40, 40)}, {x})"])  # fmt: skip

    def condition(self, depth: int) -> str:
        if depth > 1 and self.pick.random() < 0.4:
            left, right = self.condition(depth - 1), self.condition(depth - 1)
            return self.pick.choice([f"({left} AND {right})", f"({left} OR {right})", f"(NOT {left})"])
        sign = self.pick.choice(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"])
        a, i, s, d, t, p = (self._col(*names) for names in ("abc", "ij", "su", "d", "t", "p"))
        return self.pick.choice([
            f"({a} {sign} {self._col('b', 'c')})", f"({a} {sign} 0.5)", f"({i} {sign} {self._col('i', 'a')})", f"({self._col('f')} {sign} {i})",
            f"({s} {sign} {self._col('u')})", f"({d} {sign} date '2024-02-29')", f"({t} {sign} {d})", f"({t} >= '2024-06-01')", p,
            f"({s} LIKE '%-%')", f"({s} NOT LIKE 'a_b')", f"({i} IN (1, 2, 3))", f"({s} NOT IN ('a-b', ''))", f"({a} IS NULL)",
            f"({i} BETWEEN -5 AND 5)", f"({p} IS TRUE)", f"({p} IS NOT FALSE)", f"({a} IN (0, 0.5, 1000000))", f"(NOT ({i} > 3))",
            f"starts_with({s}, 'a')",
        ])  # fmt: skip
