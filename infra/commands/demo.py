"""`onyx demo`: a tenant with a bill, and what Onyx says about it."""

import shutil
from collections.abc import Sequence

import typer

from infra.commands import session
from infra.commands.api import Params
from infra.commands.bills import RECONCILIATION_KEYS
from infra.commands.errors import CommandError
from infra.commands.ingest import deliver
from infra.commands.operator_function import OperatorError
from infra.commands.options import DEFAULT_PORT, Env, Port
from infra.commands.render import Format, print_rows
from infra.demo.bill import FILE, PERIOD, SOURCE

TENANT = "demo"
TOP = 10
TOTALS = ("billing_account", "currency", "raw_total", "curated_total", "residue", "difference", "raw_rows")


def demo(port: Port = DEFAULT_PORT, env: Env = "local") -> None:
    """Ingest a made-up bill and show what it cost.

    The tenant is `demo`; a second time changes nothing.
    """
    connected = session.connect(env, port)
    _ensure_tenant(connected)
    (bill,) = deliver(connected, [FILE], TENANT, SOURCE)
    if bill["status"] == "rejected":
        raise CommandError(f"the demo bill was rejected: {'; '.join(bill['reasons'])}")
    _heading(f"Bill {bill['bill_id']} of tenant {TENANT}: {bill['status']}, {bill['rows']} rows")

    api = connected.api(TENANT)
    _heading(f"Top services of {PERIOD} by effective cost")
    params: Params = [
        ("group_by", "ServiceName"),
        ("granularity", "monthly"),
        ("metric", "EffectiveCost"),
        ("order", "-EffectiveCost"),
        ("limit", str(TOP)),
    ]
    print_rows(api.get("/v1/cost-center/costs", params)["rows"], Format.TABLE)

    _heading("Reconciliation: the bill's own sum against what Onyx counts")
    rows = api.get(f"/v1/cost-center/bills/{bill['bill_id']}/reconciliation")["rows"]
    print_rows(rows, Format.TABLE, columns=[key for key in RECONCILIATION_KEYS if key in TOTALS])

    _heading("Where to go from here")
    typer.echo("\n".join(_directions(connected)))


def _ensure_tenant(connected: session.Session) -> None:
    try:
        connected.operate("create_tenant", tenant=TENANT, name="Demo")
    except OperatorError as refused:
        if refused.code != "TENANT_EXISTS":
            raise


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
    ]
    if connected.env == session.LOCAL:
        lines.append(f"  Stop        {onyx} down{at}")
    return lines
