"""How a table of rewrites is applied."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.types import Family, family

Rewrite = Callable[[Any, Context], exp.Expr]


def rewritten(statement: exp.Query, context: Context, rules: Mapping[type[exp.Expr], Rewrite]) -> exp.Query:
    """`statement`, rewritten in place, children before their parents.

    Raises BadRequest where it cannot be answered rightly.
    """
    believed = {id(each): [family(out) for out in each.selects] for each in statement.find_all(exp.Select)}
    for node in reversed(list(statement.walk())):
        if rule := rules.get(type(node)):
            # A rule may move the node into what it makes, so its place is noted first.
            parent, key, index = node.parent, node.arg_key, node.index
            made = rule(node, context)
            if made is not node and parent is not None and key is not None:
                parent.set(key, made, index)
    for select in statement.find_all(exp.Select):
        # A SELECT that is not in the list is a copy that a rewrite made of one that is.
        if (before := believed.get(id(select))) is not None:
            _check_types(select, before, context)
    return statement


def _check_types(select: exp.Select, believed: list[Family], context: Context) -> None:
    """What a rewrite makes has the type that the queries around were planned with."""
    for output, family_before in zip(select.selects, believed, strict=True):
        found = family(output.unalias())
        if Family.UNKNOWN not in (found, family_before) and found is not family_before:
            raise context.unsupported(output, "The type of a column cannot be worked out: add a CAST")
