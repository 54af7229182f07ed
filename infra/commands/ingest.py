"""`onyx ingest`: bill files in, their reconciliation out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from infra.commands import session
from infra.commands.bills import KEYS, print_bills
from infra.commands.bundles import bundles
from infra.commands.landing import UPLOAD_TIMEOUT_SECONDS, Landing, Together, check_source, source_of
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.progress import progress
from infra.commands.render import Format

TIMEOUT_SECONDS = 600.0


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Bill files, or folders of them.")],
    tenant: Tenant = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="The export that the files come from. Default: the file's name without suffixes and dates, "
            "so acme-cur-2026-09.csv.gz is of acme-cur. A bill is a source's billing period: what comes "
            "later for the same period replaces what came before.",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait.")] = TIMEOUT_SECONDS,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Upload bills and print what became of each. A folder with a manifest of AWS or Azure is one
    delivery.

    Reads AWS CUR and CUR 2.0, FOCUS 1.0 to 1.3 and Azure's cost export. Exit code 1 when a bill is rejected
    or a delivery was given up.
    """
    if source is not None:
        check_source(source)
    bills = deliver(session.connect(env, port), paths, tenant, source, timeout)
    print_bills([{key: bill.get(key) for key in KEYS} for bill in bills], fmt)
    if any(bill["status"] == "rejected" for bill in bills):
        raise typer.Exit(1)


def deliver(
    connected: session.Session,
    paths: Sequence[Path],
    tenant: str | None,
    source: str | None,
    timeout: float = TIMEOUT_SECONDS,
) -> list[dict[str, Any]]:
    """Uploads all files, manifests last, then waits for all; the JSON of their bills."""
    together, files = bundles(paths, source)
    api = connected.api(tenant)
    with (
        progress([*files, *(file for each in together for file in (*each.files, *each.manifests))]) as shown,
        httpx.Client(transport=connected.transport, timeout=UPLOAD_TIMEOUT_SECONDS, trust_env=False) as put,
    ):
        landing = Landing(api, put, shown)
        deliveries = [landing.upload(file, source or source_of(file)) for file in files]
        for each in together:
            place = Together(each.folder)
            for file in each.files:
                landing.upload(file, each.source, place)
            # A manifest tells that all is there.
            deliveries += [landing.upload(file, each.source, place) for file in each.manifests]
        return _once(landing.wait(deliveries, timeout))


def _once(bills: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A bill that two copies of a manifest tell of is one."""
    return list(
        {(bill["bill_id"], bill.get("delivery_id", at)): bill for at, bill in enumerate(bills)}.values()
    )
