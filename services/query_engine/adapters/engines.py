"""The engines that a worker runs, by the name that a plan carries, and what their rows become."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import polars as pl

from services.query_engine.adapters import duckdb_engine, footers, polars_engine, residency
from services.query_engine.adapters.hydration import Hydration, in_passing
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.result_files import answer_of
from services.query_engine.adapters.stop import Stop
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.plan import Plan

RUNNERS: Mapping[str, Callable[[Plan, int, LakeFiles], pl.DataFrame]] = {
    "polars": polars_engine.run,
    "duckdb": duckdb_engine.run,
}


def run(
    plan: Plan,
    limits: Limits,
    storage: Mapping[str, str],
    *,
    tenant: str = "",
    hydration: Hydration | None = None,
    stop: Stop | None = None,
) -> Answer:
    """The answer of `plan`, by the engine it was written for, and which it was.

    Without `hydration` the plan's files are copied for this one time.
    """
    if plan.engine == footers.ENGINE:
        return footers.run(plan, storage)
    if plan.engine == residency.ENGINE:
        return residency.run(plan, tenant, hydration)
    stop = stop or Stop()
    opened = hydration.open(tenant, plan, storage, stop) if hydration else in_passing(plan, storage)
    with opened as files:
        # One row more than allowed tells that there is more.
        found = RUNNERS[plan.engine](plan, limits.rows + 1, files)
        ran = plan.engine + "-memory" * files.in_memory
    found.columns = list(plan.columns)
    return replace(answer_of(found, limits, storage), engine=ran)
