"""Which engine answers a query. The caller need not know."""

from services.query_engine.domain.errors import UNSUPPORTED_FUNCTION, UNSUPPORTED_SQL
from services.query_engine.domain.front_door import plan_for
from services.query_engine.domain.plan import Plan
from services.query_engine.domain.query import Query
from shared.errors import BadRequest

DECLINED = frozenset({UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION})
ORDER = ("polars", "duckdb")


def route(query: Query) -> Plan:
    """The plan of the first engine that takes the query. Raises BadRequest where none does."""
    for engine in ORDER[:-1]:
        try:
            return plan_for(engine, query)
        except BadRequest as error:
            if error.code not in DECLINED:
                raise
    return plan_for(ORDER[-1], query)
