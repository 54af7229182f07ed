"""Texts that a query only groups by, counts and compares with constants: read as categories.

A column of a base table is read so where all of its uses in the statement are of that kind (the engine cannot
read a file's text in both ways at once), and it is a key of a GROUP BY or what count(DISTINCT) counts. A key
comes out of its SELECT as a text again, so that nothing else ever meets a category: no order, no join, no
function. The engine binds a plain text under the same name where the files have no categories.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from services.query_engine.domain.binding import RESERVED, frame_name
from services.query_engine.domain.dialects.build import cast, text_literal, typed
from services.query_engine.domain.plan import TextKey
from services.query_engine.domain.tables import Table

_VARCHAR = "varchar"
_Place = tuple[str, str]
"""The name that a table is bound under, and one of its columns."""


@dataclass(frozen=True)
class _Use:
    """A column where it stands. `key`: it is grouped by or counted; `text`: it is to be a text there."""

    column: exp.Column
    key: bool = False
    text: bool = False


def hoist_text_keys(statement: exp.Query, tables: Mapping[str, Table]) -> dict[str, tuple[TextKey, ...]]:
    """Read text keys by columns of their own, in place; they, by the name that their table is bound under.

    The statement is a rewritten one.
    """
    texts = {
        frame_name(name): {each.name.lower() for each in table.columns if each.type == _VARCHAR}
        for name, table in tables.items()
    }
    uses = _uses(statement, texts)
    found: dict[str, list[TextKey]] = {}
    for (frame, column), places in uses.items():
        if places is None or not any(each.key for each in places):
            continue
        keys = found.setdefault(frame, [])
        keys.append(TextKey(f"{RESERVED}k{len(keys)}", column))
        for each in places:
            _read_by(each, keys[-1].name)
    return {frame: tuple(keys) for frame, keys in found.items()}


def _uses(statement: exp.Query, texts: Mapping[str, set[str]]) -> dict[_Place, list[_Use] | None]:
    """Where each text stands; None for one that stands where it has to be a text."""
    found: dict[_Place, list[_Use] | None] = {}
    for select in statement.find_all(exp.Select):
        if any(each.is_star for each in select.expressions):
            for frame in _sources(select).values():
                found.update(((frame or "", column), None) for column in texts.get(frame or "", ()))
    for column in statement.find_all(exp.Column):
        owner, frame = _read_from(column)
        if owner is None or frame is None or column.name not in texts.get(frame, ()):
            continue
        place = (frame, column.name)
        use = _use(column, owner)
        places = found.setdefault(place, [])
        if use is None or places is None:
            found[place] = None
        else:
            places.append(use)
    return found


def _sources(select: exp.Select) -> dict[str, str | None]:
    """What a SELECT reads itself: by alias the name of a table or CTE, None for anything else."""
    places = [select.args.get("from_"), *(select.args.get("joins") or [])]
    return {
        each.this.alias_or_name: each.this.name if isinstance(each.this, exp.Table) else None
        for each in places
        if each is not None
    }


def _read_from(column: exp.Column) -> tuple[exp.Select | None, str | None]:
    """The SELECT that a column belongs to, and what it reads it from."""
    select = column.find_ancestor(exp.Select)
    while select is not None:
        sources = _sources(select)
        if column.table in sources:
            return select, sources[column.table]
        select = select.find_ancestor(exp.Select)
    return None, None


def _use(column: exp.Column, select: exp.Select) -> _Use | None:
    parent = column.parent
    if column.find_ancestor(exp.Select) is not select or parent is None:
        return None
    match parent:
        case exp.Group():
            return None if _hinders(select) else _Use(column, key=True)
        case exp.Distinct() if isinstance(parent.parent, exp.Count) and len(parent.expressions) == 1:
            return None if parent.find_ancestor(exp.Window) else _Use(column, key=True)
    if column.find_ancestor(exp.Window):
        return None
    match parent:
        case exp.EQ() | exp.NEQ():
            other = parent.expression if column.arg_key == "this" else parent.this
            return None if text_literal(other) is None else _Use(column)
        case exp.In() if column.arg_key == "this" and parent.args.get("query") is None:
            literals = all(text_literal(each) is not None for each in parent.expressions)
            return _Use(column) if literals else None
        case exp.Is():
            return _Use(column) if isinstance(parent.expression, exp.Null) else None
        case exp.Like() if column.arg_key == "this" and text_literal(parent.expression) is not None:
            return _Use(column, text=True)
    group = select.args.get("group")
    grouped = group is not None and column in group.expressions
    return _Use(column, text=True) if grouped and not _aggregated(column, select) else None


def _parts(select: exp.Select) -> Iterator[exp.Expr]:
    """What a SELECT makes of its groups."""
    yield from select.expressions
    for name in ("having", "order"):
        if (part := select.args.get(name)) is not None:
            yield part


def _hinders(select: exp.Select) -> bool:
    return any(part.find(exp.Window, exp.Query) for part in _parts(select))


def _aggregated(column: exp.Column, select: exp.Select) -> bool:
    """Whether the column is read before the rows are grouped."""
    node: exp.Expr | None = column
    while node is not None and node is not select:
        if isinstance(node, exp.AggFunc | exp.Filter | exp.Where | exp.Join):
            return True
        node = node.parent
    return False


def _read_by(use: _Use, name: str) -> None:
    column = use.column
    made: exp.Expr = exp.column(
        exp.to_identifier(name, quoted=True), exp.to_identifier(column.table, quoted=True)
    )
    made.type = exp.DataType.build("VARCHAR")
    if use.text:
        made = cast(made, "VARCHAR")
    if isinstance(column.parent, exp.Select):
        made = typed(exp.alias_(made, column.name, quoted=True), made.type)
    column.replace(made)
