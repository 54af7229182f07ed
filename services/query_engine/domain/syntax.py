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
from services.query_engine.domain.named import Named, named
from services.query_engine.domain.nearest import nearest

_QUERY = {"with_", "order", "limit", "offset"}

# Kind of node -> its parts that may be present. () is a leaf.
NODES: dict[type[exp.Expr], set[str]] = {
    exp.Select: _QUERY | {"expressions", "distinct", "from_", "joins", "where", "group", "having", "windows"},
    exp.Union: _QUERY | {"this", "expression", "distinct"},
    exp.Intersect: _QUERY | {"this", "expression", "distinct"},
    exp.Except: _QUERY | {"this", "expression", "distinct"},
    exp.With: {"expressions"},
    exp.CTE: {"this", "alias"},
    exp.Subquery: {"this", "alias", "order", "limit", "offset"},
    exp.TableAlias: {"this", "columns"},
    exp.Table: {"this", "alias", "db", "catalog", "version"},
    exp.Version: {"this", "expression", "kind"},
    exp.From: {"this"},
    exp.Join: {"this", "on", "side", "kind", "using"},
    exp.Where: {"this"},
    exp.Group: {"expressions"},
    exp.GroupingSets: {"expressions"},
    exp.Rollup: {"expressions"},
    exp.Cube: {"expressions"},
    exp.Unnest: {"expressions", "alias", "offset"},
    exp.Values: {"expressions", "alias"},
    exp.Tuple: {"expressions"},
    exp.Having: {"this"},
    exp.Order: {"this", "expressions"},
    exp.Ordered: {"this", "desc", "nulls_first"},
    exp.Limit: {"expression"},
    exp.Offset: {"expression"},
    exp.Fetch: {"direction", "count", "limit_options"},
    exp.LimitOptions: {"rows"},
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
    exp.Escape: {"this", "expression"},
    exp.All: {"this"},
    exp.Any: {"this"},
    exp.Between: {"this", "low", "high"},
    exp.In: {"this", "expressions", "query"},
    exp.Exists: {"this"},
    exp.Interval: {"this", "unit"},
    exp.IntervalSpan: {"this", "expression"},
    exp.Array: {"expressions"},
    exp.Bracket: {"this", "expressions", "offset", "safe"},
    exp.Dot: {"this", "expression"},
    exp.Lambda: {"this", "expressions"},
    exp.AtTimeZone: {"this", "zone"},
    exp.Normalize: {"this", "form"},
    exp.IgnoreNulls: {"this"},
    exp.RespectNulls: {"this"},
    exp.Window: {"this", "partition_by", "order", "spec", "over", "alias"},
    exp.WindowSpec: {"kind", "start", "start_side", "end", "end_side"},
    exp.Filter: {"this", "expression"},
    exp.Cast: {"this", "to"},
    exp.TryCast: {"this", "to", "safe"},
    exp.DataType: {"this", "expressions", "nested"},
    exp.ColumnDef: {"this", "kind"},
    exp.DataTypeParam: {"this", "expression"},
    exp.Case: {"this", "ifs", "default"},
    exp.If: {"this", "true", "false"},
}

_WORDS: dict[type[exp.Expr], str] = {
    exp.Lateral: "LATERAL",
    exp.TableSample: "TABLESAMPLE",
    exp.ILike: "ILIKE",
    exp.Parameter: "a parameter",
    exp.Placeholder: "a parameter",
}
_PARTS = {
    "recursive": "WITH RECURSIVE",
    "qualify": "QUALIFY",
    "on": "DISTINCT ON",
    "laterals": "LATERAL",
    "method": "this kind of join",
    "sample": "TABLESAMPLE",
    "with_ties": "FETCH FIRST ... WITH TIES",
    "percent": "FETCH FIRST ... PERCENT",
    "locks": "FOR UPDATE",
}
_JOIN_KINDS = {"", "INNER", "OUTER", "CROSS"}
# Functions that take a function, and which of their arguments those are.
_LAMBDAS = {
    **dict.fromkeys(("transform", "filter", "any_match", "all_match", "none_match"), (1,)),
    **dict.fromkeys(("map_filter", "transform_values", "transform_keys", "array_sort"), (1,)),
    "zip_with": (2,),
    "reduce": (2, 3),
}
# Known, and not answered: with what to do instead.
_DECLINED = {
    **dict.fromkeys(
        ("rand", "random", "uuid", "shuffle"), "an answer must be the same each time it is asked"
    ),
    **dict.fromkeys(("checksum", "xxhash64"), "count and sum tell two tables apart"),
    "word_stem": "match the word itself",
    **dict.fromkeys(("current_time", "localtime"), "write current_timestamp"),
    **dict.fromkeys(("parse_duration", "human_readable_seconds"), "write date_diff('second', a, b)"),
}
_DML = (exp.DML, exp.Command)
# Arguments that sqlglot's reader lets be left out.
_NEEDED: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.SplitPart: ("this", "delimiter", "part_index"),
    exp.Ceil: ("this",),
    exp.Floor: ("this",),
}


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
    if isinstance(node, exp.Lambda):
        _check_lambda(text, node)
    if isinstance(node, exp.Values):
        _check_values(text, node)
    if isinstance(node, exp.DataType) and node.this is exp.DType.DECIMAL:
        _check_decimal(text, node)
    if isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
        _check_nulls(text, node)
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
        case exp.Alias():  # SELECT * x
            return not isinstance(
                node.this.this if isinstance(node.this, exp.Column) else node.this, exp.Star
            )
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
        if any(node.args.get(part) is None for part in _NEEDED.get(type(node), ())):
            name = _written_name(text, node)
            raise refuse(UNSUPPORTED_SQL, f"{name} lacks an argument", at=position_of(text, node), token=name)
        return
    if (function := named(node)) is not None:
        _check_arguments(text, node, function)
        return
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        raise _no_function(text, node, str(node.this).lower())
    if isinstance(node, exp.Func):
        raise _no_function(text, node, _written_name(text, node))
    word = _WORDS.get(type(node), type(node).__name__.upper())
    raise refuse(UNSUPPORTED_SQL, f"{word} is not supported here", at=position_of(text, node))


