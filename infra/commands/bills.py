"""`onyx bills`: what was ingested or rejected, and why."""

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import bill_history, overdue, session
from infra.commands.api import Api
from infra.commands.invoice import MATCH_KEYS
from infra.commands.landing import CHANNEL, why_failed
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

app = typer.Typer(invoke_without_command=True)
app.command()(bill_history.history)
app.command()(bill_history.changes)
# One bill as JSON: the same keys from the API, `onyx bills` and `onyx ingest`.
KEYS = ("bill_id", "source", "format", "billing_period", "files", "rows", "totals", "status", "reasons")
MOST_REASONS = 3
DELIVERIES = ("failed", "retrying", "waiting")
DELIVERY_KEYS = (
    *("delivery_id", "source", "filename", "status"),
    *("attempts", "since", "code", "reason", "message_id"),
)
WAITING_KEYS = ("delivery_id", "source", "filename", "billing_period", "since", "reason", "missing")
MONEY_KEYS = ("currency", "raw_total", "curated_total", "difference")
RECONCILIATION_KEYS = (
    "billing_account",
    "sub_account",
    "billing_period",
    "invoice",
    "currency",
    "raw_total",
    "curated_total",
    "residue",
    "difference",
    "raw_rows",
    "curated_rows",
    "raw_only",
)


@app.callback()
def bills(
    context: typer.Context,
    tenant: Tenant = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            help="ingested, unchanged, restated, rejected or overdue; failed, retrying or waiting lists "
            "deliveries instead.",
        ),
    ] = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List the tenant's bills; `show ID` reconciles one.

    A bill that should have come by now is `overdue`, also one that never came: of a source that is connected,
    or that goes on delivering by itself.
    Deliveries that failed are told below the table (with json and csv: on standard error).
    """
    if context.invoked_subcommand is not None:
        return
    api = session.connect(env, port).api(tenant)
    if status in DELIVERIES:
        columns = WAITING_KEYS if status == "waiting" else DELIVERY_KEYS
        print_rows([_delivery_row(one, columns) for one in _deliveries(api, status)], fmt, columns=columns)
        return
    print_bills(overdue.listed(api, status), fmt)
    if status is None:
        _tell_failed(api, fmt)


@app.command()
def show(
    context: typer.Context,
    bill_id: Annotated[str, typer.Argument(metavar="ID", help="The bill, as `onyx bills` names it.")],
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Reconcile one bill. Raw against curated, per account, sub-account, period, invoice and currency.

    Then its invoices, beside the totals that `onyx invoice set` entered (csv: `onyx invoice list --bill`).
    """
    if context.parent is not None:  # `onyx bills --tenant acme show ID` means the same as the option after ID
        given = {
            name: value
            for name, value in context.parent.params.items()
            if (source := context.get_parameter_source(name)) is not None and source.name == "DEFAULT"
        }
        tenant, port, env = (given.get("tenant", tenant), given.get("port", port), given.get("env", env))
        fmt = given.get("fmt", fmt)
    api = session.connect(env, port).api(tenant)
    path = f"/v1/cost-center/bills/{quote(bill_id, safe='')}"
    bill = api.get(path)
    answer = api.get(f"{path}/reconciliation")
    if fmt is Format.JSON:
        found = {"rows": answer["rows"], "invoices": answer.get("invoices") or []}
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if fmt is Format.TABLE:
        typer.echo(f"{bill['bill_id']}: {overdue.status_of(bill)}, {bill.get('format') or 'format unknown'}")
        for reason in _reasons(bill):
            typer.echo(f"  {reason}")
    print_rows(answer["rows"], fmt, columns=RECONCILIATION_KEYS)
    if fmt is Format.TABLE and (invoices := answer.get("invoices")):
        typer.echo("\nInvoices:")
        print_rows(invoices, fmt, columns=MATCH_KEYS)


def print_bills(bills: list[dict[str, Any]], fmt: Format) -> None:
    """JSON: one object per bill. Csv: one row per bill and currency. A table leaves out what the id says, and
    tells the reasons below: they are sentences, and many."""
    if fmt is Format.JSON:
        print_rows(bills, fmt)
        return
    hidden = {"totals"} if fmt is Format.CSV else {"totals", "source", "billing_period", "files", "reasons"}
    columns = [key for key in KEYS if key not in hidden]
    at = columns.index("status")
    rows = [
        {**bill, **(total or {}), "status": overdue.status_of(bill), "reasons": _reasons(bill)}
        for bill in bills
        for total in (bill.get("totals") or [None])
    ]
    print_rows(rows, fmt, columns=[*columns[:at], *MONEY_KEYS, *columns[at:]])
    if fmt is Format.TABLE:
        _tell_reasons(bills)


def _tell_reasons(bills: list[dict[str, Any]]) -> None:
    for bill in bills:
        reasons = _reasons(bill)
        if not reasons:
            continue
        typer.echo(f"\n{bill['bill_id']}: {overdue.status_of(bill)}")
        for reason in reasons[:MOST_REASONS]:
            typer.echo(f"  {reason}")
        if (more := len(reasons) - MOST_REASONS) > 0:
            typer.echo(f"  and {more} more: onyx bills show {bill['bill_id']}")


def _deliveries(api: Api, status: str) -> list[dict[str, Any]]:
    return api.rows("/v1/cost-center/deliveries", [("status", status)])


def _delivery_row(delivery: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    told = {**delivery, **(delivery.get("failure") or {}), **(delivery.get("waiting") or {})}
    return {key: told.get(key) for key in columns}


def _tell_failed(api: Api, fmt: Format) -> None:
    """Deliveries that no bill tells of, because they never came so far."""
    failed = _deliveries(api, "failed")
    if not failed:
        return
    many = "1 delivery" if len(failed) == 1 else f"{len(failed)} deliveries"
    lines = [f"{many} failed (`onyx dlq show {CHANNEL}`, and `onyx dlq redrive {CHANNEL}` once mended):"]
    for one in failed:
        since = (one.get("failure") or {}).get("since", "unknown")
        lines.append(f"  {one['source']}/{one['filename']}, since {since}: {why_failed(one)}")
    for line in lines:
        typer.echo(line, err=fmt is not Format.TABLE)


def _reasons(bill: dict[str, Any]) -> list[str]:
    """The bill's own, and those of a delivery that was refused after what is published."""
    later = bill.get("last_rejection") or {}
    kept = bill.get("quarantine") or later.get("quarantine")
    return [
        *overdue.reasons_of(bill),
        *(bill.get("reasons") or []),
        *(f"a later delivery was rejected: {reason}" for reason in later.get("reasons") or []),
        *([f"the refused files are kept in {kept}"] if kept else []),
    ]
