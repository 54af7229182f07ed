"""The table of rewrites: kind of node -> how it is written for DuckDB so that it means what it does in Trino.

A topic is a module here that exports RULES, a dict from kind of node to its rewrite; it takes part once it
stands in TOPICS below. Where two topics name one kind, the later is asked, and may hand on to the earlier's
function. A node that no topic names means the same in both, as sqlglot writes it. Children are rewritten
before their parents; what a rule makes is not rewritten again.
"""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.dialects.common.rewriting import Rewrite, rewritten
from services.query_engine.domain.dialects.duckdb import (
    aggregates,
    arithmetic,
    calls,
    casts,
    comparisons,
    dates,
    queries,
    values,
)

TOPICS: tuple[dict[type[exp.Expr], Rewrite], ...] = (
    arithmetic.RULES,
    comparisons.RULES,
    casts.RULES,
    aggregates.RULES,
    values.RULES,
    dates.RULES,
    queries.RULES,
    calls.RULES,
)

REWRITES: dict[type[exp.Expr], Rewrite] = {kind: rule for rules in TOPICS for kind, rule in rules.items()}


def rewrite(statement: exp.Query, context: Context) -> exp.Query:
    """`statement`, rewritten in place. Raises BadRequest where it cannot be answered rightly."""
    return rewritten(statement, context, REWRITES)
