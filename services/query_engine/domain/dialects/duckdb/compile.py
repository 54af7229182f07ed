"""A query to a plan in DuckDB's SQL."""

from sqlglot import exp

from services.query_engine.domain.binding import rename_for_engine
from services.query_engine.domain.columns import bound_tables
from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.dialects.duckdb.table import rewrite
from services.query_engine.domain.dialects.duckdb.writer import write
from services.query_engine.domain.dialects.names import name_apart
from services.query_engine.domain.dialects.scales import mark_scales
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query

ENGINE = "duckdb"


def compile_for_duckdb(query: Query) -> Plan:
    """Raises BadRequest (UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION) for what DuckDB cannot answer rightly."""
    statement: exp.Query = query.statement.copy()
    mark_scales(statement)
    rename_for_engine(statement)
    statement = rewrite(statement, Context(query.text, query.now))
    name_apart(statement)
    return Plan(ENGINE, write(statement), bound_tables(query), query.columns)
