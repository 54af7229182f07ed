"""`onyx workflow`: where notifications go, the credentials of steps, the operators' triggers."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows
from infra.commands.workflow_input import PATH

PART = "workflow"
"""Of the platform: whose operator function is asked."""
Name = Annotated[str, typer.Argument(help="Its name.")]
channels = typer.Typer(no_args_is_help=True, help="Where `notify` sends to.")
credentials = typer.Typer(no_args_is_help=True, help="What steps show to others; written, and never read.")
everywhere = typer.Typer(no_args_is_help=True, help="Triggers for all tenants: the operator's.")
hooks = typer.Typer(no_args_is_help=True, help="Addresses that others post to.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(channels, name="channel")
    app.add_typer(credentials, name="credential")
    app.add_typer(hooks, name="hook")
    app.add_typer(everywhere, name="global-trigger")


@channels.command(name="list")
def list_channels(
    tenant: Tenant = None, fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """List the tenant's channels."""
    rows = session.connect(env, port).api(tenant).rows(f"{PATH}/channels")
    print_rows(rows, fmt, columns=("channel", "kind", "url", "credential", "addresses"))


@channels.command(name="set")
def set_channel(
    name: Name,
    url: Annotated[str | None, typer.Option("--url", help="An incoming webhook (Slack, Teams, any).")] = None,
    credential: Annotated[
        str | None, typer.Option("--credential", help="The credential that holds the address.")
    ] = None,
    mail: Annotated[list[str] | None, typer.Option("--mail", help="An address; can be repeated.")] = None,
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Make or replace a channel."""
    given = [each for each in (url, credential, mail) if each]
    if len(given) != 1:
        raise usage("a channel has --url, --credential or --mail, and one of them only.")
    body: dict[str, Any] = (
        {"kind": "email", "addresses": mail}
        if mail
        else {"kind": "webhook", **({"url": url} if url else {"credential": credential})}
    )
    session.connect(env, port).api(tenant).put(f"{PATH}/channels/{quote(name, safe='')}", body)


@channels.command(name="delete")
def delete_channel(name: Name, tenant: Tenant = None, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Delete a channel."""
    session.connect(env, port).api(tenant).delete(f"{PATH}/channels/{quote(name, safe='')}")


@credentials.command(name="set")
def set_credential(
    name: Name,
    host: Annotated[str, typer.Option("--host", help="The only host that may see it.")],
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Write a credential: its headers as a JSON object, or its address as {"url": ...}, on standard input."""
    try:
        given = json.load(sys.stdin)
    except ValueError as error:
        raise usage(f"standard input is no JSON: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise usage('standard input is no object of texts, such as {"Authorization": "Bearer ..."}')
    body = {"host": host, "url": given["url"]} if set(given) == {"url"} else {"host": host, "headers": given}
    session.connect(env, port).api(tenant).put(f"{PATH}/credentials/{quote(name, safe='')}", body)


@credentials.command(name="delete")
def delete_credential(
    name: Name, tenant: Tenant = None, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """Delete a credential."""
    session.connect(env, port).api(tenant).delete(f"{PATH}/credentials/{quote(name, safe='')}")


@hooks.command()
def rotate(
    workflow: Annotated[str, typer.Argument(help="The workflow's id.")],
    trigger: Annotated[str, typer.Argument(help="The webhook trigger's name.")],
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Give a webhook a new secret, and print it once; the old one works for a day."""
    path = f"{PATH}/{quote(workflow, safe='')}/hooks/{quote(trigger, safe='')}/rotate"
    found = session.connect(env, port).api(tenant).post(path, {})
    print(found["secret"])


@everywhere.command(name="list")
def list_triggers(fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """List the triggers that start a workflow in every tenant that has it."""
    rows = session.connect(env, port).operate("list_triggers", part=PART)["rows"]
    print_rows(rows, fmt, columns=("name", "type", "workflow", "pattern"))


@everywhere.command(name="set")
def set_trigger(
    name: Name,
    type: Annotated[str, typer.Option("--event", help="Its type, such as BillIngested.v1.")],
    workflow: Annotated[str, typer.Option("--workflow", help="The workflow's id, in every tenant.")],
    pattern: Annotated[
        str, typer.Option("--pattern", help="What its data match: EventBridge's JSON.")
    ] = "{}",
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Make or replace one."""
    try:
        given = json.loads(pattern, parse_float=str)
    except ValueError as error:
        raise usage(f"--pattern is no JSON: {error}") from error
    session.connect(env, port).operate(
        "set_trigger", part=PART, name=name, type=type, workflow=workflow, pattern=given
    )


@everywhere.command(name="delete")
def delete_trigger(name: Name, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Delete one."""
    session.connect(env, port).operate("delete_trigger", part=PART, name=name)
