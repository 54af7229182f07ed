"""`onyx export`: the tenant's charges as a file that others read."""

import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from infra.commands import session
from infra.commands.api import Api
from infra.commands.errors import CommandError, usage
from infra.commands.options import DEFAULT_PORT, Env, OutputFormat, Port, Tenant
from infra.commands.progress import Bars, Lines, progress
from infra.commands.render import Format, print_rows

app = typer.Typer(no_args_is_help=True, help="Export charges to a file.")

PATH = "/v1/cost-center/exports"
TIMEOUT_SECONDS = 1800.0
DOWNLOAD_TIMEOUT_SECONDS = 300.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, WAIT_GROWTH = 0.2, 2.0, 1.4
COLUMNS = (
    "file",
    "currency",
    "billed_cost",
    "effective_cost",
    "list_cost",
    "contracted_cost",
    "rows",
    "bytes",
)
_MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])")
_FORMATS = {".csv": "csv", ".parquet": "parquet"}


@app.callback()
def export() -> None:
    """Export charges to a file."""


@app.command()
def focus(
    period: Annotated[
        str, typer.Option("--period", help="A billing month, YYYY-MM, or two: 2026-07..2026-09.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .csv or .parquet file.")],
    tenant: Tenant = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait.")] = TIMEOUT_SECONDS,
    fmt: OutputFormat = Format.TABLE,
    port: Port = DEFAULT_PORT,
    env: Env = "local",
) -> None:
    """Write the charges of billing months as FOCUS 1.2.

    FOCUS metadata (version, schema, totals) goes beside the file, as <output>.metadata.json. A file that is
    there already is replaced when the new one is whole. Exit code 1 when there is nothing to export.
    """
    body = wanted(period, output)
    connected = session.connect(env, port)
    api = connected.api(tenant)
    with (
        progress() as shown,
        httpx.Client(
            transport=connected.transport, timeout=DOWNLOAD_TIMEOUT_SECONDS, trust_env=False
        ) as fetch,
    ):
        done = waited(api, api.post(PATH, body), timeout, output, shown)
        download(fetch, done["file"]["url"], output, done["bytes"])
        download(fetch, done["metadata"]["url"], Path(f"{output}.metadata.json"), None)
        shown.done(output, f"{done['rows']} rows")
    common = {"file": str(output), "rows": done["rows"], "bytes": done["bytes"]}
    print_rows([{**common, **total} for total in done["totals"]] or [common], fmt, columns=COLUMNS)


def wanted(period: str, output: Path) -> dict[str, str]:
    """The body of the request. A usage error for what is no month, and for an unknown kind of file."""
    first, _, last = period.partition("..")
    if not all(_MONTH.fullmatch(each) for each in (first, last or first)):
        raise usage(f"--period is YYYY-MM or YYYY-MM..YYYY-MM, not {period}.")
    if (kind := _FORMATS.get(output.suffix.lower())) is None:
        raise usage(f"--output ends with {' or '.join(_FORMATS)}, not {output.name}.")
    if not output.parent.is_dir():
        raise usage(f"--output: there is no folder {output.parent}.")
    months = {"period": first} if not last else {"from": first, "to": last}
    return {**months, "format": kind, "version": "1.2"}


def waited(
    api: Api,
    job: dict[str, Any],
    timeout: float,
    output: Path,
    shown: Lines | Bars,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """The job once it is done. CommandError when it failed or is not done in time."""
    deadline, pause = monotonic() + timeout, FIRST_WAIT_SECONDS
    shown.working(output, "asked for, waiting for its rows")
    while True:
        found = api.get(f"{PATH}/{job['export_id']}")
        if found["status"] == "done":
            return found
        if found["status"] == "failed":
            raise CommandError(f"The export failed: {found['reason']}")
        if (left := deadline - monotonic()) <= 0:
            raise CommandError(
                f"Not done after {timeout:g} s. Onyx goes on with it: the same command finds it again."
            )
        sleep(min(pause, left))
        pause = min(pause * WAIT_GROWTH, LONGEST_WAIT_SECONDS)


def download(fetch: httpx.Client, url: str, target: Path, size: int | None) -> None:
    """Into a new file beside `target`, which takes its place when it is whole."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file, fetch.stream("GET", url) as answer:
            if not answer.is_success:
                raise CommandError(f"{target}: the download was refused: HTTP {answer.status_code}")
            for chunk in answer.iter_bytes():
                file.write(chunk)
        if size is not None and made.stat().st_size != size:
            raise CommandError(f"{target}: {made.stat().st_size} bytes came of {size}")
        made.chmod(0o644)
        made.replace(target)
    except httpx.TransportError as error:
        raise CommandError(f"{target}: the download failed: {error or type(error).__name__}") from None
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror or error}") from None
    finally:
        made.unlink(missing_ok=True)
