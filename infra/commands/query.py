"""`onyx query`: one SELECT over the tenant's own tables."""

import sys
from typing import Annotated

import typer

from infra.commands import session
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in Athena's SQL; - reads it from standard input.")],
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Run a SELECT over the tenant's tables.

    Tables: charges (FOCUS columns), and cur and focus as the provider wrote them.
    """
    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise usage("the SQL is empty.")
    answer = session.connect(env, port).api(tenant).post("/v1/query", {"sql": text})
    print_rows(answer["rows"], fmt, columns=[column["name"] for column in answer["columns"]])