def _check_arguments(text: str, node: exp.Expr, function: Named) -> None:
    count, most = len(node.expressions), function.most
    if isinstance(node.parent, exp.Table):
        raise _table_function(text, node.parent)
    distinct = node.expressions[0] if node.expressions else None
    alone = count == 1 and function.aggregate
    if isinstance(distinct, exp.Distinct) and not (alone and len(distinct.expressions) == 1):
        raise refuse(UNSUPPORTED_SQL, "DISTINCT stands before one argument", at=position_of(text, node))
    if count < function.least or (most is not None and count > most):
        takes = str(function.least) if most == function.least else f"{function.least} to {most or 'more'}"
        name = _written_name(text, node)
        raise refuse(
            UNSUPPORTED_SQL,
            f"{name} takes {takes} argument{'' if takes == '1' else 's'}, not {count}",
            at=position_of(text, node),
            token=name,
        )


def _check_lambda(text: str, node: exp.Lambda) -> None:
    """A lambda stands where a function takes one, and holds no query."""
    parent = node.parent
    name = str(parent.this).lower() if parent is not None and named(parent) is not None else ""
    if node.index not in _LAMBDAS.get(name, ()):
        raise refuse(
            UNSUPPORTED_SQL,
            "A lambda is an argument of functions such as transform and filter",
            at=position_of(text, node),
        )
    if any(each.name.lower().startswith("onyx_") for each in node.expressions):
        raise refuse(UNSUPPORTED_SQL, "Names that start with onyx_ are reserved", at=position_of(text, node))
    for each in node.this.walk():
        if isinstance(each, exp.Query | exp.Subquery | exp.AggFunc | exp.Window):
            raise refuse(
                UNSUPPORTED_SQL,
                "A lambda holds neither a query nor an aggregate",
                at=position_of(text, node),
            )


def _check_decimal(text: str, node: exp.DataType) -> None:
    sizes = [int(each.name) for each in node.expressions if each.name.isdigit()]
    precision, scale = (*sizes, 0)[:2] if sizes else (38, 0)
    if not 1 <= precision <= 38 or scale > precision:
        raise refuse(
            UNSUPPORTED_SQL,
            "A decimal has 1 to 38 digits, and no more decimals than digits: decimal(38, 18)",
            at=position_of(text, node.parent),
        )


def _check_nulls(text: str, node: exp.IgnoreNulls | exp.RespectNulls) -> None:
    inner = node.this
    takes = isinstance(inner, exp.Lag | exp.Lead | exp.FirstValue | exp.LastValue) or (
        isinstance(inner, exp.Anonymous) and str(inner.this).lower() == "nth_value"
    )
    if not takes or not isinstance(node.parent, exp.Window):
        raise refuse(
            UNSUPPORTED_SQL,
            "IGNORE NULLS and RESPECT NULLS stand behind lag, lead, first_value, last_value and nth_value",
            at=position_of(text, node),
        )


def _check_values(text: str, node: exp.Values) -> None:
    widths = {len(each.expressions) if isinstance(each, exp.Tuple) else 1 for each in node.expressions}
    if len(widths) != 1 or not widths - {0}:
        raise refuse(SQL_SYNTAX, "The rows of VALUES need as many values each", at=position_of(text, node))


def _written_name(text: str, node: exp.Expr) -> str:
    """The function as the caller wrote it: one class stands for several names."""
    written = re.compile(r"\w+").match(text, node.meta["start"]) if "start" in node.meta else None
    if written is None and isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return str(node.this).lower()
    known = node.sql_name() if isinstance(node, exp.Func) else type(node).__name__
    return (written[0] if written else known).lower()


def _no_function(text: str, node: exp.Expr, name: str) -> Exception:
    if isinstance(node.parent, exp.Table):
        return _table_function(text, node.parent)
    why = f": {_DECLINED[name]}" if name in _DECLINED else ""
    return refuse(
        UNSUPPORTED_FUNCTION,
        f"The function {name} is not supported here{why}",
        at=position_of(text, node),
        token=name,
        near=[] if why else nearest(name, known_names()),
    )
