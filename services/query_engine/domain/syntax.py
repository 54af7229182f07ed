"""Which SQL is taken in: every kind of node, and every part of it, that a query may have.

A whitelist: a node or a part of it that is not named here is declined by its name, so that syntax
which sqlglot learns tomorrow is not passed on unread. Functions stand in `functions.py`.
"""

import re

from sqlglot import exp

from services.query_engine.domain.errors import (
    SQL_NOT_SELECT,
    SQL_SYNTAX,
    UNKNOWN_TABLE,
    UNSUPPORTED_FUNCTION,
    UNSUPPORTED_SQL,
    Position,
    refuse,
)
from services.query_engine.domain.functions import FUNCTIONS, known_names
from services.query_engine.domain.nearest import nearest

_QUERY = {"with_", "order", "limit", "offset"}

# Kind of node -> its parts that may be present. () is a leaf.
NODES: dict[type[exp.Expr], set[str]] = {
    exp.Select: _QUERY | {"expressions", "distinct", "from_", "joins", "where", "group", "having"},
    exp.Union: _QUERY | {"this", "expression", "distinct"},
    exp.Intersect: _QUERY | {"this", "expression", "distinct"},
    exp.Except: _QUERY | {"this", "expression", "distinct"},
    exp.With: {"expressions"},
    exp.CTE: {"this", "alias"},
    exp.Subquery: {"this", "alias", "order", "limit", "offset"},
    exp.TableAlias: {"this", "columns"},
    exp.Table: {"this", "alias", "db", "catalog"},
    exp.From: {"this"},
    exp.Join: {"this", "on", "side", "kind", "using"},
    exp.Where: {"this"},
    exp.Group: {"expressions"},
    exp.Having: {"this"},
    exp.Order: {"expressions"},
    exp.Ordered: {"this", "desc", "nulls_first"},
    exp.Limit: {"expression"},
    exp.Offset: {"expression"},
    exp.Distinct: {"expressions"},
    exp.Alias: {"this", "alias"},
    exp.Paren: {"this"},
    exp.Column: {"this", "table"},
    exp.Identifier: {"this", "quoted"},
    exp.Star: set(),
    exp.Literal: {"this", "is_string"},
    exp.Null: set(),
    exp.Boolean: {"this"},
    exp.Var: {"this"},
    exp.And: {"this", "expression"},
    exp.Or: {"this", "expression"},
    exp.Not: {"this"},
    exp.Neg: {"this"},
    exp.Add: {"this", "expression"},
    exp.Sub: {"this", "expression"},
    exp.Mul: {"this", "expression"},
    exp.Div: {"this", "expression", "typed", "safe"},
    exp.Mod: {"this", "expression"},
    exp.DPipe: {"this", "expression", "safe"},
    exp.EQ: {"this", "expression"},
    exp.NEQ: {"this", "expression"},
    exp.GT: {"this", "expression"},
    exp.GTE: {"this", "expression"},
    exp.LT: {"this", "expression"},
    exp.LTE: {"this", "expression"},
    exp.NullSafeEQ: {"this", "expression"},
    exp.NullSafeNEQ: {"this", "expression"},
    exp.Is: {"this", "expression"},
    exp.Like: {"this", "expression", "negate"},
    exp.Between: {"this", "low", "high"},
    exp.In: {"this", "expressions", "query"},
    exp.Exists: {"this"},
    exp.Interval: {"this", "unit"},
    exp.Bracket: {"this", "expressions", "offset", "safe"},
    exp.Window: {"this", "partition_by", "order", "spec", "over"},
    exp.WindowSpec: {"kind", "start", "start_side", "end", "end_side"},
    exp.Filter: {"this", "expression"},
    exp.Cast: {"this", "to"},
    exp.TryCast: {"this", "to", "safe"},
    exp.DataType: {"this", "expressions", "nested"},
    exp.DataTypeParam: {"this", "expression"},
    exp.Case: {"this", "ifs", "default"},
    exp.If: {"this", "true", "false"},
}

_WORDS: dict[type[exp.Expr], str] = {
    exp.Lateral: "LATERAL",
    exp.Unnest: "UNNEST",
    exp.Values: "VALUES",
    exp.TableSample: "TABLESAMPLE",
    exp.Escape: "LIKE ... ESCAPE",
    exp.ILike: "ILIKE",
    exp.AtTimeZone: "AT TIME ZONE",
    exp.Lambda: "a lambda",
    exp.Parameter: "a parameter",
    exp.Placeholder: "a parameter",
    exp.Tuple: "a row of values",
    exp.Fetch: "FETCH FIRST (write LIMIT)",
}
_PARTS = {
    "recursive": "WITH RECURSIVE",
    "qualify": "QUALIFY",
    "grouping_sets": "GROUPING SETS",
    "cube": "CUBE",
    "rollup": "ROLLUP",
    "on": "DISTINCT ON",
    "laterals": "LATERAL",
    "method": "this kind of join",
    "sample": "TABLESAMPLE",
    "version": "FOR TIMESTAMP AS OF",
    "windows": "the WINDOW clause",
    "locks": "FOR UPDATE",
}
_JOIN_KINDS = {"", "INNER", "OUTER", "CROSS"}
_DML = (exp.DML, exp.Command)


