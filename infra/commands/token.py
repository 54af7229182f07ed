"""`onyx token`: an access token for the API, for a tenant."""

from typing import Annotated

import typer

from infra.commands import session
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, Env, Port, Tenant
from shared.tenancy import Role


def token(
    tenant: Tenant = None,
    role: Annotated[
        Role | None, typer.Option("--role", help="A token with this role alone; default: the tenant's admin.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not use the token of an earlier call.")] = False,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Print an access token for a tenant.

    For example: curl -H "authorization: Bearer $(onyx token -t acme)" URL

    It is kept in the state folder, readable by you alone, until shortly before it expires.
    """
    if not tenant:
        raise usage("--tenant is needed.")
    typer.echo(session.connect(env, port).token(tenant, role=role.value if role else None, fresh=fresh))
