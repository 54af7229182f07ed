"""Manifests: which files a delivery of many is made of, and where those lie in landing.

What a provider's manifest looks like is the provider's (`Provider.manifests`); here is what all have in
common.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.cost_center.domain.findings import reject

MAX_MANIFEST_BYTES = 16 << 20
MAX_FILES = 10_000
_MOST_PLACES = 4
_LONGEST_KEY = 1024
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class NamedFile:
    """A file as the manifest names it: its key in the provider's bucket. Sizes are bytes."""

    path: str
    size: int | None = None
    rows: int | None = None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. None and empty where its form does not say it.

    `columns` are headers. `created` is the provider's own time, which orders deliveries. `totals` is the
    billed cost by currency. `own_files` is whether no other delivery has files of these names (AWS's
    create-new mode); otherwise the next delivery overwrites them.
    """

    files: tuple[NamedFile, ...]
    period: str | None = None
    columns: tuple[str, ...] = ()
    created: datetime | None = None
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    own_files: bool = False


@dataclass(frozen=True)
class ManifestForm:
    """One way in which a provider lays out a delivery. All keys are whole keys of landing.

    `read` gives None where the document is of another form, and raises Rejected for one that is of this form
    and cannot be right. `place` is where a named file lies by the documented layout, seen from the manifest's
    key; None where the manifest's key has not that layout. `manifests_of` are the keys at which the manifest
    of a data file may lie, the likeliest first; empty for a key without the layout.
    """

    name: str
    is_manifest: Callable[[str], bool]
    manifests_of: Callable[[str], Sequence[str]]
    place: Callable[[str, str], str | None]
    read: Callable[[str, Mapping[str, Any]], Manifest | None]


def read_manifest(name: str, text: bytes, forms: Sequence[ManifestForm]) -> tuple[ManifestForm, Manifest]:
    """The manifest and its form. Raises Rejected for what is of none of these forms."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise reject("the manifest is not JSON", file=name, expected="a JSON object") from error
    if not isinstance(document, dict):
        raise reject("the manifest is not a JSON object", file=name, expected="a JSON object")
    for form in forms:
        manifest = form.read(name, document)
        if manifest is not None:
            _demand_plain(name, manifest)
            return form, manifest
    raise reject(
        "the manifest is of no known form",
        file=name,
        expected=" or ".join(form.name for form in forms),
    )


def _demand_plain(name: str, manifest: Manifest) -> None:
    if manifest.period is not None and not _PERIOD.fullmatch(manifest.period):
        raise reject(f"the manifest is of the month {manifest.period!r}", file=name, expected="YYYY-MM")
    if not manifest.files:
        raise reject("the manifest names no file", file=name, expected="at least one")
    if len(manifest.files) > MAX_FILES:
        raise reject(
            f"the manifest names {len(manifest.files)} files", file=name, expected=f"at most {MAX_FILES}"
        )
    seen: set[str] = set()
    for each in manifest.files:
        if not _is_plain(each.path):
            raise reject(
                f"the manifest names {each.path!r}", file=name, expected="a plain path below its export"
            )
        if each.path in seen:
            raise reject(f"the manifest names {each.path!r} twice", file=name, expected="each file once")
        seen.add(each.path)


def _is_plain(path: str) -> bool:
    """Whether it can be the end of a key of S3. JSON may hold halves of characters, which no key has."""
    if {"", ".", ".."} & set(path.split("/")) or any(ord(letter) < 32 for letter in path):
        return False
    try:
        return len(path.encode()) <= _LONGEST_KEY
    except UnicodeEncodeError:
        return False


def places(form: ManifestForm, manifest_key: str, named: str) -> list[str]:
    """Where a named file may lie, the likeliest first. Never outside of the manifest's `<tenant>/<source>/`.

    By the form's layout, if the manifest lies in it. Else each folder of the named path that is also above
    the manifest may be the same folder: the longest common run of folders first; at last the manifest's own.
    """
    known = form.place(manifest_key, named)
    if known is not None:
        return [known] if len(known.encode()) <= _LONGEST_KEY else []
    tenant, source, *folders = manifest_key.split("/")[:-1]
    root = [tenant, source]
    path = named.split("/")
    runs = sorted(
        (-length, at, start)
        for at in range(len(folders))
        for start in range(len(path) - 1)
        if (length := _run(folders[at:], path[start:-1]))
    )
    found = ["/".join([*root, *folders[:at], *path[start:]]) for _, at, start in runs]
    own = "/".join([*root, *folders, path[-1]])
    likely = [*list(dict.fromkeys(found))[:_MOST_PLACES], own]
    return [key for key in likely if len(key.encode()) <= _LONGEST_KEY]


def _run(one: Sequence[str], other: Sequence[str]) -> int:
    """How many folders both begin with."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
