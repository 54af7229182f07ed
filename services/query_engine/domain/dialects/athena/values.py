"""Comparisons, choices, casts, texts, maps and arrays: checked as for any engine, written as Trino does."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    SCALE,
    Context,
    call,
    cast,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common import casts
from services.query_engine.domain.dialects.common import comparisons as same
from services.query_engine.domain.dialects.common import values as texts
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.types import NUMERIC, Family, family

_F = Family


def comparison(node: exp.Binary, context: Context) -> exp.Expr:
    if isinstance(node.expression, exp.All | exp.Any):
        raise context.unsupported(node, "ALL and ANY are not written for Athena")
    return same.comparison(node, context)


def truth(node: exp.Is, context: Context) -> exp.Expr:
    """Trino has no IS TRUE and IS FALSE."""
    if isinstance(node.expression, exp.Null):
        return node
    if not isinstance(node.expression, exp.Boolean) or family(node.this) not in (_F.BOOLEAN, _F.NULL):
        raise context.unsupported(node, "IS is followed by NULL, or by TRUE or FALSE for a boolean")
    value = node.this if node.expression.this else exp.Not(this=exp.Paren(this=node.this))
    return typed(exp.Coalesce(this=value, expressions=[exp.false()]), exp.DType.BOOLEAN)


def like(node: exp.Like, context: Context) -> exp.Expr:
    for side in (node.this, node.expression):
        if family(side) not in (_F.STRING, _F.NULL):
            raise context.mismatch(node, f"LIKE takes texts, not the type {family(side).value}: add a CAST")
    return node


def extreme(node: exp.Greatest | exp.Least, context: Context) -> exp.Expr:
    """Null if any argument is, by itself."""
    this, *rest = same.alike(node, (node.this, *node.expressions), context)
    return typed(type(node)(this=this, expressions=rest), node.type) if rest else this


def concatenation(node: exp.Expr, context: Context) -> exp.Expr:
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    if any(family(each) is _F.ARRAY for each in parts):
        return call("CONCAT", *parts, returns=node.type)
    return texts.concatenation(node, context)


def subscript(node: exp.Bracket, context: Context) -> exp.Expr:
    """A missing key of a map is null, as element_at has it; an array's place counts from 1."""
    if len(node.expressions) != 1:
        raise context.unsupported(node, "A subscript is one key or one place")
    if family(node.this) is _F.MAP:
        node.set("safe", True)
    elif family(node.this) is not _F.ARRAY:
        raise context.unsupported(node, "A subscript stands behind a map or an array")
    return node


# --- casts: Trino's own, of the types that the rule names ---

_INTEGERS = dict.fromkeys((exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT))
_PLAIN = frozenset({_F.INTEGER, _F.DECIMAL, _F.BOOLEAN, _F.DATE})


def conversion(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    return casts.conversion(node, context, _TARGETS)


def conversion_to_date(node: exp.Date, context: Context) -> exp.Expr:
    """date(x) is CAST(x AS DATE)."""
    if node.expressions or node.args.get("zone"):
        raise context.unsupported(node, "date takes one argument")
    made = exp.Cast(this=node.this, to=exp.DataType.build("DATE"))
    # Its place decides whether a text that is no date gives null.
    made.parent, made.arg_key, made.index = node.parent, node.arg_key, node.index
    return conversion(made, context)


def _to_varchar(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    if source is _F.TIMESTAMP:
        # With three decimals, as of Trino's own timestamps; those of the lake would show six.
        form = exp.Literal.string("%Y-%m-%d %H:%i:%s.%f")
        written = call("DATE_FORMAT", value, form, returns="VARCHAR")
        made = call("SUBSTR", written, exp.Literal.number(1), exp.Literal.number(23), returns="VARCHAR")
    elif source is _F.STRING or source in _PLAIN:
        made = value if source is _F.STRING else cast(value, "VARCHAR")
    else:
        return None
    if not to.expressions:
        return made
    return call("SUBSTR", made, exp.Literal.number(1), to.expressions[0].this.copy(), returns="VARCHAR")


def _to_number(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    if source is not _F.STRING and source not in NUMERIC | {_F.BOOLEAN}:
        return None
    return cast(value, to.sql(), attempt=attempt)


def _to_decimal(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    precision, scale = casts.precision_of(to)
    if scale > SCALE or precision > 38:
        raise context.unsupported(value, f"Decimals have at most 38 digits and {SCALE} decimals here")
    narrow, wide = f"DECIMAL({precision}, {scale})", f"DECIMAL(38, {scale})"
    if source is _F.STRING and (text := text_literal(value)) is not None:
        value = casts.number(value, text, scale, attempt, context)
    elif source is _F.DOUBLE:
        raise context.unsupported(value, "Athena rounds a double on its way to a decimal by rules of its own")
    elif source is not _F.STRING and source not in NUMERIC:
        return None
    made = cast(value, narrow, attempt=attempt)
    return made if narrow == wide else cast(made, wide)


def _date_of_text(value: exp.Expr, attempt: bool, context: Context) -> exp.Expr | None:
    return cast(value, "DATE", attempt=attempt)


def _timestamp_of_text(value: exp.Expr, attempt: bool, context: Context) -> exp.Expr | None:
    raise context.unsupported(value, "Athena reads fewer texts as timestamps than the rule has")


_TARGETS: dict[exp.DType, casts.Target] = {
    exp.DType.VARCHAR: _to_varchar,
    exp.DType.TEXT: _to_varchar,
    **dict.fromkeys(_INTEGERS, _to_number),
    exp.DType.DOUBLE: _to_number,
    exp.DType.DECIMAL: _to_decimal,
    exp.DType.DATE: casts.to_date(_date_of_text),
    exp.DType.TIMESTAMP: casts.to_timestamp(_timestamp_of_text),
    exp.DType.BOOLEAN: casts.to_boolean,
}

RULES: dict[type[exp.Expr], Rewrite] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), comparison),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), comparison),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), same.condition),
    exp.Between: same.between,
    exp.In: same.membership,
    exp.Is: truth,
    exp.Like: like,
    exp.If: same.conditional,
    exp.Case: same.choice,
    exp.Coalesce: same.coalesce,
    exp.Nullif: same.nullif,
    **dict.fromkeys((exp.Greatest, exp.Least), extreme),
    **dict.fromkeys((exp.Cast, exp.TryCast), conversion),
    exp.Date: conversion_to_date,
    **dict.fromkeys((exp.Lower, exp.Upper, exp.StartsWith, exp.Length), texts.text_function),
    exp.Replace: texts.replacement,
    **dict.fromkeys((exp.DPipe, exp.Concat), concatenation),
    exp.Bracket: subscript,
}
