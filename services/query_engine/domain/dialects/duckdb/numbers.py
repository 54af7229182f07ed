"""Functions of numbers by Trino's names. What is worked out in doubles there is here."""

from collections.abc import Sequence
from typing import cast as assume

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, call, cast, paren, typed
from services.query_engine.domain.dialects.duckdb.names import Rule, need
from services.query_engine.domain.types import NUMERIC, Family, family


def _real(name: str, *, within_one: bool = False) -> Rule:
    """A function of doubles; outside -1 to 1 some are NaN, where DuckDB's fail."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        for each in given:
            need(each, node, context, *NUMERIC)
        doubles = [each if family(each) is Family.DOUBLE else cast(each, "DOUBLE") for each in given]
        made = call(name, *doubles, returns=node.type)
        if not within_one:
            return made
        size = call("abs", doubles[0].copy(), returns="DOUBLE")
        outside = exp.GT(this=size, expression=exp.Literal.number(1))
        case = exp.Case(ifs=[exp.If(this=outside, true=_constant("NaN"))], default=made)
        return typed(case, exp.DType.DOUBLE)

    return rule


def _constant(value: str) -> exp.Expr:
    return cast(exp.Literal.string(value), "DOUBLE")


def _fixed(value: str) -> Rule:
    return lambda given, node, context: _constant(value)


def _bits(kind: type[exp.Binary]) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        for each in given:
            need(each, node, context, Family.INTEGER)
        left, right = (exp.Paren(this=cast(each, "BIGINT")) for each in given)
        return paren(typed(assume(exp.Expr, kind(this=left, expression=right)), exp.DType.BIGINT))

    return rule


def _xor(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    for each in given:
        need(each, node, context, Family.INTEGER)
    return call("xor", *(cast(each, "BIGINT") for each in given), returns="BIGINT")


def _not(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.INTEGER)
    return paren(typed(exp.BitwiseNot(this=cast(given[0], "BIGINT")), exp.DType.BIGINT))


def _bucket(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    for each in given:
        need(each, node, context, *NUMERIC)
    doubles = [cast(each, "DOUBLE") for each in given[:3]]
    return cast(call("onyx_width_bucket", *doubles, cast(given[3], "BIGINT"), returns=None), "BIGINT")


NAMES: dict[str, Rule] = {
    **{name: _real(name) for name in ("cbrt", "log2", "log10", "log", "degrees", "radians", "sin", "cos")},
    **{name: _real(name) for name in ("tan", "atan", "atan2", "sinh", "cosh", "tanh")},
    **{name: _real(name, within_one=True) for name in ("asin", "acos")},
    "is_nan": _real("isnan"),
    "is_finite": _real("isfinite"),
    "is_infinite": _real("isinf"),
    "e": _fixed("2.718281828459045"),
    "pi": _fixed("3.141592653589793"),
    "infinity": _fixed("Infinity"),
    "nan": _fixed("NaN"),
    "width_bucket": _bucket,
    "bitwise_and": _bits(exp.BitwiseAnd),
    "bitwise_or": _bits(exp.BitwiseOr),
    "bitwise_xor": _xor,
    "bitwise_not": _not,
    "bitwise_left_shift": _bits(exp.BitwiseLeftShift),
    "bitwise_right_shift_arithmetic": _bits(exp.BitwiseRightShift),
}
