"""A query to a plan in Athena's SQL, over the versions of its tables that are published."""

from sqlglot import exp

from services.query_engine.domain.binding import rename_for_engine
from services.query_engine.domain.columns import bound_tables
from services.query_engine.domain.dialects.athena.bound import bind_versions
from services.query_engine.domain.dialects.athena.queries import check_answer
from services.query_engine.domain.dialects.athena.table import rewrite
from services.query_engine.domain.dialects.athena.writer import write
from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.dialects.names import name_apart
from services.query_engine.domain.dialects.scales import mark_scales
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query

ENGINE = "athena"


def compile_for_athena(query: Query) -> Plan:
    """Raises BadRequest (UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION) for what Athena would answer otherwise."""
    statement: exp.Query = query.statement.copy()
    check_answer(statement)
    mark_scales(statement)
    rename_for_engine(statement)
    statement = rewrite(statement, Context(query.text, query.now))
    name_apart(statement)
    bind_versions(statement, query)
    return Plan(ENGINE, write(statement), bound_tables(query), query.columns)
