"""Trino's decimals, as far as the dialect for Athena uses them: types by Trino's rules, values in Python.

Types of + - * / %, of casts, of truncate, abs and sign are those of Trino's documentation and its
`DecimalOperators`; what has more than 38 digits fails. An expression is the text that Athena would be given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cache

from sqlglot import exp, parse_one


class TooLargeError(ArithmeticError):
    """More than 38 digits."""


@dataclass(frozen=True)
class Value:
    number: Decimal
    precision: int
    scale: int

    def __post_init__(self) -> None:
        if abs(self.number) >= Decimal(10) ** (self.precision - self.scale):
            raise TooLargeError(str(self.number))
        with localcontext(prec=200):
            assert self.number == self.number.quantize(Decimal(1).scaleb(-self.scale))


def value(text: str, precision: int = 38, scale: int = 18) -> Value:
    return Value(Decimal(text), precision, scale)


@cache
def _parsed(sql: str) -> exp.Expr:
    made: exp.Expr = parse_one(sql, dialect="athena")
    return made


def evaluated(sql: str, columns: Mapping[str, Value]) -> Value:
    with localcontext(prec=200):
        found = _value(_parsed(sql), dict(columns))
    assert isinstance(found, Value)
    return found


def _value(node: exp.Expr, names: dict[str, Value]) -> Value | bool | list[Value]:
    match node:
        case exp.Paren():
            return _value(node.this, names)
        case exp.Column() | exp.Identifier():
            return names[node.name]
        case exp.Literal():
            number = Decimal(node.name)
            scale = -int(number.as_tuple().exponent)
            return Value(number, max(len(node.name.replace(".", "").lstrip("0")), scale, 1), scale)
        case exp.Array():
            return [_of(each, names) for each in node.expressions]
        case exp.And():
            return bool(_value(node.this, names)) and bool(_value(node.expression, names))
        case exp.EQ() | exp.NEQ():
            same = _of(node.this, names).number == _of(node.expression, names).number
            return same == isinstance(node, exp.EQ)
        case exp.Case():
            for each in node.args["ifs"]:
                if _value(each.this, names):
                    return _value(each.args["true"], names)
            return _value(node.args["default"], names)
        case exp.Bracket():
            # element_at(..., 1), as sqlglot reads it.
            found = _value(node.this, names)
            assert isinstance(found, list)
            return found[0]
        case exp.Transform() | exp.Anonymous():
            return [_applied(node, names)]
        case _:
            return _number(node, names)


def _applied(node: exp.Expr, names: dict[str, Value]) -> Value:
    given = node.expressions if isinstance(node, exp.Anonymous) else [node.this, node.expression]
    *arrays, function = given
    assert isinstance(function, exp.Lambda)
    assert node.name.upper() in ("ZIP_WITH", "TRANSFORM") or isinstance(node, exp.Transform)
    firsts = [_of(each.expressions[0], names) for each in arrays]
    bound = {each.name: first for each, first in zip(function.expressions, firsts, strict=True)}
    return _of(function.this, {**names, **bound})


def _of(node: exp.Expr, names: dict[str, Value]) -> Value:
    found = _value(node, names)
    assert isinstance(found, Value), node
    return found


def _number(node: exp.Expr, names: dict[str, Value]) -> Value:
    if isinstance(node, exp.Cast):
        precision, scale = (int(each.name) for each in node.to.expressions)
        return _rounded(_of(node.this, names).number, precision, scale)
    if isinstance(node, exp.Binary):
        return _binary(type(node), _of(node.this, names), _of(node.expression, names))
    inner = _of(node.this, names)
    if isinstance(node, exp.Abs):
        return Value(abs(inner.number), inner.precision, inner.scale)
    if isinstance(node, exp.Sign):
        return Value(Decimal((inner.number > 0) - (inner.number < 0)), 1, 0)
    assert isinstance(node, exp.Trunc), node
    return Value(Decimal(int(inner.number)), max(1, inner.precision - inner.scale), 0)


def _binary(kind: type[exp.Expr], a: Value, b: Value) -> Value:
    ahead = max(a.precision - a.scale, b.precision - b.scale)
    scale = max(a.scale, b.scale)
    if kind in (exp.Add, exp.Sub):
        number = a.number + b.number if kind is exp.Add else a.number - b.number
        # Both are brought to the scale of the result first.
        for each in (a.number, b.number):
            Value(each, min(38, ahead + scale + 1), scale)
        return Value(number, min(38, ahead + scale + 1), scale)
    if kind is exp.Mul:
        assert a.scale + b.scale <= 38
        return Value(a.number * b.number, min(38, a.precision + b.precision), a.scale + b.scale)
    if kind is exp.Mod:
        remainder = a.number - b.number * int(a.number / b.number)
        precision = min(b.precision - b.scale, a.precision - a.scale) + scale
        return Value(remainder, max(precision, 1), scale)
    assert kind is exp.Div
    precision = min(38, a.precision + b.scale + max(b.scale - a.scale, 0))
    return _rounded(a.number / b.number, precision, scale)


def _rounded(number: Decimal, precision: int, scale: int) -> Value:
    return Value(number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP), precision, scale)
