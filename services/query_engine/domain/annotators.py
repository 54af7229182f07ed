"""The type of an expression from the types of its parts, as sqlglot's annotator asks for it.

Arithmetic is written by the families of its sides, so what comes out of an array, a map, a lambda or an
UNNEST has to be known; where it is not, the dialects decline rather than leave decimals to an engine's rules.
"""

from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from services.query_engine.domain.named import NAMED, Named, named
from services.query_engine.domain.types import array_of, element_of, fields_of, key_of, row_of, value_of

_T = exp.DType
_NUMBERS = (_T.DOUBLE, _T.FLOAT, _T.DECIMAL, _T.BIGINT, _T.INT, _T.SMALLINT, _T.TINYINT)
_MOMENTS = (_T.TIMESTAMP, _T.DATE)
_NESTED = (_T.ARRAY, _T.MAP, _T.STRUCT)


def _literal(annotator: Any, node: exp.Literal) -> exp.Literal:
    """Trino: 1 is an integer, 1.5 a decimal, 1e0 a double."""
    if node.is_string:
        kind: exp.DType = _T.VARCHAR
    elif "e" in node.name.lower():
        kind = _T.DOUBLE
    elif "." in node.name:
        kind = _T.DECIMAL
    else:
        kind = _T.BIGINT
    annotator._set_type(node, kind)
    return node


def first(annotator: Any, node: exp.Expr) -> exp.Expr:
    """Of the type of its first argument."""
    annotator._set_type(node, node.this.type if isinstance(node.this, exp.Expr) else _T.UNKNOWN)
    return node


def _average(annotator: Any, node: exp.Avg) -> exp.Avg:
    """Of decimals a decimal, as everywhere in Onyx; else a double."""
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    annotator._set_type(node, _T.DECIMAL if argument.is_type(_T.DECIMAL) else _T.DOUBLE)
    return node


def _widest_of(kinds: Iterable[exp.DataType | None]) -> exp.DataType | exp.DType:
    """Doubles win over decimals, those over integers, a timestamp over a date; else the first known."""
    known = [kind for kind in kinds if kind is not None and kind.this not in (_T.NULL, _T.UNKNOWN)]
    names = [kind.this for kind in known]
    for kind in (*_NUMBERS, *_MOMENTS):
        if kind in names:
            if kind in _NUMBERS[3:]:
                return _T.BIGINT
            return _T.DOUBLE if kind is _T.FLOAT else kind
    for whole in known:
        inner = element_of(whole)
        if whole.this not in _NESTED or inner is None or inner.this is not _T.NULL:
            return whole if whole.this in _NESTED else whole.this
    return known[0] if known else _T.NULL


def _widest(annotator: Any, node: exp.Expr, sides: Iterable[exp.Expr | None]) -> exp.Expr:
    annotator._set_type(node, _widest_of(side.type for side in sides if side is not None))
    return node


def _operator(annotator: Any, node: exp.Binary) -> exp.Expr:
    """+ - * / %, with dates and intervals."""
    if isinstance(node.this, exp.Interval):
        annotator._set_type(node, node.expression.type)
        return node
    if isinstance(node.expression, exp.Interval):
        annotator._set_type(node, node.this.type)
        return node
    kinds = [side.type.this for side in (node.this, node.expression) if side.type is not None]
    if isinstance(node, exp.Sub) and len(kinds) == 2 and all(kind in _MOMENTS for kind in kinds):
        annotator._set_type(node, _T.INTERVAL)
        return node
    return _widest(annotator, node, (node.this, node.expression))


def _choice(annotator: Any, node: exp.Case) -> exp.Expr:
    return _widest(
        annotator, node, [*(each.args["true"] for each in node.args["ifs"]), node.args.get("default")]
    )


def _either(annotator: Any, node: exp.If) -> exp.Expr:
    return _widest(annotator, node, (node.args["true"], node.args.get("false")))


def _any_of(annotator: Any, node: exp.Expr) -> exp.Expr:
    return _widest(annotator, node, (node.this, *node.expressions))


