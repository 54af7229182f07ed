"""Which files of a query's tables can hold rows that it asks for. What is left out can hold none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from services.query_engine.domain.columns import columns_read
from services.query_engine.domain.facts import ColumnFacts, FileFacts, Part, Value
from services.query_engine.domain.predicates import Reader, Test, conjuncts
from services.query_engine.domain.query import Query
from services.query_engine.domain.ranges import ABSENT, UNKNOWN, Bounds, Lookup
from services.query_engine.domain.tables import FileGroup, Table


@dataclass(frozen=True)
class TableScan:
    """What a query reads of one table. Bytes are compressed ones, of the columns read; before and after files
    and row groups that cannot match are left out. They, and `rows_after`, are None where the facts of a file
    are not known.
    """

    name: str
    columns: tuple[str, ...]
    files_before: int
    files_after: int
    bytes_before: int | None
    bytes_after: int | None
    rows_before: int
    rows_after: int | None


@dataclass(frozen=True)
class Scan:
    """`query` with tables of the files that are left; `tables` say what that comes to, by lower case name."""

    query: Query
    tables: Mapping[str, TableScan]

    @property
    def bytes_after(self) -> int | None:
        found = [each.bytes_after for each in self.tables.values() if each.bytes_after is not None]
        return sum(found) if len(found) == len(self.tables) else None


def tests_of(query: Query) -> dict[str, tuple[Test, ...]]:
    """By lower case table: tests of which a row group has to pass one for the query to need it.

    One per place where the query reads the table. Empty where some place reads all of it.
    """
    found: dict[str, list[Test | None]] = {name: [] for name in query.tables}
    seen = 0
    for select in query.statement.find_all(exp.Select):
        for source, test in _sources(select, query):
            found[source].append(test)
            seen += 1
    mentioned = sum(each.name.lower() in found for each in query.statement.find_all(exp.Table))
    if mentioned != seen:
        # A table is read from somewhere else than FROM or JOIN: nothing is known of what it asks for.
        return dict.fromkeys(found, ())
    return {name: () if None in tests else tuple(filter(None, tests)) for name, tests in found.items()}


def prune(
    query: Query,
    facts: Mapping[str, FileFacts],
    tests: Mapping[str, Sequence[Test]] | None = None,
) -> Scan:
    """Leave out the files that cannot hold a row of the answer. A file without facts stays."""
    tests = tests_of(query) if tests is None else tests
    read = columns_read(query)
    tables, scans = {}, {}
    for name, table in query.tables.items():
        tables[name], scans[name] = _pruned(name, table, read[name], facts, tests[name])
    return Scan(replace(query, tables=tables), scans)


def _sources(select: exp.Select, query: Query) -> list[tuple[str, Test | None]]:
    """The tables that a SELECT reads itself, each with the test that its conditions make."""
    joins = select.args.get("joins") or []
    from_ = select.args.get("from_")
    places = [*([from_.this] if from_ else []), *(join.this for join in joins)]
    tables = [each for each in places if isinstance(each, exp.Table) and each.name.lower() in query.tables]
    if not tables:
        return []
    outer = any(join.side for join in joins)
    where = select.args.get("where")
    conditions = list(conjuncts(where.this)) if where else []
    if not outer:
        conditions += [each for join in joins if (on := join.args.get("on")) for each in conjuncts(on)]
    return [(each.name.lower(), _test(each.alias_or_name, conditions, query, outer)) for each in tables]


def _test(alias: str, conditions: Sequence[exp.Expr], query: Query, outer: bool) -> Test | None:
    reader = Reader(alias, query.now, nulls=not outer)
    tests = [test for each in conditions if (test := reader.test(each)) is not None]
    if not tests:
        return None
    return lambda lookup: all(test(lookup) for test in tests)


def _pruned(
    name: str,
    table: Table,
    read: tuple[str, ...],
    facts: Mapping[str, FileFacts],
    tests: Sequence[Test],
) -> tuple[Table, TableScan]:
    groups: list[FileGroup] = []
    before = after = rows = 0
    known = True
    for group in table.groups:
        bounds = _Group(table, group)
        held = [each for each in (bounds.held.get(column) for column in read) if each is not None]
        kept = []
        for path in group.files:
            found = facts.get(path)
            if found is None:
                known = False
                kept.append(path)
                continue
            size = _bytes(found.whole, held)
            before += size
            parts = _needed(found, bounds, tests)
            if parts:
                kept.append(path)
                rows += sum(part.rows for part in parts)
                whole = len(parts) == len(found.parts)
                after += size if whole else sum(_bytes(part, held) for part in parts)
        if kept:
            groups.append(group if len(kept) == len(group.files) else replace(group, files=tuple(kept)))
    left = replace(table, groups=tuple(groups))
    scan = TableScan(
        name=name,
        columns=read,
        files_before=len(table.files),
        files_after=len(left.files),
        bytes_before=before if known else None,
        bytes_after=after if known else None,
        rows_before=table.rows,
        rows_after=rows if known else None,
    )
    return left, scan


def _needed(found: FileFacts, bounds: "_Group", tests: Sequence[Test]) -> Sequence[Part]:
    """The row groups that may hold a row that is asked for."""
    if not tests:
        return found.parts
    if not any(test(bounds.of(found.whole)) for test in tests):
        return ()
    if len(found.parts) == 1:
        return found.parts
    return [part for part in found.parts if any(test(bounds.of(part)) for test in tests)]


def _bytes(part: Part, columns: Sequence[str]) -> int:
    return sum(part.columns[each].bytes for each in columns if each in part.columns)


_KINDS: Mapping[str, type] = {
    "date": date,
    "timestamp": datetime,
    "varchar": str,
    **dict.fromkeys(("bigint", "integer", "smallint", "tinyint"), int),
}


class _Group:
    """How the columns of a group of files appear in the table: under which name, of which type."""

    def __init__(self, table: Table, group: FileGroup) -> None:
        own = {each.name.casefold(): each.type for each in group.columns}
        self.held: dict[str, str | None] = {}
        self._kinds: dict[str, str] = {}
        for column in table.columns:
            key, name = column.name.casefold(), column.name.lower()
            self.held[name] = key if key in own else None
            if own.get(key) == column.type:
                self._kinds[name] = column.type

    def of(self, part: Part) -> Lookup:
        """The bounds of this table's columns in `part`."""

        def lookup(name: str) -> Bounds:
            key = self.held.get(name)
            if key is None:
                # Named by the query, so a column of the table: these files do not have it.
                return ABSENT if name in self.held else UNKNOWN
            facts = part.columns.get(key)
            return UNKNOWN if facts is None else _bounds(facts, part.rows, self._kinds.get(name))

        return lookup


def _bounds(facts: ColumnFacts, rows: int, kind: str | None) -> Bounds:
    null = facts.nulls is None or facts.nulls > 0
    if facts.nulls is not None and facts.nulls >= rows:
        return Bounds(null=null, value=False)
    if kind is None:
        return Bounds(null=True)
    return Bounds(_of_kind(facts.low, kind), _of_kind(facts.high, kind), null, value=True)


def _of_kind(value: Value | None, kind: str) -> Value | None:
    """`value`, where the table's type takes it as it is: a bound that a cast could move is none."""
    if kind.startswith("decimal"):
        scale = int(kind.removesuffix(")").rsplit(",", 1)[1])
        exact = isinstance(value, Decimal) and -int(value.as_tuple().exponent) <= scale
        return value if exact else None
    return value if type(value) is _KINDS.get(kind) else None
