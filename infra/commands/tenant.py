"""`onyx tenant`: the platform's operator makes tenants and sees them."""

from typing import Annotated, Any

import typer

from infra.commands import session
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port
from infra.commands.render import Format, print_rows

app = typer.Typer(no_args_is_help=True, help="Create and list tenants, suspend and resume them.")
COLUMNS = ("tenant", "name", "status", "created_at")


@app.command()
def create(
    tenant: Annotated[str, typer.Argument(help="Its id: lower case letters, digits and single hyphens.")],
    name: Annotated[str | None, typer.Option("--name", help="A name for people; default: the id.")] = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Create a tenant."""
    answer = session.connect(env, port).operate("create_tenant", tenant=tenant, name=name)
    print_rows([_row(answer["tenant"])], fmt, columns=COLUMNS)


@app.command(name="list")
def list_(fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """List all tenants."""
    print_rows(all_tenants(session.connect(env, port)), fmt, columns=COLUMNS)


def all_tenants(connected: session.Session) -> list[dict[str, Any]]:
    """Every tenant, a row of COLUMNS each."""
    rows: list[dict[str, Any]] = []
    cursor: object = None
    while True:
        page = connected.operate("list_tenants", cursor=cursor)
        found = page["rows"]
        rows += [_row(row) for row in found] if isinstance(found, list) else []
        cursor = page.get("cursor")
        if not cursor:
            return rows


@app.command()
def suspend(
    tenant: Annotated[str, typer.Argument(help="The tenant that gets no token from now on.")],
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Issue no further token for a tenant. Tokens that are out stay valid until they expire."""
    connected = session.connect(env, port)
    answer = connected.operate("suspend_tenant", tenant=tenant)
    print_rows([_row(answer["tenant"])], fmt, columns=COLUMNS)


@app.command()
def resume(
    tenant: Annotated[str, typer.Argument(help="The tenant that gets tokens again.")],
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Take back a suspension."""
    answer = session.connect(env, port).operate("resume_tenant", tenant=tenant)
    print_rows([_row(answer["tenant"])], fmt, columns=COLUMNS)


@app.command(name="map")
def map_(
    tenant: Annotated[str, typer.Argument(help="The tenant that the client's tokens belong to.")],
    client: Annotated[str, typer.Option("--client", help="The app client's id.")],
    role: Annotated[list[str], typer.Option("--role", help="A role of its tokens; repeatable.")],
    issuer: Annotated[
        str | None, typer.Option("--issuer", help="Identity provider; default: the platform's own pool.")
    ] = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Say for which tenant a machine client or an identity provider speaks."""
    connected = session.connect(env, port)
    answer = connected.operate("map_client", tenant=tenant, client_id=client, roles=role, issuer=issuer)
    mapping: Any = answer["mapping"]
    columns = ("issuer", "client_id", "roles", "created_at")
    print_rows([{name: mapping.get(name) for name in columns}], fmt, columns=columns)


def _row(tenant: Any) -> dict[str, Any]:
    return {name: tenant.get(name) for name in COLUMNS}
