"""+ - * / % in any engine: what goes together, and by which of its rules an engine computes it."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    MONEY,
    Context,
    cast,
    in_branch,
    integer_literal,
    typed,
)
from services.query_engine.domain.dialects.common.dates import dated
from services.query_engine.domain.types import NUMERIC, TEMPORAL, Family, family

Whole = Callable[[exp.Expr, exp.Expr], exp.Expr]
Exact = Callable[[exp.Binary, Context], exp.Expr]


def arithmetic(
    node: exp.Binary,
    context: Context,
    integers: Mapping[type[exp.Expr], Whole],
    decimals: Mapping[type[exp.Expr], Exact],
) -> exp.Expr:
    """`left op right` by the families of both sides; `integers` and `decimals` are the engine's own."""
    left, right = node.this, node.expression
    families = {family(left), family(right)}
    if Family.INTERVAL in families or families & TEMPORAL:
        return _temporal(node, context)
    if Family.UNKNOWN in families:
        raise context.unsupported(node, "The type of a side of an operator cannot be worked out: add a CAST")
    if Family.NULL in families:
        return _null(node)
    if odd := families - NUMERIC:
        raise context.mismatch(node, f"Numbers are needed here, not the type {min(odd).value}: add a CAST")
    if Family.DOUBLE in families:
        return _doubles(node)
    if isinstance(node, exp.Div | exp.Mod) and not integer_literal(right) and in_branch(node):
        right = typed(exp.Nullif(this=right, expression=exp.Literal.number(0)), right.type)
        node.set("expression", right)
    if families == {Family.INTEGER}:
        return integers[type(node)](left, right)
    return decimals[type(node)](node, context)


def _null(node: exp.Binary) -> exp.Expr:
    """Null of the type that the operator has."""
    kinds = {Family.DECIMAL: MONEY, Family.DOUBLE: "DOUBLE", Family.INTEGER: "BIGINT"}
    kind = kinds.get(family(node))
    return typed(exp.Null(), exp.DType.NULL) if kind is None else cast(exp.Null(), kind)


def negation(node: exp.Neg, context: Context) -> exp.Expr:
    found = family(node.this)
    if found not in NUMERIC and found is not Family.NULL:
        raise context.mismatch(node, f"The type {found.value} has no negative")
    return node


def _temporal(node: exp.Binary, context: Context) -> exp.Expr:
    left, right = family(node.this), family(node.expression)
    if isinstance(node, exp.Add | exp.Sub) and left in TEMPORAL and right is Family.INTERVAL:
        return dated(typed(node, node.this.type))
    if isinstance(node, exp.Add) and left is Family.INTERVAL and right in TEMPORAL:
        return dated(typed(exp.Add(this=node.expression, expression=node.this), node.expression.type))
    if isinstance(node, exp.Sub) and left in TEMPORAL and right in TEMPORAL:
        raise context.unsupported(node, "Write date_diff('day', a, b) for the time between two dates")
    raise context.mismatch(node, f"The types {left.value} and {right.value} do not go together here")


def _doubles(node: exp.Binary) -> exp.Expr:
    def double(side: exp.Expr) -> exp.Expr:
        return side if family(side) is Family.DOUBLE else cast(side, "DOUBLE")

    node.set("this", double(node.this))
    node.set("expression", double(node.expression))
    return typed(node, exp.DType.DOUBLE)
