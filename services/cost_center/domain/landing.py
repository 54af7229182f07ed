"""Where deliveries land: `<tenant>/<source>/<anything>`, and how a bill and a delivery are named."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from shared.clock import iso
from shared.errors import BadRequest, PoisonMessage
from shared.ids import deterministic_id
from shared.tenancy import TenantId, tenant_id

_SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
UNKNOWN_SOURCE = "unknown"
"""The source of a delivery whose key names none. It can only be rejected."""
QUARANTINE = ".quarantine"
"""The folder of a tenant's refused files; no source can be called so."""
QUARANTINE_TAG = ("onyx", "quarantine")
"""The tag of refused files, by which they expire."""
SOURCE_MODIFIED = "onyx-source-modified"
"""Object metadata: when the source's object was made (ISO 8601). Who copies a delivery sets it, so that
copies that are made in another order keep the order of the originals."""
TOGETHER = "delivery"
"""The folder below an upload's id for files of one delivery: none of them is a bill by itself."""
_UPLOAD = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UPLOADED_TOGETHER = re.compile(rf"[^/]+/[^/]+/{_UPLOAD}/{TOGETHER}/.+")
_LONGEST_KEY = 1024


@dataclass(frozen=True)
class LandedObject:
    """An object of the landing bucket, as its event names it. Sizes are bytes; the key is not url-encoded."""

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str | None = None

    @property
    def delivery_id(self) -> str:
        """The same bytes put once are one delivery, however often the event comes."""
        return deterministic_id(self.bucket, self.key, self.version_id or self.etag)

    @property
    def is_folder(self) -> bool:
        """Consoles and sync tools make empty objects that only draw a folder."""
        return self.key.endswith("/") and self.size == 0


@dataclass(frozen=True)
class Seen:
    """An object of the landing bucket as it is there, and when that version was put."""

    object: LandedObject
    modified: datetime


def order_of(landed: LandedObject, versions: Sequence[Seen] = (), landed_at: datetime | None = None) -> str:
    """Orders deliveries of one moment (S3's clock has whole seconds), the same whoever comes first.

    An upload's key holds an id that sorts by time, so the later upload is the later delivery. `versions` are
    those of the object's key, the newest first, as S3 lists them whatever their second: of two puts to one
    key the later is the later delivery. (The `sequencer` of the put's event says the same, but no sweep that
    announces a put again has it.) Where a manifest's own time is the same as another's, the one that landed
    later (`landed_at`) is the later.
    """
    own = next((each for each in versions if each.object.delivery_id == landed.delivery_id), None)
    put = ""
    if own is not None:
        before = versions[versions.index(own) + 1 :]
        put = f"{iso(own.modified)}.{sum(each.modified == own.modified for each in before):04d}"
    return "\n".join([*([] if landed_at is None else [iso(landed_at)]), landed.key, put, landed.delivery_id])


@dataclass(frozen=True)
class LandingPlace:
    """What a landing key says. `problem` is why it cannot be ingested, if so."""

    tenant: TenantId
    source: str
    filename: str
    problem: str | None = None


def parse_key(key: str) -> LandingPlace:
    """The tenant and source of a landing key. PoisonMessage where not even the tenant can be told."""
    tenant_text, _, rest = key.partition("/")
    try:
        tenant = tenant_id(tenant_text)
    except BadRequest as error:
        raise PoisonMessage(f"the key {key!r} does not begin with a tenant id: nobody's bill") from error
    source, _, path = rest.partition("/")
    filename = key.rsplit("/", 1)[-1] or source
    if not path:
        problem = "the key must be <tenant>/<source>/<file>: a source is missing"
        return LandingPlace(tenant, UNKNOWN_SOURCE, filename, problem)
    if not valid_source(source):
        problem = f"the source {source!r} is not lower case letters, digits and dashes (at most 63)"
        return LandingPlace(tenant, UNKNOWN_SOURCE, filename, problem)
    return LandingPlace(tenant, source, filename)


def valid_source(source: str) -> bool:
    return _SOURCE.fullmatch(source) is not None


def upload_key(
    tenant: TenantId, source: str, upload_id: str, filename: str, folder: str | None = None
) -> str:
    """The landing key of an upload; with `folder` (which may be empty) that of one file of several.

    Raises BadRequest for a bad source, a file name that is a path, and a folder that is no plain one below.
    """
    if not valid_source(source):
        raise BadRequest(
            "source must be lower case letters, digits and dashes, at most 63", code="INVALID_SOURCE"
        )
    if not filename or "/" in filename or "\\" in filename or filename in {".", ".."} or len(filename) > 255:
        raise BadRequest("filename must be a plain file name", code="INVALID_FILENAME")
    if any(ord(character) < 32 for character in filename):
        raise BadRequest("filename must not have control characters", code="INVALID_FILENAME")
    if folder is None:
        return f"{tenant}/{source}/{upload_id}/{filename}"
    if not _is_uuid(upload_id):
        raise BadRequest("upload_id must be the one that an earlier upload was given", code="INVALID_UPLOAD")
    steps = folder.split("/") if folder else []
    if {"", ".", ".."} & set(steps) or "\\" in folder or any(ord(character) < 32 for character in folder):
        raise BadRequest("folder must be a plain relative path, such as a/b", code="INVALID_FOLDER")
    key = "/".join((tenant, source, upload_id, TOGETHER, *steps, filename))
    if len(key.encode()) > _LONGEST_KEY:
        raise BadRequest(f"the key would have more than {_LONGEST_KEY} bytes", code="INVALID_FOLDER")
    return key


def uploaded_together(key: str) -> bool:
    """Whether the key is of an upload of several files, which are nothing without their manifest."""
    return _UPLOADED_TOGETHER.fullmatch(key) is not None


def quarantine_folder(tenant: TenantId, delivery_id: str) -> str:
    """Where the files of a refused delivery are kept: a key prefix, with its slash."""
    return f"{tenant}/{QUARANTINE}/{delivery_id}/"


def in_quarantine(key: str) -> bool:
    return key.split("/")[1:2] == [QUARANTINE]


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def bill_id(source: str, billing_period: str) -> str:
    """The id of a bill: `<source>.<YYYY-MM>`."""
    if not _PERIOD.fullmatch(billing_period):
        raise ValueError(f"not a billing period: {billing_period!r}")
    return f"{source}.{billing_period}"


def unreadable_bill_id(source: str, delivery_id: str) -> str:
    """The id under which a delivery is kept whose billing period cannot be known."""
    return f"{source}.unreadable-{delivery_id[:12]}"


def billing_period(start: datetime | date) -> str:
    """`2026-09` for the start of a billing period (UTC)."""
    return f"{start.year:04d}-{start.month:02d}"
