"""A query as it was understood, before any engine's dialect."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from services.query_engine.domain.tables import Table


@dataclass(frozen=True)
class Query:
    """`statement` has every name resolved and every type annotated; its meaning is Trino's. `tables` are
    those it reads, by their lower case name in it; `columns` the names of the answer; `now` is what now()
    says; `notes` are for whoever asked.

    A dialect takes a copy: what it rewrites, another may still have to read.
    """

    text: str
    statement: exp.Query
    tables: Mapping[str, Table]
    columns: tuple[str, ...]
    now: datetime
    notes: tuple[str, ...] = ()


def reads_clock(query: Query) -> bool:
    """Whether the query means something else at another moment."""
    return query.statement.find(*_CLOCK) is not None


_CLOCK = (
    exp.CurrentDate,
    exp.CurrentDatetime,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.Localtime,
    exp.Localtimestamp,
)


def outermost(statement: exp.Query) -> exp.Select:
    """The SELECT that names the columns of the answer: the first of a UNION."""
    node: exp.Expr = statement
    while not isinstance(node, exp.Select):
        node = node.this
    return node
