"""+ - * / % and what takes one number: Trino's own, but for products and quotients of decimals."""

from collections.abc import Callable
from functools import partial

from sqlglot import exp

from services.query_engine.domain.dialects.athena import decimals
from services.query_engine.domain.dialects.build import (
    MONEY,
    SCALE,
    Context,
    binary,
    call,
    cast,
    integer_literal,
    paren,
    require,
    typed,
    wide,
)
from services.query_engine.domain.dialects.common import operators, values
from services.query_engine.domain.dialects.common.literals import literal
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.scales import scale_of, with_scale
from services.query_engine.domain.types import NUMERIC, Family, family


def arithmetic(node: exp.Binary, context: Context) -> exp.Expr:
    return operators.arithmetic(node, context, _INTEGERS, _DECIMALS)


def _integers(kind: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return binary(kind, wide(left), wide(right), "BIGINT")


_INTEGERS: dict[type[exp.Expr], Callable[[exp.Expr, exp.Expr], exp.Expr]] = {
    each: partial(_integers, each) for each in (exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Div)
}


def _exact(node: exp.Binary, context: Context) -> exp.Expr:
    scale = max(scale_of(node.this), scale_of(node.expression))
    return paren(with_scale(typed(node, exp.DataType.build(MONEY)), scale))


def _product(node: exp.Binary, context: Context) -> exp.Expr:
    left, right = node.this, node.expression
    if Family.INTEGER in (family(left), family(right)):
        return _exact(node, context)
    scales = scale_of(left), scale_of(right)
    if sum(scales) <= SCALE:
        return with_scale(binary(exp.Mul, left, right, f"DECIMAL(38, {sum(scales)})"), sum(scales))
    if sum(1 for _ in left.walk()) + sum(1 for _ in right.walk()) > decimals.MOST_NODES:
        raise context.unsupported(node, "A product of products of decimals is too long: name its parts")
    if min(scales) <= decimals.SHORT_SCALE:
        return decimals.short_product(left, right, sum(scales))
    return decimals.product(left, right)


def _quotient(node: exp.Binary, context: Context) -> exp.Expr:
    return decimals.quotient(node.this, node.expression)


_DECIMALS: dict[type[exp.Expr], Callable[[exp.Binary, Context], exp.Expr]] = {
    exp.Add: _exact,
    exp.Sub: _exact,
    exp.Mod: _exact,
    exp.Mul: _product,
    exp.Div: _quotient,
}


# --- functions of one number ---


def negation(node: exp.Neg, context: Context) -> exp.Expr:
    return typed(operators.negation(node, context), node.this.unnest().type)


def number(node: exp.Expr, context: Context) -> exp.Expr:
    """abs, ceil, floor, sign: of the type they are given."""
    kind = node.this.unnest().type
    made = values.number(node, context)
    return made if made is not node or isinstance(node, exp.Abs) else _back(made, kind)


def rounding(node: exp.Round | exp.Trunc, context: Context) -> exp.Expr:
    """Half away from zero, as Trino does it."""
    name = "round" if isinstance(node, exp.Round) else "truncate"
    require(context, node.this, *NUMERIC, what=name)
    decimals_ = node.args.get("decimals")
    digits = 0 if decimals_ is None else integer_literal(decimals_)
    if digits is None or not -SCALE <= digits <= SCALE:
        raise context.unsupported(node, f"{name} takes -{SCALE} to {SCALE} digits here")
    kind, found = node.this.unnest().type, family(node.this)
    if found is Family.INTEGER and digits >= 0:
        return typed(node.this, kind)
    if name == "truncate" and digits and found is not Family.DECIMAL:
        raise context.unsupported(node, "Athena's truncate takes digits of decimals only")
    return _back(call(name.upper(), node.this, *_places(digits), returns=kind), kind)


def _places(digits: int) -> list[exp.Expr]:
    if not digits:
        return []
    written: exp.Expr = exp.Literal.number(abs(digits))
    return [exp.Neg(this=written) if digits < 0 else written]


def _back(node: exp.Expr, kind: exp.DataType | None) -> exp.Expr:
    """Trino makes a decimal of fewer places of some results."""
    if kind is not None and kind.this is exp.DType.DECIMAL:
        return cast(node, kind.sql() if len(kind.expressions) == 2 else MONEY)
    return typed(node, kind)


RULES: dict[type[exp.Expr], Rewrite] = {
    exp.Literal: literal,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), arithmetic),
    exp.Neg: negation,
    **dict.fromkeys((exp.Abs, exp.Ceil, exp.Floor, exp.Sign), number),
    **dict.fromkeys((exp.Round, exp.Trunc), rounding),
    **dict.fromkeys((exp.Sqrt, exp.Exp, exp.Ln, exp.Pow), values.real_function),
}
