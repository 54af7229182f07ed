"""CAST and TRY_CAST: Trino rounds half up where Polars cuts or rounds half even."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    SCALE,
    Context,
    call,
    cast,
    text_literal,
)
from services.query_engine.domain.dialects.common import casts
from services.query_engine.domain.dialects.common.values import half_away
from services.query_engine.domain.types import NUMERIC, Family

_F = Family
_INTEGER_NAMES = {
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
}


def conversion(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    """CAST(value AS type) by the type asked for and the family of the value."""
    return casts.conversion(node, context, _TARGETS)


def conversion_to_date(node: exp.Date, context: Context) -> exp.Expr:
    """date(x) is CAST(x AS DATE)."""
    if node.expressions or node.args.get("zone"):
        raise context.unsupported(node, "date takes one argument")
    return conversion(exp.Cast(this=node.this, to=exp.DataType.build("DATE")), context)


def _moment(value: exp.Expr) -> exp.Expr:
    return call("STRFTIME", value, exp.Literal.string("%Y-%m-%d %H:%M:%S%.3f"), returns="VARCHAR")


def _to_integer(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    name = _INTEGER_NAMES[to.this]
    if source is _F.DOUBLE:
        return cast(half_away(value, 0), name, attempt=attempt)
    if source is _F.DECIMAL:
        return cast(call("ROUND", value, exp.Literal.number(0), returns=value.type), name, attempt=attempt)
    if source in (_F.INTEGER, _F.STRING, _F.BOOLEAN):
        return cast(value, name, attempt=attempt)
    return None


def _to_double(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    return cast(value, "DOUBLE", attempt=attempt) if source in NUMERIC | {_F.STRING} else None


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
            value = cast(value, "DECIMAL(38, 18)", attempt=attempt)
    elif source not in NUMERIC:
        return None
    if source is _F.DOUBLE:
        value = half_away(value, scale)
    elif source is not _F.INTEGER:
        value = call("ROUND", value, exp.Literal.number(scale), returns=value.type)
    made = cast(value, narrow, attempt=attempt)
    # Sums and products of narrow decimals would overflow their own precision.
    return made if narrow == wide else cast(made, wide)


def _date_of_text(value: exp.Expr, attempt: bool, context: Context) -> exp.Expr | None:
    """Polars' own cast guesses formats (01/02/2026 is a date to it); its TRY_CAST has no other way."""
    return None if attempt else call("DATE", value, exp.Literal.string("%Y-%m-%d"), returns="DATE")


def _timestamp_of_text(value: exp.Expr, attempt: bool, context: Context) -> exp.Expr | None:
    return None


_TARGETS: dict[exp.DType, casts.Target] = {
    exp.DType.VARCHAR: casts.to_varchar(_moment),
    exp.DType.TEXT: casts.to_varchar(_moment),
    **dict.fromkeys(_INTEGER_NAMES, _to_integer),
    exp.DType.DOUBLE: _to_double,
    exp.DType.DECIMAL: _to_decimal,
    exp.DType.DATE: casts.to_date(_date_of_text),
    exp.DType.TIMESTAMP: casts.to_timestamp(_timestamp_of_text),
    exp.DType.BOOLEAN: casts.to_boolean,
}
