"""+ - * / % and round: Trino's integers, and decimals rounded once, half even, to 18 places.

DuckDB adds, subtracts and takes remainders exactly, and fails on overflow and on a zero divisor. Its products
of decimals have the scale of both (decimal(38,18) squared holds no more than 99), its quotients are doubles:
both are computed by functions that the adapter lends it (see `adapters/decimal_functions.py`).
"""

from collections.abc import Callable
from functools import partial

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    MONEY,
    SCALE,
    Context,
    binary,
    call,
    cast,
    integer_literal,
    money,
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

PRODUCT = "onyx_mul"
QUOTIENT = "onyx_div"


def arithmetic(node: exp.Binary, context: Context) -> exp.Expr:
    return operators.arithmetic(node, context, _INTEGERS, _DECIMALS)


def _integers(kind: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return binary(kind, wide(left), wide(right), "BIGINT")


_INTEGERS: dict[type[exp.Expr], Callable[[exp.Expr, exp.Expr], exp.Expr]] = {
    exp.Add: partial(_integers, exp.Add),
    exp.Sub: partial(_integers, exp.Sub),
    exp.Mul: partial(_integers, exp.Mul),
    exp.Mod: partial(_integers, exp.Mod),
    exp.Div: partial(_integers, exp.IntDiv),
}


def _exact(node: exp.Binary, context: Context) -> exp.Expr:
    """DuckDB aligns the scales of the two by itself."""
    scale = max(scale_of(node.this), scale_of(node.expression))
    return paren(with_scale(typed(node, exp.DataType.build(MONEY)), scale))


def _remainder(node: exp.Binary, context: Context) -> exp.Expr:
    """DuckDB makes doubles of decimals of two scales here."""
    left, right = (
        each if family(each) is Family.INTEGER else money(each) for each in (node.this, node.expression)
    )
    return binary(exp.Mod, left, right, MONEY)


def _product(node: exp.Binary, context: Context) -> exp.Expr:
    if Family.INTEGER in (family(node.this), family(node.expression)):
        return _exact(node, context)
    if (plain := scale_of(node.this) + scale_of(node.expression)) <= SCALE:
        return with_scale(binary(exp.Mul, node.this, node.expression, f"DECIMAL(38, {plain})"), plain)
    return call(PRODUCT, money(node.this), money(node.expression), returns=MONEY)


def quotient(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """left / right, rounded once."""
    return call(QUOTIENT, money(left), money(right), returns=MONEY)


def _quotient(node: exp.Binary, context: Context) -> exp.Expr:
    return quotient(node.this, node.expression)


_DECIMALS: dict[type[exp.Expr], Callable[[exp.Binary, Context], exp.Expr]] = {
    exp.Add: _exact,
    exp.Sub: _exact,
    exp.Mod: _remainder,
    exp.Mul: _product,
    exp.Div: _quotient,
}


# --- functions of one number ---


def negation(node: exp.Neg, context: Context) -> exp.Expr:
    return typed(operators.negation(node, context), _kind(node.this))


def _kind(node: exp.Expr) -> exp.DataType | None:
    """The type of a value, in parentheses or not."""
    return node.unnest().type


def number(node: exp.Expr, context: Context) -> exp.Expr:
    """abs, ceil, floor, sign: of the type they are given."""
    kind = _kind(node.this)
    made = values.number(node, context)
    return made if made is not node or isinstance(node, exp.Abs) else _back(made, kind)


def rounding(node: exp.Round | exp.Trunc, context: Context) -> exp.Expr:
    """Half away from zero, in DuckDB as in Trino; digits below 0 round before the point."""
    name = "round" if isinstance(node, exp.Round) else "truncate"
    require(context, node.this, *NUMERIC, what=name)
    decimals = node.args.get("decimals")
    digits = 0 if decimals is None else integer_literal(decimals)
    if digits is None or not -SCALE <= digits <= SCALE:
        raise context.unsupported(node, f"{name} takes -{SCALE} to {SCALE} digits here")
    kind = _kind(node.this)
    if family(node.this) is Family.INTEGER and digits >= 0:
        return typed(node.this, kind)
    places = [exp.Literal.number(digits)] if name == "round" or digits else []
    return _back(call("ROUND" if name == "round" else "TRUNC", node.this, *places, returns=kind), kind)


def _back(node: exp.Expr, kind: exp.DataType | None) -> exp.Expr:
    """DuckDB makes a smaller decimal of some results, and a tinyint of a sign."""
    if kind is not None and kind.this is exp.DType.DECIMAL:
        return cast(node, kind.sql() if len(kind.expressions) == 2 else MONEY)
    return typed(node, kind) if kind is None else cast(node, kind.sql())


RULES: dict[type[exp.Expr], Rewrite] = {
    exp.Literal: literal,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), arithmetic),
    exp.Neg: negation,
    **dict.fromkeys((exp.Abs, exp.Ceil, exp.Floor, exp.Sign), number),
    **dict.fromkeys((exp.Round, exp.Trunc), rounding),
    **dict.fromkeys((exp.Sqrt, exp.Exp, exp.Ln, exp.Pow), values.real_function),
}
