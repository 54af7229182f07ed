"""Comparisons and choices: decimals that meet have one scale first.

DuckDB makes decimal(38,2) of decimal(38,18) beside decimal(38,2): 1.005 beside 1.00 would become 1.01.
"""

from sqlglot import exp

from services.query_engine.domain.dialects.build import MONEY, Context, money, typed
from services.query_engine.domain.dialects.common import comparisons as same
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.types import Family, family


def even(*nodes: exp.Expr | None) -> None:
    """Make every decimal among what meets a decimal(38,18), in its place."""
    sides = [node for node in nodes if node is not None and family(node) is not Family.NULL]
    if len(sides) > 1:
        for side in sides:
            if family(side) is Family.DECIMAL:
                side.replace(_money(side.copy()))


def _money(node: exp.Expr) -> exp.Expr:
    """`node` as decimal(38, 18), once."""
    return node if isinstance(node, exp.Cast) and node.to.sql() == MONEY else money(node)


def _of_one_scale(rule: Rewrite) -> Rewrite:
    """`rule`, once the values of which it chooses or which it compares are of one scale."""

    def evened(node: exp.Expr, context: Context) -> exp.Expr:
        match node:
            case exp.Case():
                even(*(each.args["true"] for each in node.args["ifs"]), node.args.get("default"))
            case exp.If():
                even(node.args["true"], node.args.get("false"))
            case exp.Between():
                even(node.this, node.args["low"], node.args["high"])
            case exp.Nullif() | exp.Binary():
                even(node.this, node.expression)
            case _:
                even(node.this, *node.expressions)
        return rule(node, context)

    return evened


def membership(node: exp.In, context: Context) -> exp.Expr:
    """IN (...) of values or of a query, whose column is brought to the scale of the value."""
    query = node.args.get("query")
    if query is None:
        return _of_one_scale(same.membership)(node, context)
    made = same.membership(node, context)
    select = query.this if isinstance(query, exp.Subquery) else query
    if Family.DECIMAL in (family(node.this), family(select.selects[0])):
        if {family(node.this), family(select.selects[0])} == {Family.DECIMAL, Family.DOUBLE}:
            raise context.unsupported(node, "IN compares a decimal with doubles here: add a CAST")
        node.this.replace(_money(node.this.copy()))
        if family(select.selects[0]) is Family.DECIMAL:
            widen(select, 0)
    return made


def widen(query: exp.Query, column: int) -> None:
    """Make one column of a query, whatever it is made of, a decimal(38,18)."""
    while isinstance(query, exp.Subquery):
        query = query.this
    if isinstance(query, exp.SetOperation):
        widen(query.left, column)
        widen(query.right, column)
        return
    output = query.selects[column]
    if isinstance(output, exp.Alias):
        output.set("this", _money(output.this))
        output.type = output.this.type
    else:
        name = exp.to_identifier(output.alias_or_name, quoted=True)
        output.replace(typed(exp.Alias(this=money(output.copy()), alias=name), exp.DType.DECIMAL))


def truth(node: exp.Is, context: Context) -> exp.Expr:
    """IS NULL, IS TRUE and IS FALSE mean the same in DuckDB."""
    if not isinstance(node.expression, exp.Null) and not (
        isinstance(node.expression, exp.Boolean) and family(node.this) in (Family.BOOLEAN, Family.NULL)
    ):
        raise context.unsupported(node, "IS is followed by NULL, or by TRUE or FALSE for a boolean")
    return node


def like(node: exp.Like, context: Context) -> exp.Expr:
    for side in (node.this, node.expression):
        if family(side) not in (Family.STRING, Family.NULL):
            raise context.mismatch(node, f"LIKE takes texts, not the type {family(side).value}: add a CAST")
    if not node.args.get("negate"):
        return node
    plain = typed(exp.Like(this=node.this, expression=node.expression), exp.DType.BOOLEAN)
    return typed(exp.Not(this=exp.Paren(this=plain)), exp.DType.BOOLEAN)


RULES: dict[type[exp.Expr], Rewrite] = {
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _of_one_scale(same.comparison)),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), _of_one_scale(same.comparison)),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), same.condition),
    exp.Between: _of_one_scale(same.between),
    exp.In: membership,
    exp.Is: truth,
    exp.Like: like,
    exp.If: _of_one_scale(same.conditional),
    exp.Case: _of_one_scale(same.choice),
    exp.Coalesce: _of_one_scale(same.coalesce),
    exp.Nullif: _of_one_scale(same.nullif),
    **dict.fromkeys((exp.Greatest, exp.Least), _of_one_scale(same.extreme)),
}
