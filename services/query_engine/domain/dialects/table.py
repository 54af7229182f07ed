"""The engines' dialects: how each is written. A query that one declines is offered to another."""

from collections.abc import Callable, Mapping

from services.query_engine.domain.dialects.athena.compile import compile_for_athena
from services.query_engine.domain.dialects.duckdb.compile import compile_for_duckdb
from services.query_engine.domain.dialects.polars.compile import compile_for_polars
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query

DIALECTS: Mapping[str, Callable[[Query], Plan]] = {
    "polars": compile_for_polars,
    "duckdb": compile_for_duckdb,
    "athena": compile_for_athena,
}
