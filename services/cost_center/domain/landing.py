"""Where deliveries land: `<tenant>/<source>/<anything>`, and how a bill and a delivery are named."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from shared.errors import BadRequest, PoisonMessage
from shared.ids import deterministic_id
from shared.tenancy import TenantId, tenant_id

_SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
UNKNOWN_SOURCE = "unknown"
"""The source of a delivery whose key names none. It can only be rejected."""


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


def upload_key(tenant: TenantId, source: str, upload_id: str, filename: str) -> str:
    """The landing key of an upload. BadRequest for a bad source or a file name that is a path."""
    if not valid_source(source):
        raise BadRequest(
            "source must be lower case letters, digits and dashes, at most 63", code="INVALID_SOURCE"
        )
    if not filename or "/" in filename or "\\" in filename or filename in {".", ".."} or len(filename) > 255:
        raise BadRequest("filename must be a plain file name", code="INVALID_FILENAME")
    if any(ord(character) < 32 for character in filename):
        raise BadRequest("filename must not have control characters", code="INVALID_FILENAME")
    return f"{tenant}/{source}/{upload_id}/{filename}"


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
