"""A query to a plan in Polars' SQL."""

from dataclasses import replace

from sqlglot import exp

from services.query_engine.domain.binding import rename_for_engine
from services.query_engine.domain.columns import bound_tables
from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.dialects.names import name_apart
from services.query_engine.domain.dialects.polars.joins import push_into_outer_joins
from services.query_engine.domain.dialects.polars.maps import hoist_maps
from services.query_engine.domain.dialects.polars.table import rewrite
from services.query_engine.domain.dialects.polars.taken import check_taken
from services.query_engine.domain.dialects.polars.text_keys import hoist_text_keys
from services.query_engine.domain.dialects.polars.writer import write
from services.query_engine.domain.dialects.scales import mark_scales
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query

ENGINE = "polars"


def compile_for_polars(query: Query) -> Plan:
    """Raises BadRequest (UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION) for what Polars cannot answer rightly."""
    statement: exp.Query = query.statement.copy()
    context = Context(query.text, query.now)
    mark_scales(statement)
    check_taken(statement, context)
    keys = hoist_maps(statement, context)
    rename_for_engine(statement)
    statement = rewrite(statement, context)
    push_into_outer_joins(statement, context)
    texts = hoist_text_keys(statement, query.tables)
    name_apart(statement)
    tables = tuple(
        replace(each, text_keys=texts.get(each.name, ())) for each in bound_tables(query, keys.by_table)
    )
    return Plan(ENGINE, write(statement), tables, query.columns)
