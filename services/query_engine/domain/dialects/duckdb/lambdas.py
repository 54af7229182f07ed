"""Functions that take a function: transform, filter, reduce and those of maps."""

from collections.abc import Mapping, Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, call, cast, typed
from services.query_engine.domain.dialects.duckdb.arrays import element, places
from services.query_engine.domain.dialects.duckdb.maps import entries
from services.query_engine.domain.dialects.duckdb.names import (
    Rule,
    declined,
    exact,
    fresh,
    need,
    whole_number,
)
from services.query_engine.domain.types import NUMERIC, Family, element_of, family


def _lambda(node: exp.Expr, call_node: exp.Expr, context: Context, parameters: int) -> exp.Lambda:
    if not isinstance(node, exp.Lambda) or len(node.expressions) != parameters:
        shape = "x -> ..." if parameters == 1 else "(x, y) -> ..."
        raise declined(call_node, context, f"{call_node.this} takes a lambda here, as in {shape}")
    return node


def _over(name: str) -> Rule:
    """A function of an array and a lambda of one parameter."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, Family.ARRAY)
        made = _lambda(given[1], node, context, 1)
        made.set("this", exact(made.this))
        return call(name, *given, returns=node.type)

    return rule


def _match(name: str, *, negated: bool = False) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, Family.ARRAY)
        _lambda(given[1], node, context, 1)
        found = call(name, call("list_transform", *given, returns=None), returns="BOOLEAN")
        return typed(exp.Not(this=found), exp.DType.BOOLEAN) if negated else found

    return rule


def _reduce(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.ARRAY)
    _lambda(given[2], node, context, 2)
    finish = _lambda(given[3], node, context, 1)
    total = call("list_reduce", *_of_one_type(given), returns=None)
    if isinstance(finish.this, exp.Identifier) and finish.this.name == finish.expressions[0].name:
        return typed(total, node.type)
    made = call("list_transform", exp.Array(expressions=[total]), finish, returns=None)
    return call("list_extract", made, whole_number(1), returns=node.type)


# DuckDB would bring the sum to the type of what it starts from.
_STATES = {
    Family.DECIMAL: "DECIMAL(38, 18)",
    Family.INTEGER: "BIGINT",
    Family.DOUBLE: "DOUBLE",
    Family.STRING: "VARCHAR",
}


def _of_one_type(given: Sequence[exp.Expr]) -> list[exp.Expr]:
    """Array, lambda and start of list_reduce, all of the type that the lambda gives."""
    values, start, merge = given[:3]
    kind = _STATES.get(family(merge.this))
    if kind is None:
        return [values, merge, start]
    merge.set("this", cast(merge.this, kind))
    inner = element_of(values.type)
    if family(merge.this) is Family.DECIMAL and inner is not None and inner.this is not exp.DType.DECIMAL:
        values = cast(values, f"{kind}[]") if family(typed(exp.Var(this="x"), inner)) in NUMERIC else values
    return [values, merge, cast(start, kind)]


def replaced(node: exp.Lambda, by: Mapping[str, exp.Expr]) -> exp.Expr:
    """The body of a lambda with other expressions in place of its parameters."""
    body = exp.Paren(this=node.this)
    for each in list(body.find_all(exp.Identifier)):
        plain = not isinstance(each.parent, exp.Column | exp.PropertyEQ | exp.Lambda)
        field = isinstance(each.parent, exp.Dot) and each.arg_key == "expression"
        body_of = each.arg_key == "this" and isinstance(each.parent, exp.Lambda)
        if (plain or body_of) and not field and each.name in by:
            each.replace(typed(by[each.name].copy(), each.type))
    return body


def _zip_with(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    for each in given[:2]:
        need(each, node, context, Family.ARRAY)
    merge = _lambda(given[2], node, context, 2)
    at = fresh(node)
    names = [each.name for each in merge.expressions]
    body = replaced(merge, {name: element(each, at) for name, each in zip(names, given[:2], strict=True)})
    made = exp.Lambda(this=exact(body), expressions=[at])
    return call("list_transform", places(given[:2]), made, returns=node.type)


def _entry_lambda(node: exp.Lambda, key: bool | None) -> exp.Expr:
    """A lambda of (k, v) as one of an entry: the condition, or the entry with its key or value anew."""
    entry = fresh(node)
    names = [each.name for each in node.expressions]
    parts = [exp.Dot(this=entry.copy(), expression=exp.to_identifier(each)) for each in _PARTS]
    body = replaced(node, dict(zip(names, parts, strict=True)))
    if key is not None:
        made = [exact(body), parts[1]] if key else [parts[0], exact(body)]
        fields = [
            exp.PropertyEQ(this=exp.to_identifier(name), expression=each.copy())
            for name, each in zip(_PARTS, made, strict=True)
        ]
        body = call("struct_pack", *fields, returns=None)
    return exp.Lambda(this=body, expressions=[entry])


_PARTS = ("key", "value")


def _of_entries(name: str, key: bool | None) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, Family.MAP)
        each = _entry_lambda(_lambda(given[1], node, context, 2), key)
        made = call(name, entries(given[0]), each, returns=None)
        return call("map_from_entries", made, returns=node.type)

    return rule


NAMES: dict[str, Rule] = {
    "transform": _over("list_transform"),
    "filter": _over("list_filter"),
    "reduce": _reduce,
    "any_match": _match("onyx_any"),
    "all_match": _match("onyx_all"),
    "none_match": _match("onyx_any", negated=True),
    "zip_with": _zip_with,
    "map_filter": _of_entries("list_filter", None),
    "transform_values": _of_entries("list_transform", False),
    "transform_keys": _of_entries("list_transform", True),
}
