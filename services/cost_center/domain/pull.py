"""What a pull takes from a customer's bucket, in which order, and where it puts it.

The contract with who ingests deliveries:

- landing key = `<tenant>/<source>/` + the key relative to the connection's prefix. Our template makes the
  export's prefix `<tenant>/<source>`, so that there a manifest names its files by their very landing keys;
  of an export that existed before, each landing key ends like the named one after its first folders.
- of each billing period the newest manifest only, and of that the files that it names;
- data files first, in the manifest's order, and the manifest LAST: a delivery whose manifest has landed is
  whole, and one whose manifest has not is not.
- the manifest's object carries the metadata `onyx-bucket` and `onyx-prefix`: where it came from.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.cost_center.domain.connection import Place, PullFailed
from shared.tenancy import TenantId

MANIFEST = "-Manifest.json"
MAX_MANIFEST_BYTES = 16 << 20
MAX_FILES = 10_000
_PERIODS = (
    re.compile(r"/BILLING_PERIOD=(\d{4})-(0[1-9]|1[0-2])/", re.IGNORECASE),
    re.compile(r"/(\d{4})(0[1-9]|1[0-2])01-\d{8}/"),
)
_ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""What a log or a listing would be broken by, and what is no character at all."""
_LONGEST_KEY = 1024


@dataclass(frozen=True)
class SourceObject:
    """An object in the customer's bucket. The ETag is without quotes; sizes are bytes."""

    key: str
    etag: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Progress:
    """How far the newest manifest of one period was pulled: its first `copied` files, and itself if `done`.

    `size` counts the bytes. `version` is that of the row.
    """

    period: str
    manifest: str
    etag: str
    copied: int = 0
    size: int = 0
    done: bool = False
    version: int | None = None

    def is_of(self, found: SourceObject) -> bool:
        return (self.manifest, self.etag) == (found.key, found.etag)


def period_of(key: str) -> str | None:
    """The billing period (`2026-10`) that a manifest's key names, by either layout of AWS."""
    for form in _PERIODS:
        if found := form.search(key):
            return f"{found[1]}-{found[2]}"
    return None


def newest_by_period(found: Iterable[SourceObject]) -> dict[str, SourceObject]:
    """The manifest to pull of each period, in order of the periods.

    AWS keeps copies of a manifest beside each version's files; of equal age the outermost counts.
    """
    newest: dict[str, SourceObject] = {}
    for each in found:
        period = period_of(each.key) if each.key.endswith(MANIFEST) else None
        if period and (period not in newest or _age(each) > _age(newest[period])):
            newest[period] = each
    return dict(sorted(newest.items()))


def _age(each: SourceObject) -> tuple[datetime, int]:
    return each.modified, -each.key.count("/")


def named_files(text: bytes, manifest: str, place: Place) -> Sequence[str]:
    """The keys that a manifest names, in its order.

    Reads `reportKeys` (Cost and Usage Report) or `dataFiles` (Data Exports: `s3://` URLs or keys). Raises
    PullFailed for what is no manifest, and for a file outside of the connection's place.
    """
    try:
        read: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PullFailed(f"{manifest}: the manifest is not JSON") from error
    named = None
    if isinstance(read, dict):
        named = read.get("reportKeys", read.get("dataFiles"))
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise PullFailed(f"{manifest}: expected a list of files in reportKeys or dataFiles, found none")
    if len(named) > MAX_FILES:
        raise PullFailed(f"{manifest}: names {len(named)} files; at most {MAX_FILES} are taken")
    keys = [_key(each, manifest, place) for each in named]
    if len(set(keys)) != len(keys):
        raise PullFailed(f"{manifest}: names a file twice")
    return keys


def _key(named: str, manifest: str, place: Place) -> str:
    if named.startswith("s3://"):
        bucket, _, key = named.removeprefix("s3://").partition("/")
        if bucket != place.bucket:
            raise PullFailed(f"{manifest}: names a file of another bucket, {bucket}")
    else:
        key = named
    if not key.startswith(place.folder):
        key = key.removeprefix("/")  # so AWS writes keys below a prefix that begins with a slash
    if not key.startswith(place.folder):
        raise PullFailed(f"{manifest}: names {key!r}, which is not below {place.folder}")
    if {"", ".", ".."} & set(key.split("/")) or _ODD.search(key):
        raise PullFailed(f"{manifest}: names {key!r}, which is no plain path")
    if key.endswith(MANIFEST):
        raise PullFailed(f"{manifest}: names a manifest, {key!r}, among its files")
    return key


def landing_key(tenant: TenantId, source: str, place: Place, key: str) -> str:
    """Where an object of the customer's bucket lands. Raises PullFailed for a key that S3 would not take."""
    made = f"{tenant}/{source}/{key.removeprefix(place.prefix).lstrip('/')}"
    if len(made.encode()) > _LONGEST_KEY:
        raise PullFailed(f"the landing key of {key!r} has more than {_LONGEST_KEY} bytes")
    return made
