"""`onyx dlq`: what no consumer could handle, why, and the way back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from infra.commands import session
from infra.commands.channels import Channel, Stack, channels, depths, find, oldest_ages, stacks
from infra.commands.dead_letters import describe, look, redrive
from infra.commands.errors import CommandError
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port
from infra.commands.relay_failures import demand_relay, redrive_relay, relay_of
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
LEFT_COLUMNS = ("tenant", "id", "since", "why")
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
    """Bring messages back into their queue, to be handled again. Says how many.

    Of a relay's failure queue: publish what is pending in its outbox, then remove the notes that are settled.
    Exit code 1 where something cannot be published; it is shown with the reason, and stays.
    """
    connected = session.connect(env, port)
    parts = stacks(connected)
    one = find(channels(connected, parts), channel)
    if one.queue is None:
        _redrive_relay(connected, demand_relay(relay_of(parts, one), one), one, message_id or [], fmt)
        return
    count = redrive(connected, one, message_id or [])
    print_rows([{"channel": one.name, "redriven": count}], fmt)


def _redrive_relay(
    connected: Session, stack: Stack, channel: Channel, message_ids: list[str], fmt: Format
) -> None:
    done = redrive_relay(connected, stack, channel, message_ids)
    row = {
        "channel": channel.name,
        "published": done.published,
        "notes_removed": done.notes_removed,
        "notes_left": done.notes_left,
        "still_pending": len(done.left),
    }
    if fmt is Format.JSON:
        print_rows([{**row, "left": done.left}], fmt)
    else:
        print_rows([row], fmt)
        if done.left and fmt is Format.TABLE:
            typer.echo()
            print_rows(done.left, fmt, columns=LEFT_COLUMNS)
    if done.left:
        raise CommandError(f"{len(done.left)} of {channel.name} cannot be published yet.")


def dead_letter_rows(connected: Session) -> list[dict[str, Any]]:
    """A row of LIST_COLUMNS per channel. Of more than 100 messages the oldest is that of a sample; where all
    are out of sight just now, it is the queue's own."""
    now = datetime.now(UTC)
    rows = []
    for channel in channels(connected, stacks(connected)):
        dead = sum(depths(connected, channel.dead))
        letters = look(connected, channel.dead, min(dead, _SAMPLE)) if dead else []
        depth, flying = depths(connected, channel.queue) if channel.queue else (None, None)
        since = letters[0].sent_at if letters else None
        if dead and since is None and (age := oldest_ages(connected, [channel.dead], now)):
            since = now - timedelta(seconds=age[channel.dead])
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
