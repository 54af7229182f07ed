"""What the query engine offers to its peers: the action by which a workflow asks a question."""

from shared.actions import Action, Field, Idempotency, Kind, Mode
from shared.tenancy import Role

QUERY_RUN = Action(
    name="query.run",
    title="Run a query",
    description="One SELECT over the tenant's costs, as the publisher of the workflow may see them.",
    mode=Mode.EVENT,
    idempotency=Idempotency.IDEMPOTENT,
    role=Role.ANALYST,
    timeout_seconds=900,
    input={
        "sql": Field(Kind.STRING, "One SELECT.", required=True),
        "as_of": Field(Kind.TIMESTAMP, "The costs as they were published then. Default: now."),
        "max_rows": Field(Kind.INTEGER, "At most so many rows, 1 to 1000.", default=1_000),
    },
    output={
        "rows": Field(Kind.LIST, "A mapping per row; decimals are texts.", required=True),
        "columns": Field(Kind.LIST, "The columns' names, in order.", required=True),
        "row_count": Field(
            Kind.INTEGER, "How many rows the query gave, with those that were cut off.", required=True
        ),
        "truncated": Field(Kind.BOOLEAN, "Whether it gave more than max_rows.", required=True),
    },
)

ACTIONS = (QUERY_RUN,)
