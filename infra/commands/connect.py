"""`onyx connect`: AWS accounts that deliver bills."""

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session
from infra.commands.errors import CommandError
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

app = typer.Typer(no_args_is_help=True, help="Connect AWS accounts that deliver bills.")
PATH = "/v1/cost-center/connections"
COLUMNS = ("source", "account_id", "kind", "status", "reason", "last_pull")
Bucket = Annotated[str | None, typer.Option("--bucket", help="A bucket that has the export already.")]
Prefix = Annotated[str | None, typer.Option("--prefix", help="The export's prefix in it.")]
Export = Annotated[str | None, typer.Option("--export", help="The export's name.")]
Region = Annotated[str | None, typer.Option("--region", help="The bucket's region.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="As `onyx connect list` names it.")]


@app.command()
def aws(
    account: Annotated[str, typer.Option("--account", help="The AWS account id, 12 digits.")],
    source: Annotated[
        str | None, typer.Option("--source", help="A name for its bills; default: aws-<account>.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="What it exports: cur2, focus or cur.")] = "cur2",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the template to this file.")
    ] = None,
    bucket: Bucket = None,
    prefix: Prefix = None,
    export: Export = None,
    region: Region = None,
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Connect an account. Prints the CloudFormation template (JSON) that is to be deployed in it.

    With --bucket, --prefix and --export of an export that is there already, it makes the role only.
    """
    api = session.connect(env, port).api(tenant)
    place = _place(bucket, prefix, export, region)
    made = api.post(PATH, {"account_id": account, "source": source, "kind": kind, **place})
    text = json.dumps(api.get(made["template_url"]), indent=2) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror or error}") from None
    launch = made["launch"].replace("template.json", str(output or "template.json"))
    typer.echo(
        f"Connection {made['source']} is {made['status']}. In account {account}:\n  {launch}\n"
        f"then here:\n  onyx connect verify {made['source']}",
        err=True,
    )


@app.command(name="list")
def list_(
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List the tenant's connections, and what became of them."""
    _print(session.connect(env, port).api(tenant).rows(PATH), fmt)


@app.command()
def verify(
    source: Source,
    role_arn: Annotated[
        str | None, typer.Option("--role-arn", help="Another role than the template's: onyx-bills-*.")
    ] = None,
    bucket: Bucket = None,
    prefix: Prefix = None,
    export: Export = None,
    region: Region = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Try a connection. Exits with 1 unless its role opens to Onyx, and only with the external id."""
    given = {"role_arn": role_arn, **_place(bucket, prefix, export, region)}
    tried = session.connect(env, port).api(tenant).post(_path(source) + "/verify", given)
    _print([tried], fmt)
    if tried["status"] != "verified":
        raise CommandError(f"{source} is {tried['status']}: {tried['reason']}")


@app.command()
def remove(
    source: Source,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Pull nothing more from an account. What was pulled stays; the stack in the account is its owner's."""
    _print([session.connect(env, port).api(tenant).delete(_path(source))], fmt)


def _place(bucket: str | None, prefix: str | None, export: str | None, region: str | None) -> dict[str, Any]:
    return {"bucket": bucket, "prefix": prefix, "export_name": export, "region": region}


def _path(source: str) -> str:
    return f"{PATH}/{quote(source, safe='')}"


def _print(rows: list[dict[str, Any]], fmt: Format) -> None:
    if fmt is Format.JSON:
        print_rows(rows, fmt)
        return
    flat = [{**row, "last_pull": (row.get("last_pull") or {}).get("at")} for row in rows]
    print_rows([{name: row.get(name) for name in COLUMNS} for row in flat], fmt, columns=COLUMNS)
