"""`onyx up`, `down`, `status` and `logs`: the platform on this machine.

Plain functions; `infra/cli.py` registers them as commands.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.commands import session
from infra.commands.errors import CommandError, usage
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port
from infra.commands.render import Format, print_rows
from infra.commands.stuck import CHANNEL_COLUMNS, STUCK_COLUMNS, Standing, standing
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


def status(
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 where anything is stuck.")] = False,
    processing_minutes: Annotated[
        int, typer.Option("--processing-minutes", min=1, help="A delivery may take so long.")
    ] = 15,
    port: Port = DEFAULT_PORT,
    fmt: OutputFormat = Format.TABLE,
    env: Env = "local",
) -> None:
    """Each process of the platform on this machine; each channel; and what is stuck, since when and why.

    Exit code 1 where a process is down or not healthy (and with --check, where anything is stuck).
    """
    processes = _processes(port) if env == session.LOCAL else None
    if processes == []:
        if fmt is not Format.TABLE:
            print_rows([], fmt, columns=STATUS_COLUMNS)
        raise CommandError(session.unreachable(env, port))
    found = standing(session.connect(env, port), timedelta(minutes=processing_minutes))
    _print_status(processes, found, fmt)
    if sick := [row["service"] for row in processes or [] if row["health"] != "healthy"]:
        raise CommandError(f"Not healthy: {', '.join(sick)}")
    if check and found.stuck:
        raise CommandError("Stuck: " + ", ".join(f"{row['what']} {row['where']}" for row in found.stuck))


def _processes(port: int) -> list[dict[str, Any]]:
    return [
        {
            "service": row.service,
            "pid": row.pid,
            "uptime_seconds": int(row.uptime),
            "restarts": row.restarts,
            "health": row.health,
            "url": row.url,
        }
        for row in _platform(port).status()
    ]


def _print_status(processes: list[dict[str, Any]] | None, found: Standing, fmt: Format) -> None:
    """Up to three tables, an empty line between them; as JSON one object, `rows` are the processes."""
    if fmt is Format.JSON:
        rows = {} if processes is None else {"rows": processes}
        whole = {**rows, "channels": found.channels, "stuck": found.stuck}
        sys.stdout.write(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")
        return
    if processes is not None:
        print_rows(processes, fmt, columns=STATUS_COLUMNS)
        sys.stdout.write("\n")
    print_rows(found.channels, fmt, columns=CHANNEL_COLUMNS)
    sys.stdout.write("\n")
    if found.stuck or fmt is Format.CSV:
        print_rows(found.stuck, fmt, columns=STUCK_COLUMNS)
    else:
        sys.stdout.write("Nothing is stuck.\n")


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
