"""CAST and TRY_CAST in any engine: which there are, and literals, folded where the query is planned."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    call,
    cast,
    in_branch,
    money,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common.literals import date_literal, timestamp_literal
from services.query_engine.domain.errors import INVALID_CAST, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import Family, family
from shared.money import parse_decimal

Target = Callable[[exp.Expr, Family, exp.DataType, bool, Context], exp.Expr | None]
"""Value, its family, the type asked for, whether it is TRY_CAST -> the value of that type; None if there is
no such cast."""


def conversion(
    node: exp.Cast | exp.TryCast, context: Context, targets: Mapping[exp.DType, Target]
) -> exp.Expr:
    """CAST(value AS type) by the type asked for and the family of the value."""
    to = node.to
    source = family(node.this)
    attempt = isinstance(node, exp.TryCast) or (source is Family.STRING and in_branch(node))
    if source is Family.UNKNOWN:
        raise context.unsupported(node, "The type of what is cast cannot be worked out")
    target = targets.get(to.this)
    if target is None or to.this is exp.DType.TIMESTAMPTZ:
        raise context.unsupported(node, f"A cast to {to.sql('trino').lower()} is not supported here")
    if source is Family.NULL:
        return typed(exp.Cast(this=exp.Null(), to=plain(to)), plain(to))
    made = target(node.this, source, to, attempt, context)
    if made is None:
        raise context.unsupported(
            node, f"A cast of {source.value} to {to.sql('trino').lower()} is not supported here"
        )
    return made


def plain(to: exp.DataType) -> exp.DataType:
    """The type as an engine writes it: VARCHAR(10) and TIMESTAMP(3) without their sizes."""
    if to.this is exp.DType.DECIMAL:
        precision, scale = precision_of(to)
        return exp.DataType.build(f"DECIMAL({precision}, {scale})")
    return exp.DataType.build(to.this)


def precision_of(to: exp.DataType) -> tuple[int, int]:
    sizes = [int(each.this.name) for each in to.expressions]
    return (sizes[0] if sizes else 38, sizes[1] if len(sizes) > 1 else 0)


def invalid(value: exp.Expr, text: str, what: str, context: Context) -> Exception:
    return refuse(INVALID_CAST, f"'{text}' is no {what}", at=position_of(context.text, value), token=text)


def number(value: exp.Expr, text: str, scale: int, attempt: bool, context: Context) -> exp.Expr:
    try:
        with localcontext(prec=100):
            number = parse_decimal(text.strip()).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    except (ValueError, ArithmeticError) as error:
        if attempt:
            return cast(exp.Null(), "DECIMAL(38, 18)")
        raise invalid(value, text, "number", context) from error
    return money(exp.Literal.string(f"{number:f}"))


OfText = Callable[[exp.Expr, bool, Context], exp.Expr | None]
"""How an engine reads a text that is no literal: value, whether it is TRY_CAST. None: it has no such cast."""


def to_date(of_text: OfText) -> Target:
    """Of dates, timestamps and texts."""

    def target(
        value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
    ) -> exp.Expr | None:
        if source is Family.DATE:
            return value
        if source is Family.TIMESTAMP:
            return cast(value, "DATE")
        if source is not Family.STRING:
            return None
        if (text := text_literal(value)) is None:
            return of_text(value, attempt, context)
        if (made := date_literal(text)) is not None:
            return made
        if attempt:
            return cast(exp.Null(), "DATE")
        raise invalid(value, text, "date (YYYY-MM-DD)", context)

    return target


def to_timestamp(of_text: OfText) -> Target:
    """Of timestamps, dates and texts."""

    def target(
        value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
    ) -> exp.Expr | None:
        if source is Family.TIMESTAMP:
            return value
        if source is Family.DATE:
            return cast(value, "TIMESTAMP")
        if source is not Family.STRING:
            return None
        if (text := text_literal(value)) is None:
            return of_text(value, attempt, context)
        if (made := timestamp_literal(text)) is not None:
            return made
        if attempt:
            return cast(exp.Null(), "TIMESTAMP")
        raise invalid(value, text, "timestamp (YYYY-MM-DD hh:mm:ss, in UTC)", context)

    return target


def to_varchar(of_moment: Callable[[exp.Expr], exp.Expr]) -> Target:
    """`of_moment` writes a timestamp as Trino does, to the millisecond."""

    def target(
        value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
    ) -> exp.Expr | None:
        if source is Family.TIMESTAMP:
            made = of_moment(value)
        elif source is Family.STRING:
            made = value
        elif source in (Family.INTEGER, Family.DECIMAL, Family.BOOLEAN, Family.DATE):
            made = cast(value, "VARCHAR")
        else:
            return None
        if not to.expressions:
            return made
        return call("SUBSTR", made, exp.Literal.number(1), to.expressions[0].this.copy(), returns="VARCHAR")

    return target


def to_boolean(
    value: exp.Expr, source: Family, to: exp.DataType, attempt: bool, context: Context
) -> exp.Expr | None:
    return value if source is Family.BOOLEAN else None
