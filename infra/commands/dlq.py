"""`onyx dlq`: what no consumer could handle, why, and the way back."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from infra.commands import session
from infra.commands.channels import channels, depths, find, stacks
from infra.commands.dead_letters import describe, look, redrive
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port
from infra.commands.render import Format, print_rows
from infra.commands.session import Session
from shared.clock import iso

app = typer.Typer(no_args_is_help=True, help="List, show and redrive messages that no consumer could handle.")
LIST_COLUMNS = ("channel", "dead", "oldest", "oldest_seconds", "depth", "in_flight")
SHOW_COLUMNS = (
    "message_id",
    "sent_at",
    "event_type",
    "tenant",
    "correlation_id",
    "code",
    "detail",
    "attempts",
    "failed_at",
)
_SAMPLE = 100

ChannelName = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="As `onyx dlq list` names it; the part after / will do.")
]


@app.command(name="list")
def list_(fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Every channel: how many messages were given up, since when, and what waits.

    A failure queue of a relay or a schedule has no queue before it.
    """
    connected = session.connect(env, port)
    print_rows(dead_letter_rows(connected), fmt, columns=LIST_COLUMNS)


@app.command()
def show(
    channel: ChannelName,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")] = 20,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Each message that was given up, and why. The oldest first; JSON has its body as well."""
    connected = session.connect(env, port)
    one = find(channels(connected, stacks(connected)), channel)
    letters = look(connected, one.dead, limit)
    rows = [
        {**describe(connected, one, letter), **({"body": letter.body} if fmt is Format.JSON else {})}
        for letter in letters
    ]
    print_rows(rows, fmt, columns=SHOW_COLUMNS)


@app.command(name="redrive")
def redrive_(
    channel: ChannelName,
    message_id: Annotated[
        list[str] | None, typer.Option("--message-id", "-m", help="Only this message; repeatable.")
    ] = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Bring messages back into their queue, to be handled again. Says how many."""
    connected = session.connect(env, port)
    one = find(channels(connected, stacks(connected)), channel)
    count = redrive(connected, one, message_id or [])
    print_rows([{"channel": one.name, "redriven": count}], fmt)


def dead_letter_rows(connected: Session) -> list[dict[str, Any]]:
    """A row of LIST_COLUMNS per channel. Of more than 100 messages the oldest is that of a sample."""
    now = datetime.now(UTC)
    rows = []
    for channel in channels(connected, stacks(connected)):
        dead = sum(depths(connected, channel.dead))
        letters = look(connected, channel.dead, min(dead, _SAMPLE)) if dead else []
        depth, flying = depths(connected, channel.queue) if channel.queue else (None, None)
        since = letters[0].sent_at if letters else None
        rows.append(
            {
                "channel": channel.name,
                "dead": dead,
                "oldest": iso(since) if since else None,
                "oldest_seconds": max(0, int((now - since).total_seconds())) if since else None,
                "depth": depth,
                "in_flight": flying,
            }
        )
    return rows
