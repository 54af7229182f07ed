"""CAST and TRY_CAST: texts are read strictly, as Trino does; DuckDB reads 0x10, 1_000 and 2.5 as integers.

A text that does not have the form of its type becomes one that DuckDB refuses too, so that CAST fails and
TRY_CAST gives null. DuckDB rounds decimals half away from zero, as Trino does; doubles are rounded first.
"""

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
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.types import NUMERIC, Family

_F = Family
_INTEGERS = {
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
}
WHOLE = "[+-]?[0-9]+"
NUMBER = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
REAL = f"{NUMBER}|NaN|[+-]?Infinity"
DATE = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
"""Trino takes '2026-9-01', which is what AWS's year and month partitions make."""
TIMESTAMP = f"{DATE}|{DATE}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}([.][0-9]{{1,6}})?)?Z?"


def checked(value: exp.Expr, form: str) -> exp.Expr:
    """`value`, or an empty text where it does not have the form: no type of ours is written so."""
    matches = call("REGEXP_FULL_MATCH", value.copy(), exp.Literal.string(form), returns="BOOLEAN")
    wrong = typed(exp.Not(this=matches), exp.DType.BOOLEAN)
    case = exp.Case(ifs=[exp.If(this=wrong, true=exp.Literal.string(""))], default=value)
    return typed(case, exp.DType.VARCHAR)


def conversion(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    """CAST(value AS type) by the type asked for and the family of the value."""
    return casts.conversion(node, context, _TARGETS)


def conversion_to_date(node: exp.Date, context: Context) -> exp.Expr:
    """date(x) is CAST(x AS DATE)."""
    if node.expressions or node.args.get("zone"):
        raise context.unsupported(node, "date takes one argument")
    made = exp.Cast(this=node.this, to=exp.DataType.build("DATE"))
    # Its place decides whether a text that is no date gives null.
    made.parent, made.arg_key, made.index = node.parent, node.arg_key, node.index
    return conversion(made, context)


def _moment(value: exp.Expr) -> exp.Expr:
    return call("STRFTIME", value, exp.Literal.string("%Y-%m-%d %H:%M:%S.%g"), returns="VARCHAR")


def _to_integer(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    name = _INTEGERS[to.this]
    if source is _F.DOUBLE:
        value = call("ROUND", value, returns="DOUBLE")
    elif source is _F.STRING:
        value = checked(value, WHOLE)
    elif source not in (_F.INTEGER, _F.DECIMAL, _F.BOOLEAN):
        return None
    return cast(value, name, attempt=attempt)


def _to_double(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    if source is _F.STRING:
        return cast(checked(value, REAL), "DOUBLE", attempt=attempt)
    return cast(value, "DOUBLE", attempt=attempt) if source in NUMERIC | {_F.BOOLEAN} else None


def _to_decimal(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    precision, scale = casts.precision_of(to)
    if scale > SCALE or precision > 38:
        raise context.unsupported(value, f"Decimals have at most 38 digits and {SCALE} decimals here")
    narrow, wide = f"DECIMAL({precision}, {scale})", f"DECIMAL(38, {scale})"
    if source is _F.STRING:
        if (text := text_literal(value)) is not None:
            value = casts.number(value, text, scale, attempt, context)
        else:
            value = checked(value, NUMBER)
    elif source is _F.DOUBLE:
        value = call("ROUND", value, exp.Literal.number(scale), returns="DOUBLE")
    elif source not in NUMERIC:
        return None
    made = cast(value, narrow, attempt=attempt)
    return made if narrow == wide else cast(made, wide)


def _date_of_text(value: exp.Expr, attempt: bool, context: Context) -> exp.Expr | None:
    return cast(checked(value, DATE), "DATE", attempt=attempt)


def _timestamp_of_text(value: exp.Expr, attempt: bool, context: Context) -> exp.Expr | None:
    return cast(checked(value, TIMESTAMP), "TIMESTAMP", attempt=attempt)


_TARGETS: dict[exp.DType, casts.Target] = {
    exp.DType.VARCHAR: casts.to_varchar(_moment),
    exp.DType.TEXT: casts.to_varchar(_moment),
    **dict.fromkeys(_INTEGERS, _to_integer),
    exp.DType.DOUBLE: _to_double,
    exp.DType.DECIMAL: _to_decimal,
    exp.DType.DATE: casts.to_date(_date_of_text),
    exp.DType.TIMESTAMP: casts.to_timestamp(_timestamp_of_text),
    exp.DType.BOOLEAN: casts.to_boolean,
}

RULES: dict[type[exp.Expr], Rewrite] = {
    **dict.fromkeys((exp.Cast, exp.TryCast), conversion),
    exp.Date: conversion_to_date,
}
