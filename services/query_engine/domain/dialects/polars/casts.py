"""CAST and TRY_CAST: Trino rounds half up where Polars cuts or rounds half even."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    SCALE,
    Context,
    call,
    cast,
    in_branch,
    money,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.polars.comparisons import date_literal, timestamp_literal
from services.query_engine.domain.errors import INVALID_CAST, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import NUMERIC, Family, family
from shared.money import parse_decimal

_F = Family
_INTEGER_NAMES = {
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
}


def conversion(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr:
    """CAST(value AS type) by the type asked for and the family of the value."""
    to = node.to
    source = family(node.this)
    attempt = isinstance(node, exp.TryCast) or (source is _F.STRING and in_branch(node))
    if source is _F.UNKNOWN:
        raise context.unsupported(node, "The type of what is cast cannot be worked out")
    target = _TARGETS.get(to.this)
    if target is None or to.this is exp.DType.TIMESTAMPTZ:
        raise context.unsupported(node, f"A cast to {to.sql('trino').lower()} is not supported here")
    if source is _F.NULL:
        return typed(exp.Cast(this=exp.Null(), to=_plain(to)), _plain(to))
    made = target(node.this, source, to, attempt, context)
    if made is None:
        raise context.unsupported(
            node, f"A cast of {source.value} to {to.sql('trino').lower()} is not supported here"
        )
    return made


def conversion_to_date(node: exp.Date, context: Context) -> exp.Expr:
    """date(x) is CAST(x AS DATE)."""
    if node.expressions or node.args.get("zone"):
        raise context.unsupported(node, "date takes one argument")
    return conversion(exp.Cast(this=node.this, to=exp.DataType.build("DATE")), context)


def _plain(to: exp.DataType) -> exp.DataType:
    """The type as an engine writes it: VARCHAR(10) and TIMESTAMP(3) without their sizes."""
    if to.this is exp.DType.DECIMAL:
        precision, scale = _precision(to)
        return exp.DataType.build(f"DECIMAL({precision}, {scale})")
    return exp.DataType.build(to.this)


def _precision(to: exp.DataType) -> tuple[int, int]:
    sizes = [int(each.this.name) for each in to.expressions]
    return (sizes[0] if sizes else 38, sizes[1] if len(sizes) > 1 else 0)


def _invalid(value: exp.Expr, text: str, what: str, context: Context) -> Exception:
    return refuse(INVALID_CAST, f"'{text}' is no {what}", at=position_of(context.text, value), token=text)


def _to_varchar(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    if source is _F.TIMESTAMP:
        form = exp.Literal.string("%Y-%m-%d %H:%M:%S%.3f")
        made = call("STRFTIME", value, form, returns="VARCHAR")
    elif source is _F.STRING:
        made = value
    elif source in (_F.INTEGER, _F.DECIMAL, _F.BOOLEAN, _F.DATE):
        made = cast(value, "VARCHAR")
    else:
        return None
    if not to.expressions:
        return made
    return call("SUBSTR", made, exp.Literal.number(1), to.expressions[0].this.copy(), returns="VARCHAR")


def _to_integer(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    name = _INTEGER_NAMES[to.this]
    if source in (_F.DECIMAL, _F.DOUBLE):
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
    precision, scale = _precision(to)
    if scale > SCALE or precision > 38:
        raise context.unsupported(value, f"Decimals have at most 38 digits and {SCALE} decimals here")
    narrow, wide = f"DECIMAL({precision}, {scale})", f"DECIMAL(38, {scale})"
    if source is _F.STRING:
        if (text := text_literal(value)) is not None:
            value = _number(value, text, scale, attempt, context)
        else:
            value = cast(value, "DECIMAL(38, 18)", attempt=attempt)
    elif source not in NUMERIC:
        return None
    if source is not _F.INTEGER:
        value = call("ROUND", value, exp.Literal.number(scale), returns=value.type)
    made = cast(value, narrow, attempt=attempt)
    # Sums and products of narrow decimals would overflow their own precision.
    return made if narrow == wide else cast(made, wide)


def _number(value: exp.Expr, text: str, scale: int, attempt: bool, context: Context) -> exp.Expr:
    try:
        with localcontext(prec=100):
            number = parse_decimal(text.strip()).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    except (ValueError, ArithmeticError) as error:
        if attempt:
            return cast(exp.Null(), "DECIMAL(38, 18)")
        raise _invalid(value, text, "number", context) from error
    return money(exp.Literal.string(f"{number:f}"))


def _to_date(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    if source is _F.DATE:
        return value
    if source is _F.TIMESTAMP:
        return cast(value, "DATE")
    if source is not _F.STRING:
        return None
    text = text_literal(value)
    if text is None:
        # Polars' own cast guesses formats (01/02/2026 is a date to it); its TRY_CAST has no other way.
        return None if attempt else call("DATE", value, exp.Literal.string("%Y-%m-%d"), returns="DATE")
    if (made := date_literal(text)) is not None:
        return made
    if attempt:
        return cast(exp.Null(), "DATE")
    raise _invalid(value, text, "date (YYYY-MM-DD)", context)


def _to_timestamp(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    if source is _F.TIMESTAMP:
        return value
    if source is _F.DATE:
        return cast(value, "TIMESTAMP")
    text = text_literal(value)
    if source is not _F.STRING or text is None:
        return None
    if (made := timestamp_literal(text)) is not None:
        return made
    if attempt:
        return cast(exp.Null(), "TIMESTAMP")
    raise _invalid(value, text, "timestamp (YYYY-MM-DD hh:mm:ss, in UTC)", context)


def _to_boolean(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    return value if source is _F.BOOLEAN else None


_Target = Callable[[exp.Expr, Family, exp.DataType, bool, Context], exp.Expr | None]
_TARGETS: dict[exp.DType, _Target] = {
    exp.DType.VARCHAR: _to_varchar,
    exp.DType.TEXT: _to_varchar,
    **dict.fromkeys(_INTEGER_NAMES, _to_integer),
    exp.DType.DOUBLE: _to_double,
    exp.DType.DECIMAL: _to_decimal,
    exp.DType.DATE: _to_date,
    exp.DType.TIMESTAMP: _to_timestamp,
    exp.DType.BOOLEAN: _to_boolean,
}
