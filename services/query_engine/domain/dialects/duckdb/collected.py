"""Aggregates by Trino's names, and windows."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import MONEY, Context, call, cast, integer_literal, typed
from services.query_engine.domain.dialects.duckdb.names import (
    Rule,
    declined,
    exact,
    need,
    plain,
    text,
    whole_number,
)
from services.query_engine.domain.types import NUMERIC, Family, family

_F = Family
_ORDERED = {_F.STRING, _F.INTEGER, _F.DECIMAL, _F.DOUBLE, _F.DATE, _F.TIMESTAMP, _F.BOOLEAN}


def around(node: exp.Expr, made: exp.Expr, wrap: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """`made`, with `wrap` around it and the FILTER and OVER of `node`, which stay with it."""
    top = node
    while isinstance(top.parent, exp.Filter | exp.Window) and top.arg_key == "this":
        top = top.parent
    if top is node:
        return wrap(made)
    place = exp.Null()
    top.replace(place)
    place.replace(wrap(top))
    return made


def aggregate(name: str, *given: exp.Expr, returns: exp.DataType | exp.DType | str | None) -> exp.Expr:
    """DuckDB's aggregate, which a SELECT still knows for one."""
    return typed(exp.AnonymousAggFunc(this=name, expressions=list(given)), returns)


def _plainly(name: str) -> Rule:
    return lambda given, node, context: aggregate(name, *given, returns=node.type)


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Order | exp.Distinct):
        node = node.this if isinstance(node, exp.Order) else node.expressions[0]
    return node


def _extreme(name: str) -> Rule:
    """max_by and min_by: of the row with the greatest y, be its x null; rows whose y is null are left out."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        value, by = given[:2]
        if len(given) == 2:
            return aggregate(f"{name}_null", value, by, returns=node.type)
        count = integer_literal(given[2])
        if count is None or count < 1:
            raise declined(node, context, f"The third argument of {node.this} is a whole number from 1")
        field = exp.PropertyEQ(this=exp.to_identifier("v"), expression=value)
        kind = node.type
        row = exp.to_identifier("onyx_r")
        inner = exp.Dot(this=row.copy(), expression=exp.to_identifier("v"))
        opened = exp.Lambda(this=inner, expressions=[row])
        rows = call("struct_pack", field, returns=None)
        made = aggregate(name, rows, by, whole_number(count), returns=None)
        return around(node, made, lambda top: call("list_transform", top, opened, returns=kind))

    return rule


def _array(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """Nulls are elements too. Distinct ones come sorted, so that an answer is the same each time."""
    value = given[0]
    if node.this == "set_agg":
        value = exp.Distinct(expressions=[value])
    bare = _bare(value)
    if bare is value:
        value = exact(value)
    elif exact(bare) is not bare:
        place = exp.Null()
        bare.replace(place)
        place.replace(cast(bare, MONEY))
    if isinstance(value, exp.Distinct) and family(value.expressions[0]) in _ORDERED:
        key = exp.Ordered(this=value.expressions[0].copy(), nulls_first=False)
        value = exp.Order(this=value, expressions=[key])
    return aggregate("array_agg", value, returns=node.type)


def _quantile(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """Exactly: the least value that has at least that share of all at or below it."""
    if len(given) > 2:
        raise declined(node, context, "approx_percentile takes a value and a share here, and is exact")
    need(given[0], node, context, *NUMERIC)
    shares = given[1].expressions if isinstance(given[1], exp.Array) else [given[1]]
    made = []
    for each in shares:
        share = _share(each)
        if share is None or not 0 <= share <= 1:
            raise declined(node, context, "The share of approx_percentile is a number from 0 to 1")
        made.append(cast(exp.Literal.number(repr(share)), "DOUBLE"))
    wanted = exp.Array(expressions=made) if isinstance(given[1], exp.Array) else made[0]
    return aggregate("quantile_disc", exact(given[0]), wanted, returns=node.type)


def _share(node: exp.Expr) -> float | None:
    while isinstance(node, exp.Paren | exp.Cast):
        node = node.this
    return float(node.name) if isinstance(node, exp.Literal) and not node.is_string else None


def _entries(macro: str) -> Rule:
    """A map out of the rows of a group."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        fields = [
            exp.PropertyEQ(this=exp.to_identifier(name), expression=exact(each))
            for name, each in zip(("key", "value"), given, strict=True)
        ]
        kind = node.type
        made = aggregate("array_agg", call("struct_pack", *fields, returns=None), returns=None)
        return around(node, made, lambda top: call(macro, top, returns=kind))

    return rule


def _doubles(name: str) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        for each in given:
            need(_bare(each), node, context, *NUMERIC)
        return aggregate(name, *(cast(each, "DOUBLE") for each in given), returns="DOUBLE")

    return rule


def _booleans(name: str) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, _F.BOOLEAN)
        return aggregate(name, given[0], returns="BOOLEAN")

    return rule


def _bits(name: str) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, _F.INTEGER)
        return aggregate(name, cast(given[0], "BIGINT"), returns="BIGINT")

    return rule


def _listed(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """LISTAGG(x, ',') WITHIN GROUP (ORDER BY y): nulls are left out."""
    value = given[0]
    separator = given[1] if len(given) > 1 else text("")
    if isinstance(value, exp.Order):
        separator = exp.Order(this=separator, expressions=value.expressions)
        value = value.this
    need(_bare(value), node, context, _F.STRING)
    return aggregate("string_agg", value, separator, returns="VARCHAR")


def _over(rule: Rule) -> Rule:
    """A function that stands over a window alone."""

    def checked(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        above = node.parent.parent if isinstance(node.parent, exp.IgnoreNulls) else node.parent
        if not isinstance(above, exp.Window):
            raise context.unsupported(node, f"{node.this} needs OVER (...)")
        return rule(given, node, context)

    return checked


def _nth(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    return typed(exp.NthValue(this=given[0], offset=given[1]), node.type)


def _grouping(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    return cast(call("grouping", *given, returns="BIGINT"), "BIGINT")


NAMES: dict[str, Rule] = {
    "max_by": _extreme("arg_max"),
    "min_by": _extreme("arg_min"),
    "array_agg": _array,
    "set_agg": _array,
    "approx_percentile": _quantile,
    "map_agg": _entries("onyx_map_of"),
    "multimap_agg": _entries("onyx_multimap_of"),
    "histogram": _plainly("histogram"),
    "bool_and": _booleans("bool_and"),
    "every": _booleans("bool_and"),
    "bool_or": _booleans("bool_or"),
    **{name: _doubles(name) for name in ("stddev_pop", "var_pop", "corr", "covar_pop", "covar_samp")},
    **{name: _doubles(name) for name in ("regr_slope", "regr_intercept")},
    "geometric_mean": _doubles("geomean"),
    "bitwise_and_agg": _bits("bit_and"),
    "bitwise_or_agg": _bits("bit_or"),
    "bitwise_xor_agg": _bits("bit_xor"),
    "listagg": _listed,
    "grouping": _grouping,
    "ntile": _over(plain("ntile")),
    "percent_rank": _over(plain("percent_rank")),
    "cume_dist": _over(plain("cume_dist")),
    "nth_value": _over(_nth),
}
