"""Which engine answers a query. The caller need not know, and EXPLAIN tells."""

from collections.abc import Collection
from dataclasses import dataclass

from services.query_engine.domain.errors import UNSUPPORTED_FUNCTION, UNSUPPORTED_SQL
from services.query_engine.domain.front_door import plan_for
from services.query_engine.domain.joins import Shape, shape_of
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query
from services.query_engine.domain.routing_rules import (
    DUCKDB,
    ORDER,
    POLARS,
    Decision,
    Declined,
    Features,
    rule_for,
)
from shared.errors import BadRequest, OnyxError

DECLINED = frozenset({UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION})
"""Codes with which an engine says that it is not the one, before it runs a query or while it does."""
HERE = (POLARS, DUCKDB)
"""Engines that are always there."""


@dataclass(frozen=True)
class Routed:
    """A plan, and how its engine was chosen."""

    plan: Plan
    decision: Decision


def route(query: Query, features: Features | None = None, available: Collection[str] = HERE) -> Routed:
    """The plan of the first engine that takes the query; `available` are those that are configured.

    Raises BadRequest where none does, in the words of the last one.
    """
    return _route(query, features or Features(_shape(query)), available, ())


def pass_on(
    query: Query, features: Features, available: Collection[str], routed: Routed, error: OnyxError
) -> Routed | None:
    """Whom a query goes to that its engine declined while it ran it with `error`.

    None where there is nobody left, or the query was passed on like that before.
    """
    decision = routed.decision
    if error.code not in DECLINED or any(each.running for each in decision.declined):
        return None
    declined = (*decision.declined, Declined(decision.engine, error.code, error.detail, running=True))
    try:
        return _route(query, features, available, declined)
    except BadRequest:
        return None


def _route(
    query: Query, features: Features, available: Collection[str], declined: tuple[Declined, ...]
) -> Routed:
    rule = rule_for(features)
    asked = {each.engine for each in declined}
    error: BadRequest | None = None
    for engine in (rule.engine, *(each for each in ORDER if each != rule.engine)):
        if engine in asked:
            continue
        if engine not in available:
            if engine == rule.engine:
                declined += (Declined(engine, "", "it is not configured here"),)
            continue
        try:
            plan = plan_for(engine, query)
        except BadRequest as refused:
            if refused.code not in DECLINED:
                raise
            declined, error = (*declined, Declined(engine, refused.code, refused.detail)), refused
            continue
        return Routed(plan, Decision(engine, rule.name, rule.why, declined))
    raise error or BadRequest("no engine is there", code=UNSUPPORTED_SQL)


def _shape(query: Query) -> Shape:
    return shape_of(query.statement, {name: table.rows for name, table in query.tables.items()})