def check_syntax(text: str, statement: exp.Query) -> None:
    """Raises BadRequest for the first node or part that is not in the table."""
    for node in statement.walk():
        _check_node(text, node)


def position_of(text: str, node: exp.Expr | None) -> Position | None:
    """Where `node` starts in the text, if sqlglot remembers it of the node or of a part of it."""
    if node is None:
        return None
    starts = [each.meta["start"] for each in node.walk() if "start" in each.meta]
    return Position.of(text, min(starts)) if starts else None


def _check_node(text: str, node: exp.Expr) -> None:
    if isinstance(node, _DML):
        what = type(node).__name__.upper()
        raise refuse(SQL_NOT_SELECT, f"Only SELECT is answered here, not {what}", token=what)
    allowed = NODES.get(type(node))
    if allowed is None:
        _check_function(text, node)
        return
    present = {name for name, value in node.args.items() if value not in (None, False, [], "")}
    if "into" in present:
        raise refuse(SQL_NOT_SELECT, "Only SELECT is answered here, not SELECT INTO")
    for part in sorted(present - allowed):
        raise refuse(
            UNSUPPORTED_SQL,
            f"{_PARTS.get(part, part.strip('_').upper())} is not supported here",
            at=position_of(text, node),
        )
    if isinstance(node, exp.Join) and node.kind not in _JOIN_KINDS:
        raise refuse(UNSUPPORTED_SQL, f"{node.kind} JOIN is not supported here", at=position_of(text, node))
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise _table_function(text, node)
    if not _whole(node):
        raise refuse(SQL_SYNTAX, "The SQL cannot be read: a part is missing", at=position_of(text, node))


def _whole(node: exp.Expr) -> bool:
    """Whether the parts are what the parser, which is lenient, should have found there."""
    match node:
        case exp.Cast():  # and TRY_CAST
            return isinstance(node.args.get("to"), exp.DataType)
        case exp.DataTypeParam():
            return isinstance(node.this, exp.Literal) and node.this.name.isdigit()
        case exp.SetOperation():
            return _is_query(node.this) and _is_query(node.expression)
        case exp.CTE():
            return _is_query(node.this) or isinstance(node.this, exp.DML)
        case exp.Exists():
            return _is_query(node.this)
        case exp.Distinct():
            return bool(node.expressions) or isinstance(node.parent, exp.Select)
    return not node.error_messages()


def _is_query(node: exp.Expr | None) -> bool:
    while isinstance(node, exp.Subquery | exp.Paren):
        node = node.this
    return isinstance(node, exp.Select | exp.SetOperation)


def _table_function(text: str, table: exp.Table) -> Exception:
    name = table.this.name or table.this.sql_name() if isinstance(table.this, exp.Func) else table.name
    return refuse(
        UNKNOWN_TABLE,
        f"{str(name).lower() or 'a function'} is no table: only tables of your own catalog can be read",
        at=position_of(text, table),
        token=str(name).lower() or None,
    )


def _check_function(text: str, node: exp.Expr) -> None:
    if type(node) in FUNCTIONS:
        return
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        raise _no_function(text, node, str(node.this).lower())
    if isinstance(node, exp.Func):
        raise _no_function(text, node, _written_name(text, node))
    word = _WORDS.get(type(node), type(node).__name__.upper())
    raise refuse(UNSUPPORTED_SQL, f"{word} is not supported here", at=position_of(text, node))


def _written_name(text: str, node: exp.Func) -> str:
    """The function as the caller wrote it: one class stands for several names."""
    written = re.compile(r"\w+").match(text, node.meta["start"]) if "start" in node.meta else None
    return (written[0] if written else node.sql_name()).lower()


def _no_function(text: str, node: exp.Expr, name: str) -> Exception:
    if isinstance(node.parent, exp.Table):
        return _table_function(text, node.parent)
    return refuse(
        UNSUPPORTED_FUNCTION,
        f"The function {name} is not supported here",
        at=position_of(text, node),
        token=name,
        near=nearest(name, known_names()),
    )
