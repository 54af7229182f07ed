"""`onyx policy`: which rows of the tenant's tables a user sees."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session
from infra.commands.errors import usage
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

PATH = "/v1/query/policies"
COLUMNS = ("subject", "rows", "version", "set_by", "set_at")
SETTINGS = ("default", "cost_center_tag")
app = typer.Typer(no_args_is_help=True, help="Row policies: which rows of the tables a user sees.")
Subject = Annotated[str, typer.Argument(help="The user, by the `sub` of their token.")]


@app.command(name="list")
def list_(
    tenant: Tenant = None, fmt: OutputFormat = Format.TABLE, port: Port = DEFAULT_PORT, env: Env = "local"
) -> None:
    """List the tenant's row policies."""
    rows = session.connect(env, port).api(tenant).rows(PATH)
    print_rows([_row(each) for each in rows], fmt, columns=COLUMNS)


@app.command()
def show(
    subject: Subject,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Show one user's row policy; of `me`, your own."""
    found = session.connect(env, port).api(tenant).get(_path(subject))
    print_rows([_row(found)], fmt, columns=COLUMNS if "version" in found else COLUMNS[:2])


@app.command(name="set")
def set_(
    subject: Subject,
    accounts: Annotated[
        list[str] | None, typer.Option("--account", help="A sub-account; can be repeated.")
    ] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="KEY=VALUE; can be repeated.")] = None,
    cost_centers: Annotated[
        list[str] | None, typer.Option("--cost-center", help="A cost center; can be repeated.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all-conditions", help="A row meets each kind of condition, not any of them.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="All rows: where users without a policy see none.")
    ] = False,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Set which rows a user sees, from the next query on and whatever their roles."""
    body: dict[str, Any] = {
        "match": "all" if every else "any",
        "sub_accounts": accounts or [],
        "tags": _tags(tags or []),
        "cost_centers": cost_centers or [],
        "everything": everything,
    }
    found = session.connect(env, port).api(tenant).put(_path(subject), body)
    print_rows([_row(found)], fmt, columns=COLUMNS)


@app.command()
def delete(
    subject: Subject,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Remove a user's row policy, and print what it was."""
    found = session.connect(env, port).api(tenant).delete(_path(subject))
    print_rows([_row(found)], fmt, columns=COLUMNS)


@app.command()
def default(
    rule: Annotated[str, typer.Argument(metavar="allow|deny", help="What a user without a policy sees.")],
    cost_center_tag: Annotated[
        str, typer.Option("--cost-center-tag", help="The tag that names the cost center.")
    ] = "cost_center",
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Say what a user without a policy sees: all rows (allow) or none (deny)."""
    if rule not in ("allow", "deny"):
        raise usage("the rule is allow or deny.")
    body = {"default": rule, "cost_center_tag": cost_center_tag}
    print_rows([session.connect(env, port).api(tenant).put(PATH, body)], fmt, columns=SETTINGS)


def _path(subject: str) -> str:
    return f"{PATH}/{quote(subject, safe='')}"


def _tags(given: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in given:
        key, sign, value = each.partition("=")
        if not key or not sign:
            raise usage(f"--tag {each!r} is no KEY=VALUE.")
        found.setdefault(key, []).append(value)
    return found


def _row(policy: dict[str, Any]) -> dict[str, Any]:
    """The conditions in one cell."""
    if policy["everything"]:
        return {**policy, "rows": "everything"}
    kinds = {"account": policy["sub_accounts"], **policy["tags"], "cost center": policy["cost_centers"]}
    parts = [f"{name} {' | '.join(values)}" for name, values in kinds.items() if values]
    between = " and " if policy["match"] == "all" else " or "
    return {**policy, "rows": between.join(parts) or "nothing"}