def _joined(annotator: Any, node: exp.Expr) -> exp.Expr:
    """concat and ||: of arrays an array (an element may stand beside one), else a text."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    lists = [each.type for each in parts if each.type is not None and each.type.this is _T.ARRAY]
    annotator._set_type(node, _widest_of(lists) if lists else _T.VARCHAR)
    return node


def _array(annotator: Any, node: exp.Array) -> exp.Expr:
    inner = _widest_of(each.type for each in node.expressions)
    kind = inner if isinstance(inner, exp.DataType) else exp.DataType(this=inner)
    annotator._set_type(node, array_of(kind))
    return node


def _tuple(annotator: Any, node: exp.Tuple) -> exp.Expr:
    """(a, b) is a row."""
    annotator._set_type(node, row_of([_argument_type(each) for each in node.expressions]) or _T.UNKNOWN)
    return node


def _subscript(annotator: Any, node: exp.Bracket) -> exp.Expr:
    """a[1], m['key'], r[1], and element_at."""
    whole, found = node.this.type, None
    if whole is not None and whole.this is _T.STRUCT and len(node.expressions) == 1:
        fields, at = fields_of(whole), node.expressions[0]
        if isinstance(at, exp.Literal) and at.name.isdigit() and 0 < int(at.name) <= len(fields):
            found = fields[int(at.name) - 1]
    else:
        found = element_of(whole) or value_of(whole)
    annotator._set_type(node, found or _T.UNKNOWN)
    return node


def _field(annotator: Any, node: exp.Dot) -> exp.Expr:
    found = None
    kind = node.this.type
    for column in kind.expressions if kind is not None and kind.this is _T.STRUCT else []:
        if isinstance(column, exp.ColumnDef) and column.name.lower() == node.name.lower():
            found = column.args.get("kind")
    annotator._set_type(node, found or _T.UNKNOWN)
    return node


def _body(annotator: Any, node: exp.Expr) -> exp.Expr:
    """Of a lambda the type is that of what stands behind its arrow."""
    return first(annotator, node)


def _call(annotator: Any, node: exp.Expr) -> exp.Expr:
    function = named(node)
    if function is None:
        annotator._set_type(node, _T.UNKNOWN)
        return node
    _type_lambdas(annotator, node)
    kinds = [_argument_type(each) for each in node.expressions]
    found = function.returns(kinds) if callable(function.returns) else function.returns
    if isinstance(found, str):
        found = exp.DataType.build(found, dialect="trino")
    annotator._set_type(node, found or _T.UNKNOWN)
    return node


def _argument_type(node: exp.Expr) -> exp.DataType | None:
    if isinstance(node, exp.Distinct):
        return _argument_type(node.expressions[0]) if node.expressions else None
    if isinstance(node, exp.Order):
        return _argument_type(node.this)
    kind: exp.DataType | None = node.type
    return None if kind is None or kind.this is _T.UNKNOWN else kind


def _type_lambdas(annotator: Any, node: exp.Expr) -> None:
    """Give the parameters of the lambdas among the arguments their types, and what they stand in anew."""
    arguments = node.expressions
    name = str(node.this).lower()
    lambdas = [each for each in arguments if isinstance(each, exp.Lambda)]
    if not lambdas:
        return
    kinds = [_argument_type(each) for each in arguments]
    if name == "reduce" and len(arguments) == 4:
        state = kinds[1]
        for _ in range(2):  # A sum that starts at 0 is of the type of what is added.
            _type_parameters(annotator, arguments[2], [state, element_of(kinds[0])])
            found = _widest_of([state, _argument_type(arguments[2])])
            state = found if isinstance(found, exp.DataType) else exp.DataType(this=found)
        _type_parameters(annotator, arguments[3], [state])
        return
    if name == "zip_with":
        given = [element_of(kind) for kind in kinds[:2]]
    elif name in ("map_filter", "transform_values", "transform_keys"):
        given = [key_of(kinds[0]), value_of(kinds[0])]
    else:
        given = [element_of(kinds[0])] * 2
    for each in lambdas:
        _type_parameters(annotator, each, given)


def _type_parameters(annotator: Any, node: exp.Expr, kinds: list[exp.DataType | None]) -> None:
    if not isinstance(node, exp.Lambda):
        return
    given = dict(zip((each.name for each in node.expressions), kinds, strict=False))
    for each in node.this.walk(prune=lambda part: isinstance(part, exp.Column)):
        if isinstance(each, exp.Column):
            continue  # Of a table around: its type stands.
        if isinstance(each, exp.Identifier) and not _is_field(each):
            # One that is not of this lambda is of one around, which has typed it or will.
            if each.name in given:
                annotator._set_type(each, given[each.name] or _T.UNKNOWN)
            continue
        annotator._visited.pop(id(each), None)
    annotator._visited.pop(id(node), None)
    annotator.annotate_expression(node)


def _is_field(node: exp.Identifier) -> bool:
    return isinstance(node.parent, exp.Dot) and node.arg_key == "expression"


def unnested(node: exp.Unnest) -> list[exp.DataType | None]:
    """The types of the columns that UNNEST makes of its arguments, without the ordinality."""
    kinds: list[exp.DataType | None] = []
    for each in node.expressions:
        if each.type is not None and each.type.this is _T.MAP:
            kinds += [key_of(each.type), value_of(each.type)]
            continue
        inner = element_of(each.type)
        kinds += fields_of(inner) if inner is not None and inner.this is _T.STRUCT else [inner]
    return kinds


def _unnest(annotator: Any, node: exp.Unnest) -> exp.Expr:
    """A row of its columns, by the names of the alias."""
    names = list(node.alias_column_names)
    kinds = [kind or exp.DataType(this=_T.UNKNOWN) for kind in unnested(node)]
    if isinstance(offset := node.args.get("offset"), exp.Identifier):
        if offset.name not in names:
            names.append(offset.name)
        kinds.append(exp.DataType(this=_T.BIGINT))
    annotator._set_type(node, row_of(kinds, names) if len(names) == len(kinds) else _T.UNKNOWN)
    return node


def _one_column(annotator: Any, node: exp.Expr) -> exp.Expr:
    """ANY and ALL are of the type of the query's one column."""
    query = node.this
    while isinstance(query, exp.Subquery | exp.Paren):
        query = query.this
    single = isinstance(query, exp.Query) and len(query.selects) == 1
    annotator._set_type(node, query.selects[0].type if single else _T.UNKNOWN)
    return node


def _inner(annotator: Any, node: exp.Expr) -> exp.Expr:
    return first(annotator, node)


ANNOTATORS: dict[type[exp.Expr], Any] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _operator),
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), _any_of),
    **dict.fromkeys((exp.Concat, exp.DPipe), _joined),
    **dict.fromkeys((exp.Anonymous, exp.AnonymousAggFunc), _call),
    **dict.fromkeys((exp.IgnoreNulls, exp.RespectNulls, exp.Order, exp.Ordered), _inner),
    **dict.fromkeys((exp.All, exp.Any), _one_column),
    exp.Case: _choice,
    exp.If: _either,
    exp.Literal: _literal,
    exp.Avg: _average,
    exp.Array: _array,
    exp.Tuple: _tuple,
    exp.Bracket: _subscript,
    exp.Dot: _field,
    exp.Lambda: _body,
    exp.Unnest: _unnest,
}

__all__ = ["ANNOTATORS", "NAMED", "Named", "first", "unnested"]
