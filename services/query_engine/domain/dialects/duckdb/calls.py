"""Every function that is known by its name, and what else of Athena's SQL DuckDB writes in its own way."""

import re
from collections.abc import Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import MONEY, Context, call, cast, paren, text_literal, typed
from services.query_engine.domain.dialects.common.comparisons import check_alike
from services.query_engine.domain.dialects.common.dates import interval_of, unit_of
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb import (
    arithmetic,
    arrays,
    casts,
    clocks,
    collected,
    comparisons,
    dates,
    json_text,
    lambdas,
    maps,
    numbers,
    regexps,
    texts,
    unnest,
    values,
)
from services.query_engine.domain.dialects.duckdb.names import Rule, declined, text
from services.query_engine.domain.types import TEMPORAL, Family, family


def _try(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """Null where the expression fails: a zero divisor, a cast, an overflow, a place beyond an array."""
    return call("try", given[0], returns=node.type)


def _typeof(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    kind = given[0].type
    if kind is None or family(given[0]) is Family.UNKNOWN:
        raise context.unsupported(node, "The type of this expression cannot be worked out")
    bare = "decimal(38,18)" if kind.this is exp.DType.DECIMAL and not kind.expressions else None
    return text(bare or re.sub(r"(decimal\(\d+), ", r"\1,", kind.sql("trino").lower()))


NAMES: dict[str, Rule] = {
    "try": _try,
    "typeof": _typeof,
    **arrays.NAMES,
    **maps.NAMES,
    **lambdas.NAMES,
    **json_text.NAMES,
    **regexps.NAMES,
    **texts.NAMES,
    **numbers.NAMES,
    **clocks.NAMES,
    **collected.NAMES,
}


def named_call(node: exp.Expr, context: Context) -> exp.Expr:
    """Raises BadRequest (UNSUPPORTED_FUNCTION) for a name that has no rule."""
    rule = NAMES.get(str(node.this).lower())
    if rule is None:
        raise declined(node, context, f"The function {node.this} is not supported here")
    made = rule(node.expressions, node, context)
    return made if made.type is not None or node.type is None else typed(made, node.type)


def concatenation(node: exp.Expr, context: Context) -> exp.Expr:
    """Of arrays, else of texts."""
    return arrays.joined(node, context) or values.concatenation(node, context)


def reverse(node: exp.Reverse, context: Context) -> exp.Expr:
    if family(node.this) is Family.ARRAY:
        return arrays.reverse(node, context)
    return values.RULES[exp.Reverse](node, context)


def conversion(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    """From or to a composed type, else as plain values are."""
    if node.to.this is exp.DType.TIMESTAMPTZ:
        return clocks.zoned_conversion(node, context)
    if node.to.this is exp.DType.FLOAT:
        # Of 24 bits, and from there on a double like any other.
        return cast(cast(_as_double(node, context), "FLOAT", attempt=isinstance(node, exp.TryCast)), "DOUBLE")
    return json_text.nested(node, context) or casts.conversion(node, context)


def interval(node: exp.Interval, context: Context) -> exp.Expr:
    """Also as the step of a sequence and as the bound of a window's frame."""
    if not isinstance(node.parent, (exp.Anonymous, exp.WindowSpec, exp.Between, *_COMPARED)):
        return dates.interval(node, context)
    number = (text_literal(node.this) or "").strip()
    if not re.fullmatch(r"[+-]?\d+", number):
        raise context.unsupported(node, "An interval is a whole number in quotes and a unit here")
    return interval_of(int(number), unit_of(node, context))


def _as_double(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    made = type(node)(this=node.this, to=exp.DataType.build("DOUBLE"))
    made.parent, made.arg_key, made.index = node.parent, node.arg_key, node.index
    return casts.conversion(made, context)


_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


def quantified(node: exp.Binary, context: Context) -> exp.Expr:
    """x > ALL (query): the column of the query is brought to the scale of x."""
    other = node.expression
    if not isinstance(other, exp.All | exp.Any):
        return comparisons.RULES[type(node)](node, context)
    query = other.this
    while isinstance(query, exp.Subquery | exp.Paren):
        query = query.this
    if not isinstance(query, exp.Query) or len(query.selects) != 1:
        raise context.unsupported(node, "ALL and ANY stand before a query of one column")
    families = {family(node.this), family(query.selects[0].unalias())}
    check_alike(node, (node.this, query.selects[0].unalias()), context)
    if Family.DECIMAL in families:
        if Family.DOUBLE in families:
            raise context.unsupported(node, "A decimal is compared with doubles here: add a CAST")
        node.this.replace(cast(node.this.copy(), MONEY))
        comparisons.widen(query, 0)
    return node


def difference(node: exp.Sub, context: Context) -> exp.Expr:
    """Of two dates or timestamps an interval, which is compared with another."""
    if not {family(node.this), family(node.expression)} <= TEMPORAL:
        return arithmetic.RULES[exp.Sub](node, context)
    sides = [cast(each, "TIMESTAMP") for each in (node.this, node.expression)]
    return paren(typed(exp.Sub(this=sides[0], expression=sides[1]), exp.DType.INTERVAL))


def escaped(node: exp.Escape, context: Context) -> exp.Expr:
    """LIKE ... ESCAPE: by the function, which no reader can take apart."""
    like: exp.Expr = node.this
    negated = isinstance(like, exp.Not)
    while isinstance(like, exp.Not | exp.Paren):
        like = like.this
    if not isinstance(like, exp.Like):
        raise context.unsupported(node, "ESCAPE stands behind LIKE")
    sign = text_literal(node.expression)
    if sign is None or len(sign) != 1:
        raise context.mismatch(node, "ESCAPE takes one character")
    made = call("like_escape", like.this, like.expression, node.expression, returns="BOOLEAN")
    return typed(exp.Not(this=made), exp.DType.BOOLEAN) if negated else made


def row(node: exp.Tuple, context: Context) -> exp.Expr:
    """(a, b) as a value is ROW(a, b); in VALUES, GROUP BY and IN it is a list of its own kind."""
    if isinstance(node.parent, exp.Values | exp.GroupingSets | exp.Rollup | exp.Cube | exp.In | exp.Binary):
        return node
    return arrays.NAMES["row"](node.expressions, node, context)


def respected(node: exp.RespectNulls, context: Context) -> exp.Expr:
    """RESPECT NULLS is what a window does anyway."""
    inner: exp.Expr = node.this
    return inner


RULES: dict[type[exp.Expr], Rewrite] = {
    **dict.fromkeys((exp.Anonymous, exp.AnonymousAggFunc), named_call),
    **arrays.RULES,
    **unnest.RULES,
    **regexps.RULES,
    **texts.RULES,
    **clocks.RULES,
    exp.Reverse: reverse,
    **dict.fromkeys((exp.Concat, exp.DPipe), concatenation),
    **dict.fromkeys((exp.Cast, exp.TryCast), conversion),
    **dict.fromkeys(_COMPARED, quantified),
    exp.Sub: difference,
    exp.Interval: interval,
    exp.Tuple: row,
    exp.Escape: escaped,
    exp.RespectNulls: respected,
}
