"""`onyx query`: one SELECT over the tenant's own tables."""

import sys
from typing import Annotated

import typer

from infra.commands import session
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, AsOf, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in Athena's SQL; - reads it from standard input.")],
    tenant: Tenant = None,
    as_of: AsOf = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Run a SELECT over the tenant's tables.

    Tables: charges (FOCUS columns), and what the providers wrote: cur, cur2, focus, azure, each once there is
    such a bill; `onyx tables` lists them and their columns.
    """
    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise usage("the SQL is empty.")
    body = {"sql": text} | ({"as_of": as_of} if as_of else {})
    answer = session.connect(env, port).api(tenant).post("/v1/query", body)
    print_rows(answer["rows"], fmt, columns=[column["name"] for column in answer["columns"]])
