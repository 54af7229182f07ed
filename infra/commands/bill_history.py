"""`onyx bills history` and `onyx bills changes`: what was published when, and what changed."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session
from infra.commands.api import Params
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

BillId = Annotated[str, typer.Argument(metavar="ID", help="The bill, as `onyx bills` names it.")]
HISTORY_KEYS = (
    *("published_at", "status", "rows", "currency", "raw_total", "curated_total"),
    *("kept", "delivery_id", "files"),
)
CHANGE_KEYS = (
    *("service_name", "sub_account_id", "charge_category"),
    *("currency", "before", "after", "difference"),
)


def history(
    context: typer.Context,
    bill_id: BillId,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List every published set of a bill, the newest first.

    A set that is `kept` can still be read: `onyx costs --as-of` its moment.
    """
    tenant, port, env, fmt = _given(context, tenant, port, env, fmt)
    rows = session.connect(env, port).api(tenant).rows(f"{_path(bill_id)}/history")
    if fmt is Format.JSON:
        print_rows(rows, fmt)
        return
    flat = [{**row, **(total or {})} for row in rows for total in (row["totals"] or [None])]
    print_rows(flat, fmt, columns=HISTORY_KEYS)


def changes(
    context: typer.Context,
    bill_id: BillId,
    to: Annotated[
        str | None, typer.Option("--to", help="The set that replaced another, by its published_at.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="An earlier set, by its published_at; else the one before.")
    ] = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Show what a restatement changed, by service, sub-account and charge category.

    Of the last restatement, of the one that `--to` names, or of all between two sets. The largest changes are
    listed, the others summed.
    """
    tenant, port, env, fmt = _given(context, tenant, port, env, fmt)
    params: Params = [(name, value) for name, value in (("to", to), ("from", since)) if value]
    found = session.connect(env, port).api(tenant).get(f"{_path(bill_id)}/changes", params)
    rest = found["count"] - len(found["largest"])
    others = [{"service_name": f"({rest} others)", **each} for each in found["others"]]
    if fmt is Format.TABLE:
        before, after = found["previous"], found["current"]
        typer.echo(f"{bill_id}: published {before['published_at']}, restated {after['published_at']}")
        for each in found["totals"]:
            typer.echo(f"  {each['before']} -> {each['after']} {each['currency']} ({_signed(each)})")
        if not found["known"]:
            typer.echo("  A set before could not be read: only the totals are known.")
    print_rows([*found["largest"], *others], fmt, columns=CHANGE_KEYS)


def _path(bill_id: str) -> str:
    return f"/v1/cost-center/bills/{quote(bill_id, safe='')}"


def _signed(change: dict[str, Any]) -> str:
    text = str(change["difference"])
    return text if text.startswith("-") else f"+{text}"


def _given(
    context: typer.Context, tenant: str | None, port: int, env: str, fmt: Format
) -> tuple[str | None, int, str, Format]:
    """`onyx bills --tenant acme history ID` means the same as the option after ID."""
    if context.parent is None:
        return tenant, port, env, fmt
    told = {
        name: value
        for name, value in context.parent.params.items()
        if (source := context.get_parameter_source(name)) is not None and source.name == "DEFAULT"
    }
    return (
        told.get("tenant", tenant),
        told.get("port", port),
        told.get("env", env),
        told.get("fmt", fmt),
    )
