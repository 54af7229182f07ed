"""`onyx up`, `down`, `status` and `logs`: the platform on this machine.

Plain functions; `infra/cli.py` registers them as commands.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.commands.errors import CommandError, usage
from infra.commands.options import DEFAULT_PORT, OutputFormat, Port
from infra.commands.render import Format, print_rows
from infra.local import logs as local_logs
from infra.local.deploy import DeploymentError
from infra.local.node import NodeMissingError
from infra.local.plan import PlanError
from infra.local.platform import Platform, PlatformError, Step
from infra.local.state import LocalState
from infra.local.synth import SynthesisError

STATUS_COLUMNS = ("service", "pid", "uptime_seconds", "restarts", "health", "url")
_FAILURES = (PlatformError, SynthesisError, DeploymentError, PlanError, NodeMissingError)


def _platform(port: int) -> Platform:
    return Platform(LocalState.of(port))


def up(port: Port = DEFAULT_PORT) -> None:
    """Start the platform on this machine, or bring a running one up to date; it stays up when this ends."""
    platform = _platform(port)
    began = time.monotonic()
    try:
        platform.up(_steps(Console(stderr=True)))
    except _FAILURES as error:
        raise CommandError(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"The local AWS failed: {error} (see `onyx logs emulator`)") from None
    sys.stdout.write(
        f"Onyx is up in {time.monotonic() - began:.1f} s: {platform.state.url}/v1/health\n"
        f"  API docs   {platform.state.url}/v1/docs\n"
        f"  AWS        AWS_ENDPOINT_URL={platform.state.url}\n"
        f"  stop       onyx down{'' if port == DEFAULT_PORT else f' --port {port}'}\n"
    )


def down(port: Port = DEFAULT_PORT) -> None:
    """Stop the platform of this port. Its state is kept for the next `onyx up`."""
    try:
        stopped = _platform(port).down()
    except PlatformError as error:
        raise CommandError(str(error)) from None
    sys.stdout.write(f"Onyx on port {port} is stopped.\n" if stopped else f"Nothing runs on port {port}.\n")


def status(port: Port = DEFAULT_PORT, fmt: OutputFormat = Format.TABLE) -> None:
    """Each process of the platform: pid, uptime, restarts, health, address. Exit code 1 where it is down."""
    found = _platform(port).status()
    rows = [
        {
            "service": row.service,
            "pid": row.pid,
            "uptime_seconds": int(row.uptime),
            "restarts": row.restarts,
            "health": row.health,
            "url": row.url,
        }
        for row in found
    ]
    print_rows(rows, fmt, columns=STATUS_COLUMNS)
    if not found:
        raise CommandError(f"Onyx is not running on port {port}: start it with `onyx up`.")
    if sick := [row.service for row in found if row.health != "healthy"]:
        raise CommandError(f"Not healthy: {', '.join(sick)}")


def logs(
    service: Annotated[
        str, typer.Argument(help="supervisor, emulator, a service of `onyx status`, or a Lambda function.")
    ],
    follow: Annotated[bool, typer.Option("--follow", help="Go on printing until interrupted.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 100,
    port: Port = DEFAULT_PORT,
) -> None:
    """Print a service's log."""
    platform = _platform(port)
    try:
        source = local_logs.find(platform, service)
    except local_logs.UnknownServiceError as error:
        raise usage(str(error)) from None
    for line in source.tail(lines):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if follow:
        try:
            for line in source.follow():
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
        except KeyboardInterrupt:
            return


def _steps(console: Console) -> Step:
    """Shows each step while it runs, and how long it took; on standard error."""

    @contextmanager
    def step(title: str) -> Iterator[None]:
        began = time.monotonic()
        if console.is_terminal:
            with console.status(title):
                yield
        else:
            yield
        console.print(f"  {title:<36} {time.monotonic() - began:6.1f} s", highlight=False, markup=False)

    return step
