"""`onyx query`: one SELECT over the tenant's own tables."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.commands import session
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, AsOf, Env, OutputFormat, Port, Tenant
from infra.commands.query_file import form_of, query_to_file
from infra.commands.render import Format, print_rows


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT in Athena's SQL; - reads it from standard input.")],
    tenant: Tenant = None,
    as_of: AsOf = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv, .parquet or .arrow file, for up to 5,000,000 rows."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the plan, the engine and the bytes; run nothing.")
    ] = False,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Run a SELECT over the tenant's tables.

    Tables: charges (FOCUS columns), and what the providers wrote: cur, cur2, focus, azure, each once there is
    such a bill; `onyx tables` lists them and their columns. With --output a query may take 14 minutes.
    """
    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise usage("the SQL is empty.")
    if explain and output:
        raise usage("--explain prints, and writes no --output.")
    body = {"sql": f"EXPLAIN {text}" if explain else text} | ({"as_of": as_of} if as_of else {})
    if output is not None:
        form_of(output)
        done = query_to_file(session.connect(env, port), tenant, body, output)
        row = {"file": str(output), "rows": done["row_count"], "bytes": done["bytes"]}
        print_rows([row], fmt)
        return
    answer = session.connect(env, port).api(tenant).post("/v1/query", body)
    if "explain" in answer and fmt is not Format.CSV:
        # A plan is text: a table's frame would break its lines.
        plan = [str(value) for row in answer["rows"] for value in row.values()]
        typer.echo("\n".join(plan) if fmt is Format.TABLE else json.dumps(answer["explain"], indent=2))
        return
    for note in answer.get("notes") or ():
        typer.echo(f"onyx: {note}", err=True)
    print_rows(answer["rows"], fmt, columns=[column["name"] for column in answer["columns"]])
