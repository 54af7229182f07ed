"""The engines that a worker runs, by the name that a plan carries."""

from collections.abc import Callable, Mapping

from services.query_engine.adapters import duckdb_engine, polars_engine
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.plan import Plan

RUNNERS: Mapping[str, Callable[[Plan, Limits, Mapping[str, str]], Answer]] = {
    "polars": polars_engine.run,
    "duckdb": duckdb_engine.run,
}


def run(plan: Plan, limits: Limits, storage: Mapping[str, str]) -> Answer:
    """The answer of `plan`, by the engine it was written for."""
    return RUNNERS[plan.engine](plan, limits, storage)
