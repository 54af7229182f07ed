"""`onyx workflow`: define workflows, and see what there is. Runs are in `workflow_runs`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session, workflow_runs, workflow_settings
from infra.commands.api import Api
from infra.commands.errors import CommandError
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows
from infra.commands.workflow_input import PATH, pairs, path_of, read

COLUMNS = ("workflow", "title", "version", "state", "triggers", "updated_by", "updated_at")
FINDINGS = ("line", "column", "path", "code", "message")
TRACE = ("at", "step", "kind", "outcome", "seconds", "input", "output")
app = typer.Typer(no_args_is_help=True, help="Workflows: triggers, steps, runs, approvals.")
workflow_runs.add_to(app)
workflow_settings.add_to(app)
Workflow = Annotated[str, typer.Argument(help="The workflow's id.")]
File = Annotated[Path, typer.Argument(help="A definition: YAML or JSON; - for standard input.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Default: the current one.")]


@app.command()
def apply(
    file: File,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Publish a definition: new runs are of it, runs that go on stay with theirs."""
    source = read(file)
    api = session.connect(env, port).api(tenant)
    checked = _checked(api, source, fmt)
    done = api.put(path_of(checked["workflow"]), {"source": source})
    print_rows([done], fmt, columns=("workflow", "version", "status"))
    for hook in done.get("hooks", []):
        print(f"webhook {hook['trigger']}: POST {hook['path']}", file=sys.stderr)
        if hook.get("secret"):
            print(f"  its secret, shown once: {hook['secret']}", file=sys.stderr)


@app.command()
def check(
    file: File,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Check a definition, and say what a run of it takes. Nothing is published."""
    found = _checked(session.connect(env, port).api(tenant), read(file), fmt)
    print_rows([found["estimate"]], fmt)


@app.command(name="dry-run")
def dry_run(
    file: File,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="NAME=VALUE (JSON, or text); can be repeated.")
    ] = None,
    event: Annotated[Path | None, typer.Option("--event", help="A file with the event, as JSON.")] = None,
    stubs: Annotated[
        list[str] | None, typer.Option("--stub", help="STEP=JSON: what that step's action gives.")
    ] = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Walk a definition with stubbed actions: which steps run, with what input."""
    api = session.connect(env, port).api(tenant)
    source = read(file)
    _checked(api, source, fmt)
    body: dict[str, Any] = {
        "source": source,
        "inputs": pairs(inputs or [], "--input"),
        "stubs": pairs(stubs or [], "--stub"),
    }
    if event is not None:
        body["event"] = _json(event)
    done = api.post(f"{PATH}/dry-run", body)
    print_rows(done["steps"], fmt, columns=TRACE)
    print(f"the run would be {done['status']}", file=sys.stderr)


@app.command(name="list")
def list_(
    tenant: Tenant = None, fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """List the tenant's workflows."""
    print_rows(session.connect(env, port).api(tenant).rows(PATH), fmt, columns=COLUMNS)


@app.command()
def show(
    workflow: Workflow,
    version: Version = None,
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Print a version's definition, as it was applied."""
    found = session.connect(env, port).api(tenant).get(path_of(workflow), _of(version))
    print(found["source"], end="" if found["source"].endswith("\n") else "\n")


@app.command()
def versions(
    workflow: Workflow,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List a workflow's versions, newest first."""
    rows = session.connect(env, port).api(tenant).rows(f"{path_of(workflow)}/versions")
    print_rows(rows, fmt, columns=("version", "published_by", "published_at", "runnable"))


@app.command(name="export-asl")
def export_asl(
    workflow: Workflow,
    version: Version = None,
    tenant: Tenant = None,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Print the Amazon States Language that a version was compiled to."""
    found = session.connect(env, port).api(tenant).get(f"{path_of(workflow)}/asl", _of(version))
    print(json.dumps(found["asl"], indent=2, ensure_ascii=False))


@app.command()
def pause(workflow: Workflow, tenant: Tenant = None, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Let no trigger start it. Runs that go on, go on."""
    session.connect(env, port).api(tenant).post(f"{path_of(workflow)}/pause", {})


@app.command()
def resume(workflow: Workflow, tenant: Tenant = None, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Let triggers start it again."""
    session.connect(env, port).api(tenant).post(f"{path_of(workflow)}/resume", {})


@app.command()
def delete(workflow: Workflow, tenant: Tenant = None, port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Delete a workflow. Runs that go on end as they would; what ran stays on record."""
    session.connect(env, port).api(tenant).delete(path_of(workflow))


@app.command()
def actions(
    tenant: Tenant = None, fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """List what a step can do."""
    rows = session.connect(env, port).api(tenant).rows(f"{PATH}/actions")
    print_rows(rows, fmt, columns=("action", "title", "idempotency", "role", "inputs"))


@app.command()
def templates(
    name: Annotated[str | None, typer.Argument(help="Print this one.")] = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List the templates to begin with, or print one."""
    api = session.connect(env, port).api(tenant)
    if name is None:
        print_rows(api.rows(f"{PATH}/templates"), fmt, columns=("template", "title", "description"))
        return
    print(api.get(f"{PATH}/templates/{quote(name, safe='')}")["source"], end="")


def _json(file: Path) -> Any:
    try:
        return json.loads(read(file), parse_float=str)
    except ValueError as error:
        raise CommandError(f"{file} is no JSON: {error}") from error


def _checked(api: Api, source: str, fmt: Format) -> dict[str, Any]:
    """What the platform reads in a definition; with findings, it prints them and the command fails."""
    found = api.post(f"{PATH}/check", {"source": source})
    if found["findings"]:
        print_rows(found["findings"], fmt, columns=FINDINGS)
        count = len(found["findings"])
        raise CommandError(
            f"the definition has {count} fault{'s' if count > 1 else ''}: nothing was published"
        )
    return found


def _of(version: int | None) -> list[tuple[str, str | int | float | bool | None]]:
    return [] if version is None else [("version", version)]
