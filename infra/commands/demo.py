"""`onyx demo`: a tenant with a bill, and what Onyx says about it beside what it must say."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from infra.commands import session
from infra.commands.api import Api, Params
from infra.commands.errors import CommandError
from infra.commands.ingest import deliver
from infra.commands.operator_function import OperatorError
from infra.commands.options import DEFAULT_PORT, Env, Port
from infra.commands.render import Format, print_rows

TENANT = "demo"
TOP = 10
EVERYTHING = "9999"
BILL_COLUMNS = ("bill_id", "status", "rows")


def demo(port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Ingest a made-up bill and show what it cost.

    Three months of a small company, whose answers are known: each is shown beside what Onyx found. The
    tenant is `demo`; a second time changes nothing.
    """
    connected = session.connect(env, port)
    _ensure_tenant(connected)
    bills, answers = _bills(connected)
    _heading(f"Bills of tenant {TENANT}")
    print_rows([{name: bill[name] for name in BILL_COLUMNS} for bill in bills], Format.TABLE)

    totals = answers["totals"]
    known = {period: Decimal(each["billed"]) for period, each in totals["by_period"].items()}
    found = _billed(bills)
    _heading("The bill's total by month: what it must be, what Onyx counts")
    agree = _compare("billing_period", known, found)

    period = max(known)
    _heading(f"Top services of {period} by effective cost: what they must be, what Onyx counts")
    agree &= _compare(
        "service", *_services(connected.api(TENANT), period, totals["by_period_and_service"]), top=TOP
    )
    _heading(_planted(answers))

    _heading("Where to go from here")
    typer.echo("\n".join(_directions(connected)))
    if not agree:
        raise CommandError("Onyx counts something else than the bill holds")


def _ensure_tenant(connected: session.Session) -> None:
    try:
        connected.operate("create_tenant", tenant=TENANT, name="Demo")
    except OperatorError as refused:
        if refused.code != "TENANT_EXISTS":
            raise


def _bills(connected: session.Session) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The bills as Onyx has judged them, and the answer key of the generator."""
    from infra.demo import demonstration  # loads polars, which no other command needs

    with tempfile.TemporaryDirectory(prefix="onyx-demo-") as folder:
        written = demonstration.write(Path(folder))
        bills = deliver(connected, written.files, TENANT, demonstration.SOURCE)
    for bill in bills:
        if bill["status"] == "rejected":
            raise CommandError(f"the demo bill was rejected: {'; '.join(bill['reasons'])}")
    return bills, written.answers


def _billed(bills: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for bill in bills:
        for total in bill["totals"]:
            found[bill["billing_period"]] += Decimal(total["curated_total"])
    return found


def _services(
    api: Api, period: str, key: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What services cost in the period, by their codes: by the key, and by Onyx."""
    params: Params = [
        ("group_by", "x_ServiceCode"),
        ("granularity", "monthly"),
        ("metric", "EffectiveCost"),
        ("limit", EVERYTHING),
    ]
    rows = api.get("/v1/cost-center/costs", params)["rows"]
    found = {
        row["x_ServiceCode"]: Decimal(row["EffectiveCost"])
        for row in rows
        if row["BillingPeriodStart"].startswith(period)
    }
    known = {
        name.partition("/")[2]: Decimal(each["effective"])
        for name, each in key.items()
        if name.partition("/")[0] == period
    }
    return known, found


def _compare(
    name: str, known: Mapping[str, Decimal], found: Mapping[str, Decimal], top: int | None = None
) -> bool:
    """Prints all side by side, or the `top` largest; whether all agree, those not printed, too."""
    names = sorted({*known, *found})
    if top is not None:
        names.sort(key=lambda each: known.get(each, Decimal(0)), reverse=True)
    rows = [
        {
            name: each,
            "must_be": format(known.get(each, Decimal(0)).normalize(), "f"),
            "onyx": format(found.get(each, Decimal(0)).normalize(), "f"),
            "agrees": known.get(each) == found.get(each),
        }
        for each in names
    ]
    print_rows(rows[:top], Format.TABLE)
    return all(row["agrees"] for row in rows)


def _planted(answers: Mapping[str, Any]) -> str:
    anomalies, waste = answers["anomalies"], answers["waste"]
    extra = sum(Decimal(each["expected_extra_cost"]) for each in anomalies)
    saving = sum(Decimal(each["monthly_saving"]) for each in waste)
    return (
        f"Planted in it: {len(anomalies)} anomalies that cost {extra:.2f} USD more than usual, and "
        f"{len(waste)} wasted resources that would save {saving:.2f} USD a month."
    )


def _heading(text: str) -> None:
    typer.echo(f"\n{text}")


def _directions(connected: session.Session) -> Sequence[str]:
    url = connected.platform.url
    at = "" if connected.env == session.LOCAL else f" --env {connected.env}"
    if connected.env == session.LOCAL and connected.port != DEFAULT_PORT:
        at = f" --port {connected.port}"
    sql = "SELECT ServiceName, sum(BilledCost) AS c FROM charges GROUP BY 1 ORDER BY 2 DESC"
    onyx = "onyx" if shutil.which("onyx") else ".venv/bin/onyx"
    lines = [
        f"  API         {url}/v1   (token: {onyx} token --tenant {TENANT}{at})",
        f"  Docs        {url}/v1/docs",
        f"  Ask         {onyx} costs --tenant {TENANT} --group-by tag:team{at}",
        f'              {onyx} query "{sql}" --tenant {TENANT}{at}',
        f"  Your bill   {onyx} tenant create acme{at}",
        f"              {onyx} ingest path/to/bill --tenant acme{at}",
        f"  Any bill    {onyx} demo-bill --rows 1000000 --output bill --answer-key answers.json",
    ]
    if connected.env == session.LOCAL:
        lines.append(f"  Stop        {onyx} down{at}")
    return lines
