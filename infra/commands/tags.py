"""`onyx tags`: the tags that have a column of their own in `charges`."""

from typing import Annotated

import typer

from infra.commands import session
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

PATH = "/v1/cost-center/settings/tags"
COLUMNS = ("key", "column")
app = typer.Typer(no_args_is_help=True, help="Tags that have a column of their own in `charges`.")


@app.command(name="list")
def list_(
    tenant: Tenant = None, fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """List the promoted tags."""
    api = session.connect(env, port).api(tenant)
    print_rows(api.get(PATH)["promoted"], fmt, columns=COLUMNS)


@app.command()
def promote(
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY]...", help="Exactly these from now on, however written; none to end it."
        ),
    ] = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Choose the tags that have a column of their own.

    What is published from now on has a column x_Tag_KEY for each; a bill of before has it when it is
    delivered again.
    """
    api = session.connect(env, port).api(tenant)
    print_rows(api.put(PATH, {"promoted": keys or []})["promoted"], fmt, columns=COLUMNS)
