"""The options that commands share, declared once."""

from typing import Annotated

import typer

from infra.commands.render import Format

DEFAULT_PORT = 8420

Port = Annotated[
    int,
    typer.Option("--port", envvar="ONYX_PORT", min=1, max=65_535, help="Port of the local platform."),
]
Env = Annotated[
    str, typer.Option("--env", envvar="ONYX_ENV", help="local, or dev|staging|prod: the platform on AWS.")
]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant", "-t", envvar="ONYX_TENANT", help="The tenant (needed unless ONYX_TOKEN is set)."
    ),
]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="How rows are printed.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="What was published at that date or time (UTC): of 90 days, and 13 months' ends."
    ),
]
