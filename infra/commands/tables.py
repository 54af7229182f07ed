"""`onyx tables`: what can be queried."""

from typing import Annotated

import typer

from infra.commands import session
from infra.commands.errors import CommandError
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

PATH = "/v1/query/tables"


def tables(
    name: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Its columns and their types.", show_default=False)
    ] = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List the tables that `onyx query` can read, or the columns of one.

    `charges` is every provider's cost in FOCUS columns; the others are bills as their providers wrote them.
    """
    found = session.connect(env, port).api(tenant).rows(PATH)
    if name is None:
        rows = [
            {
                "table": each["name"],
                "rows": each["rows"],
                "columns": len(each["columns"]),
                "bills": len(each["bills"]),
                "published_at": each["published_at"],
            }
            for each in found
        ]
        print_rows(rows, fmt, columns=["table", "rows", "columns", "bills", "published_at"])
        return
    columns = {each["name"]: each["columns"] for each in found}
    if name.lower() not in columns:
        raise CommandError(f"there is no table {name}; there are {', '.join(columns) or 'none yet'}")
    print_rows(columns[name.lower()], fmt, columns=["name", "type"])
