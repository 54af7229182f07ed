"""`onyx workflow`: run, look at, stop, retry and approve."""

import json
import sys
import time
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session
from infra.commands.api import Api
from infra.commands.errors import CommandError
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows
from infra.commands.workflow_input import PATH, pairs, path_of

RUNS = ("run", "workflow", "version", "status", "trigger", "started_by", "created_at", "ended_at", "failure")
STEPS = ("step", "at", "status", "attempt", "started_at", "ended_at", "failure", "output")
AUDIT = ("seq", "at", "act", "by", "facts", "hash")
APPROVALS = ("approval", "workflow", "run", "step", "message", "decided", "count", "status", "expires_at")
ENDED = frozenset({"succeeded", "failed", "cancelled", "timed_out", "refused"})
_WAIT_SECONDS = 0.5
Run = Annotated[str, typer.Argument(help="The run's id.")]
Workflow = Annotated[str, typer.Argument(help="The workflow's id.")]


def add_to(app: typer.Typer) -> None:
    """The commands about runs, as part of `onyx workflow`."""
    for command in (run, runs, logs, audit, cancel, retry, resolve, approvals, approve):
        app.command()(command)


def run(
    workflow: Workflow,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="NAME=VALUE (JSON, or text); can be repeated.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The same key again is the same run, not another.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended; fails unless it succeeds.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait.")] = 600.0,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Start a run."""
    api = session.connect(env, port).api(tenant)
    body: dict[str, Any] = {"inputs": pairs(inputs or [], "--input")}
    if key is not None:
        body["key"] = key
    started = api.post(f"{path_of(workflow)}/runs", body)
    _finish(api, started["run"], fmt, timeout) if wait else print_rows([started], fmt, columns=RUNS[:4])


def runs(
    workflow: Annotated[str | None, typer.Argument(help="Of this workflow only.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="In this status only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List runs, newest first."""
    params: list[tuple[str, str | int | float | bool | None]] = [("limit", limit)]
    params += [(name, value) for name, value in (("workflow", workflow), ("status", status)) if value]
    page = session.connect(env, port).api(tenant).get(f"{PATH}/runs", params)
    print_rows([_told(each) for each in page["rows"]], fmt, columns=RUNS)


def logs(
    run: Run,
    follow: Annotated[bool, typer.Option("--follow", help="Until the run has ended.")] = False,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Show a run's steps: what each was given, gave, and why it failed."""
    api = session.connect(env, port).api(tenant)
    if follow:
        _until_ended(api, run, timeout=None)
    found = api.get(_path(run))
    print_rows([_told(each) for each in api.rows(f"{_path(run)}/steps")], fmt, columns=STEPS)
    failure = f": {_told(found)['failure']}" if found.get("failure") else ""
    print(f"{run} is {found['status']}{failure}", file=sys.stderr)


def audit(
    run: Run,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Show who did what in a run, and check the chain; a broken one fails the command."""
    found = session.connect(env, port).api(tenant).get(f"{_path(run)}/audit")
    print_rows(found["rows"], fmt, columns=AUDIT)
    if not found["verified"]:
        raise CommandError(f"the audit chain of {run} is broken at entry {found['broken_at']}")
    print(f"verified: {len(found['rows'])} entries", file=sys.stderr)


def cancel(
    run: Run,
    wait: Annotated[bool, typer.Option("--wait", help="Until its on_failure branch has ended too.")] = False,
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Cancel a run: no step begins any more, the execution is stopped, then on_failure runs."""
    api = session.connect(env, port).api(tenant)
    found = api.post(f"{_path(run)}/cancel", {})
    if wait:
        found = _until_ended(api, run, timeout=600.0)
    print(f"{run} is {found['status']}", file=sys.stderr)


def retry(
    run: Run,
    step: Annotated[
        str | None, typer.Option("--from", help="Do this step and what follows it again.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended; fails unless it succeeds.")
    ] = False,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Go on from where a run failed: a new run of the same version, that skips what was done."""
    api = session.connect(env, port).api(tenant)
    started = api.post(f"{_path(run)}/retry", {} if step is None else {"from_step": step})
    _finish(api, started["run"], fmt, 600.0) if wait else print_rows([started], fmt, columns=RUNS[:4])


def resolve(
    run: Run,
    step: Annotated[str, typer.Argument(help="The step whose outcome nobody knows.")],
    done: Annotated[
        bool | None, typer.Option("--done/--not-done", help="Whether its effect happened.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", help="What it gave, as JSON (with --done).")
    ] = None,
    at: Annotated[str, typer.Option("--at", help="In which iteration, as `logs` shows it.")] = "",
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Say what became of a step whose answer was lost and that cannot be repeated."""
    if done is None:
        raise CommandError("say --done or --not-done", exit_code=2)
    body: dict[str, Any] = {"at": at, "done": done}
    if output is not None:
        try:
            body["output"] = json.loads(output, parse_float=str)
        except ValueError as error:
            raise CommandError(f"--output is no JSON: {error}", exit_code=2) from error
    session.connect(env, port).api(tenant).post(f"{_path(run)}/steps/{quote(step, safe='')}/resolve", body)


def approvals(
    tenant: Tenant = None, fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """List what waits for people."""
    rows = session.connect(env, port).api(tenant).rows(f"{PATH}/approvals")
    print_rows(rows, fmt, columns=APPROVALS)


def approve(
    approval: Annotated[str, typer.Argument(help="The approval's id.")],
    reject: Annotated[bool, typer.Option("--reject", help="Reject it: the run fails.")] = False,
    comment: Annotated[str, typer.Option("--comment", help="Why.")] = "",
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Approve what a run waits for, or reject it."""
    api = session.connect(env, port).api(tenant)
    path = f"{PATH}/approvals/{quote(approval, safe='')}/decision"
    found = api.post(path, {"approve": not reject, "comment": comment})
    print_rows([found], fmt, columns=APPROVALS)


def _path(run: str) -> str:
    return f"{PATH}/runs/{quote(run, safe='')}"


def _finish(api: Api, run: str, fmt: Format, timeout: float) -> None:
    found = _until_ended(api, run, timeout)
    print_rows([_told(found)], fmt, columns=RUNS)
    if found["status"] != "succeeded":
        raise CommandError(f"the run is {found['status']}: `onyx workflow logs {run}` says why")


def _until_ended(api: Api, run: str, timeout: float | None) -> dict[str, Any]:
    deadline = None if timeout is None else time.monotonic() + timeout
    shown = ""
    while True:
        found = api.get(_path(run))
        if found["status"] != shown:
            shown = str(found["status"])
            print(f"{run} is {shown}", file=sys.stderr)
        if shown in ENDED:
            return found
        if deadline is not None and time.monotonic() > deadline:
            raise CommandError(
                f"{run} is still {shown}: it goes on, `onyx workflow logs {run} --follow` waits"
            )
        time.sleep(_WAIT_SECONDS)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A failure in one cell."""
    failure = row.get("failure")
    if not isinstance(failure, dict):
        return row
    where = f" in {failure['step']}" if failure.get("step") else ""
    where += f" of {failure['at']}" if failure.get("at") else ""
    return {**row, "failure": f"{failure['code']}{where}: {failure['message']}"}
