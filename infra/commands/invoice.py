"""`onyx invoice`: the provider's invoice totals, which bills are held against."""

import csv
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.commands import session
from infra.commands.api import Api, Params
from infra.commands.errors import CommandError
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.render import Format, print_rows

PATH = "/v1/cost-center/invoices"
COLUMNS = ("invoice", "billing_account", "billing_period", "currency", "total", "entered_at", "entered_by")
GIVEN = COLUMNS[:5]
MATCH_KEYS = (
    *("invoice", "billing_account", "billing_period", "currency", "rows"),
    *("bill_total", "invoice_total", "difference", "matches"),
)
app = typer.Typer(
    no_args_is_help=True, help="The provider's invoices: `onyx bills show ID` holds a bill against them."
)
Number = Annotated[str, typer.Argument(metavar="INVOICE", help="Its number, as the bill names it.")]
Account = Annotated[str, typer.Option("--account", help="The billing account, as the bill names it.")]
Period = Annotated[str, typer.Option("--period", help="The billing month, YYYY-MM.")]
Currency = Annotated[str, typer.Option("--currency", help="ISO 4217.")]


@app.command(name="set")
def set_(
    number: Number,
    account: Account,
    period: Period,
    total: Annotated[
        str,
        typer.Option(
            "--total",
            help="The invoice's grand total: with tax, support, credits and refunds, as a decimal number.",
        ),
    ],
    currency: Currency = "USD",
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Enter an invoice's total, or another one than before.

    It is the grand total that is compared: a bill's charges on an invoice hold its tax, credits and refunds.
    """
    body = dict(zip(GIVEN[1:], (account, period, currency, total), strict=True))
    api = session.connect(env, port).api(tenant)
    print_rows([api.put(_path(number), body)], fmt, columns=COLUMNS)


@app.command()
def load(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help=f"A csv file with the columns {', '.join(GIVEN)}, in any order."),
    ],
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Enter the totals of many invoices. It can be repeated: what is entered already stays as it is."""
    given = _read(file)
    api = session.connect(env, port).api(tenant)
    print_rows([_put(api, file, line, row) for line, row in given], fmt, columns=COLUMNS)


@app.command(name="list")
def list_(
    period: Annotated[str | None, typer.Option("--period", help="Only of this month, YYYY-MM.")] = None,
    bill: Annotated[
        str | None, typer.Option("--bill", help="This bill's invoices, beside its own sums.")
    ] = None,
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """List the invoices entered; with --bill, those of a bill and whether they match."""
    api = session.connect(env, port).api(tenant)
    if bill is not None:
        answer = api.get(f"/v1/cost-center/bills/{quote(bill, safe='')}/reconciliation")
        print_rows(answer["invoices"], fmt, columns=MATCH_KEYS)
        return
    params: Params = [("billing_period", period)] if period else []
    print_rows(api.rows(PATH, params), fmt, columns=COLUMNS)


@app.command()
def remove(
    number: Number,
    account: Account,
    period: Period,
    currency: Currency = "USD",
    tenant: Tenant = None,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Forget an invoice that was entered wrongly."""
    params: Params = [("billing_account", account), ("billing_period", period), ("currency", currency)]
    gone = session.connect(env, port).api(tenant).delete(_path(number), params)
    print_rows([gone], fmt, columns=COLUMNS)


def _path(number: str) -> str:
    return f"{PATH}/{quote(number, safe='')}"


def _read(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """The rows with their lines; all of them are looked at before the first one is entered."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            rows = [(reader.line_num, row) for row in reader]
            headers = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    if missing := [name for name in GIVEN if name not in headers]:
        raise CommandError(f"{file}: no column {', '.join(missing)}; expected {', '.join(GIVEN)}.")
    for line, row in rows:
        if empty := [name for name in GIVEN if not row[name]]:
            raise CommandError(f"{file}, line {line}: {', '.join(empty)} is empty.")
    return rows


def _put(api: Api, file: Path, line: int, row: dict[str, Any]) -> dict[str, Any]:
    try:
        return api.put(_path(row["invoice"]), {name: row[name] for name in GIVEN[1:]})
    except CommandError as error:
        raise CommandError(f"{file}, line {line}: {error}") from None
