"""`onyx query --output`: an answer of any length as a file."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from infra.commands.api import Api
from infra.commands.errors import CommandError, usage
from infra.commands.export import (
    DOWNLOAD_TIMEOUT_SECONDS,
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    WAIT_GROWTH,
    download,
)
from infra.commands.session import Session

PATH = "/v1/query"
FORMATS = {".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow"}


def form_of(output: Path) -> str:
    """The form that a file's name asks for. A usage error for any other, and where its folder is missing."""
    if (form := FORMATS.get(output.suffix.lower())) is None:
        raise usage(f"--output ends with {', '.join(FORMATS)}, not {output.name}.")
    if not output.parent.is_dir():
        raise usage(f"--output: there is no folder {output.parent}.")
    return form


def query_to_file(
    connected: Session, tenant: str | None, body: dict[str, Any], output: Path
) -> dict[str, Any]:
    """Run the query beside, wait for it and fetch it; its record. CommandError where it has no result."""
    api = connected.api(tenant)
    accepted = api.post(PATH, {**body, "format": form_of(output), "async": True})
    done = waited(api, accepted["query_id"])
    with httpx.Client(
        transport=connected.transport, timeout=DOWNLOAD_TIMEOUT_SECONDS, trust_env=False
    ) as fetch:
        download(fetch, done["file"]["url"], output, done["file"]["bytes"])
    return done


def waited(api: Api, query_id: str, *, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """The record once the query is done. It is cancelled when the command is interrupted."""
    path, pause = f"{PATH}/{query_id}", FIRST_WAIT_SECONDS
    try:
        while (found := api.get(path))["status"] == "running":
            sleep(pause)
            pause = min(pause * WAIT_GROWTH, LONGEST_WAIT_SECONDS)
    except BaseException:
        with suppress(CommandError):
            api.delete(path)
        raise
    if found["status"] != "done":
        raise CommandError(f"The query {found['status']}: {found.get('code') or 'no reason is known'}")
    return found
