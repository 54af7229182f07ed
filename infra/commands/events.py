"""`onyx events`: what went over the bus."""

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from infra.commands import session
from infra.commands.channels import stacks
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port
from infra.commands.outboxes import events
from infra.commands.render import Format, print_rows
from infra.commands.tenant import all_tenants

app = typer.Typer(no_args_is_help=True, help="What went over the bus.")
COLUMNS = ("time", "tenant", "type", "state", "subject", "id", "correlation_id")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_POLL_SECONDS = 2.0
_SEEN_AGAIN = timedelta(minutes=10)
"""How far back each look goes: an event that was pending for so long is no news of a tail."""


@app.callback()
def root() -> None:
    """Keeps `tail` a command of its own."""


@app.command()
def tail(
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", envvar="ONYX_TENANT", help="Only of this tenant.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Only events of this type, e.g. BillIngested.v1.")
    ] = None,
    since: Annotated[str, typer.Option("--since", help="How far back: 90s, 10m, 2h or 7d.")] = "1h",
    follow: Annotated[bool, typer.Option("--follow", help="Go on until interrupted.")] = False,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Events of the last hour, the newest last, and whether the bus has them (published) or not (pending).

    The record is kept for 7 days. JSON has each event's data; with --follow it is one object per line.
    """
    back = duration(since)
    connected = session.connect(env, port)
    parts = stacks(connected)

    def read(start: datetime) -> list[dict[str, Any]]:
        tenants = [tenant] if tenant else [str(row["tenant"]) for row in all_tenants(connected)]
        return events(connected, parts, tenants, start, kind)

    start = datetime.now(UTC) - back
    rows = read(start)
    if not follow:
        print_rows(rows, fmt, columns=COLUMNS)
        return
    shown: dict[str, str] = {}
    while True:
        _print_news(rows, shown, fmt)
        time.sleep(_POLL_SECONDS)
        rows = read(max(start, datetime.now(UTC) - _SEEN_AGAIN))


def duration(text: str) -> timedelta:
    """`90s`, `10m`, `2h` or `7d`. A usage error for anything else."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if found is None:
        raise usage(f"--since is a number with s, m, h or d (90s, 10m, 2h, 7d), not {text!r}.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _print_news(rows: list[dict[str, Any]], shown: dict[str, str], fmt: Format) -> None:
    """What is new, or has become published since it was shown; a line each.

    `shown` keeps what these rows hold, and forgets what no later look goes back to.
    """
    for gone in shown.keys() - {row["id"] for row in rows}:
        del shown[gone]
    for row in rows:
        if shown.get(row["id"]) == row["state"]:
            continue
        shown[row["id"]] = row["state"]
        if fmt is Format.JSON:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        elif fmt is Format.CSV:
            sys.stdout.write(",".join(str(row[name] or "") for name in COLUMNS) + "\n")
        else:
            sys.stdout.write("  ".join(str(row[name] or "-") for name in COLUMNS) + "\n")
    sys.stdout.flush()
