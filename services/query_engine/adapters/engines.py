"""The engines that a worker runs, by the name that a plan carries, and what their rows become."""

from collections.abc import Callable, Mapping

import polars as pl

from services.query_engine.adapters import duckdb_engine, polars_engine
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.adapters.result_json import json_rows, type_name
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.errors import failure
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.tables import Column

RUNNERS: Mapping[str, Callable[[Plan, int, LakeFiles], pl.DataFrame]] = {
    "polars": polars_engine.run,
    "duckdb": duckdb_engine.run,
}


def run(plan: Plan, limits: Limits, storage: Mapping[str, str]) -> Answer:
    """The answer of `plan`, by the engine it was written for."""
    # One row more than allowed tells that there is more.
    found = RUNNERS[plan.engine](plan, limits.rows + 1, LakeFiles(storage))
    if found.height > limits.rows:
        raise failure(
            errors.RESULT_TOO_LARGE,
            f"The answer has more than {limits.rows} rows: aggregate, filter or LIMIT it",
        )
    found.columns = list(plan.columns)
    columns = tuple(Column(name, type_name(kind)) for name, kind in found.schema.items())
    return Answer(columns, json_rows(found, limits.bytes), found.height)
