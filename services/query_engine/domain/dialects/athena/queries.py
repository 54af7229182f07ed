"""Whole queries, and what the answer's columns may be."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, cast, integer_literal
from services.query_engine.domain.dialects.common import queries as same
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.errors import unsupported
from services.query_engine.domain.query import outermost
from services.query_engine.domain.types import NUMERIC, TEMPORAL, Family, family

_ANSWERED = NUMERIC | TEMPORAL | {Family.STRING, Family.BOOLEAN, Family.NULL}


def select(node: exp.Select, context: Context) -> exp.Expr:
    same.check_select(node, context)
    for clause in ("group", "order"):
        if found := node.args.get(clause):
            for each in found.expressions:
                # A number there would be a column's place; the places were resolved before.
                key = each.this if isinstance(each, exp.Ordered) else each
                if integer_literal(key) is not None:
                    key.replace(cast(key.copy(), "BIGINT"))
    return node


def check_answer(statement: exp.Query) -> None:
    """Athena hands out texts, from which only plain values can be read again.

    Raises BadRequest (UNSUPPORTED_SQL) for a column of another type.
    """
    for each in outermost(statement).selects:
        if (found := family(each.unalias())) not in _ANSWERED:
            raise unsupported(f"Athena's answers have no columns of the type {found.value} that can be read")


RULES: dict[type[exp.Expr], Rewrite] = {
    exp.Select: select,
    **dict.fromkeys((exp.Union, exp.Intersect, exp.Except), same.set_operation),
    **dict.fromkeys((exp.Where, exp.Having), same.clause),
    exp.Join: same.join,
    exp.Limit: same.limit,
    exp.Offset: same.limit,
    exp.Ordered: same.ordered,
}
