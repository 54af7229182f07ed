"""`onyx`: the command of the platform's user and operator, on this machine or on AWS."""

import sys
from collections.abc import Sequence

import typer

from infra.commands import (
    bills,
    connect,
    costs,
    demo,
    demo_bill,
    dlq,
    events,
    export,
    ingest,
    invoice,
    platform,
    policy,
    query,
    tables,
    tags,
    tenant,
    token,
    workflow,
)
from infra.commands.errors import CommandError
from shared.errors import OnyxError

app = typer.Typer(
    name="onyx",
    help="Onyx: a cloud bill in, its cost out, exact to the last decimal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help and usage errors: they read the same in a log as on a terminal.
    rich_markup_mode=None,
)
for command in (platform.up, platform.down, platform.status, platform.logs):
    app.command()(command)
app.add_typer(tenant.app, name="tenant")
app.command()(token.token)
app.command()(ingest.ingest)
app.add_typer(bills.app, name="bills")
app.add_typer(invoice.app, name="invoice")
app.add_typer(tags.app, name="tags")
app.add_typer(policy.app, name="policy")
app.add_typer(workflow.app, name="workflow")
app.add_typer(connect.app, name="connect")
app.command()(costs.costs)
app.command()(query.query)
app.command()(tables.tables)
app.add_typer(export.app, name="export")
app.command()(demo.demo)
app.command()(demo_bill.demo_bill)
app.add_typer(events.app, name="events")
app.add_typer(dlq.app, name="dlq")

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. A failure is one line on standard error, and never a traceback.

    Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
    """
    try:
        code = app(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except CommandError as error:
        _fail(str(error), error.exit_code)
    except OnyxError as error:
        _fail(f"{error.detail} ({error.code})", 1)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last resort of a command line: a line, not a traceback
        _fail_usage(error)
        _fail(f"{type(error).__name__}: {error}", 1)


def _fail_usage(error: Exception) -> None:
    """A command that was called wrongly: Typer's own errors, told by what they can do (they are private)."""
    message = getattr(error, "format_message", None)
    if message is None:
        return
    # What a choice of ours says of itself, Typer leads by the class of the error.
    text, code = str(message()).replace("Value error, ", ""), int(getattr(error, "exit_code", 2))
    if "\n" in text:  # no command was named: this is the help
        sys.stderr.write(text + "\n")
        sys.exit(code)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "onyx"
    _fail(f"{text.removeprefix('Invalid value: ')} See `{path} --help`.", code)


def _fail(message: str, code: int) -> None:
    sys.stderr.write("onyx: " + " ".join(message.split()) + "\n")
    sys.exit(code)
