"""The table of rewrites: kind of node -> how it is written for DuckDB so that it means what it does in Trino.

A node that is not in the table means the same in both, as sqlglot writes it. Children are rewritten before
their parents.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context

Rewrite = Callable[[Any, Context], exp.Expr]

REWRITES: dict[type[exp.Expr], Rewrite] = {}


def rewrite(statement: exp.Query, context: Context) -> exp.Query:
    """`statement`, rewritten in place. Raises BadRequest where it cannot be answered rightly."""
    for node in reversed(list(statement.walk())):
        if rule := REWRITES.get(type(node)):
            # A rule may move the node into what it makes, so its place is noted first.
            parent, key, index = node.parent, node.arg_key, node.index
            made = rule(node, context)
            if made is not node and parent is not None and key is not None:
                parent.set(key, made, index)
    return statement
