"""A tenant's connection to an AWS account that delivers bills: what it is, where it reads, and if it may.

The customer deploys a template of ours (see `connection_template`) in the account. It makes a bucket, an
export into it, and a role that Onyx assumes with the tenant's external id to read that bucket and nothing
else. One connection is one source: its id is the source's name.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.cost_center.domain.landing import valid_source
from shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from shared.tenancy import TenantId

STACK_REGION = "us-east-1"
"""Where billing data is exported from; CloudFormation knows the two export types there only."""
ROLE_PREFIX = "onyx-bills-"
"""Onyx's functions may assume roles of this name only, so that a role given here can be none of its own."""
_ACCOUNT = re.compile(r"\d{12}")
_ROLE = re.compile(r"arn:(aws|aws-cn|aws-us-gov):iam::(\d{12}):role/(onyx-bills-[\w+=,.@-]{1,53})")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[\w!.*'()-]+(/[\w!.*'()-]+)*", re.ASCII)
_EXPORT = re.compile(r"[\w!.*'()-]{1,128}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
WITHOUT_EXTERNAL_ID = "the role can be assumed without the external id"
WITH_ANY_EXTERNAL_ID = "the role can be assumed with a wrong external id"


class Kind(StrEnum):
    """What the account exports."""

    CUR = "cur"
    CUR2 = "cur2"
    FOCUS = "focus"


class Status(StrEnum):
    """PENDING: never worked yet. VERIFIED: bills are pulled. REFUSED: the role is open to others, so nothing
    is pulled. FAILING: it worked, and does no longer; it is tried again at every run."""

    PENDING = "pending"
    VERIFIED = "verified"
    REFUSED = "refused"
    FAILING = "failing"


PULLED = frozenset({Status.VERIFIED, Status.FAILING})


class AccountRefused(Conflict):
    """The customer's account does not let us in, or not where the bills are."""

    code = "ACCOUNT_REFUSED"
    title = "The account refused"


class RoleRefused(AccountRefused):
    """The role was not given to us."""

    code = "ROLE_REFUSED"


class PullFailed(Unprocessable):
    """What the account delivers cannot be pulled; the detail says what was wrong with which object."""

    code = "PULL_FAILED"
    title = "The delivery cannot be pulled"


class ManifestReplaced(Conflict):
    """The provider delivered anew while we read; the next run takes the new delivery."""

    code = "MANIFEST_REPLACED"
    title = "Delivered anew meanwhile"


@dataclass(frozen=True)
class Place:
    """Where the bills are: `prefix` and the export's name make the folder (`<prefix>/<export_name>/`)."""

    role_arn: str
    bucket: str
    prefix: str
    export_name: str
    region: str = STACK_REGION

    @property
    def folder(self) -> str:
        return f"{self.prefix}/{self.export_name}/" if self.prefix else f"{self.export_name}/"


@dataclass(frozen=True)
class LastPull:
    """The last run that brought something: objects copied (manifests among them) and their bytes."""

    at: datetime
    files: int
    size: int


@dataclass(frozen=True)
class Connection:
    """`nonce` makes the names of bucket and role unguessable and tells two connections of one name apart.

    `verified_at` is when it was last seen to work: at a trial, or at a pull that came to its end.
    """

    source: str
    account_id: str
    kind: Kind
    place: Place
    nonce: str
    created_at: datetime
    created_by: str
    status: Status = Status.PENDING
    reason: str | None = None
    verified_at: datetime | None = None
    last_pull: LastPull | None = None
    version: int | None = None

    @property
    def makes_export(self) -> bool:
        """Whether the template makes bucket and export; else they were there, and it makes the role only."""
        return self.place.bucket == _bucket_name(self.account_id, self.nonce)

    def failed(self, reason: str) -> "Connection":
        """It cannot be read now: failing where it once worked, else still to be set up."""
        status = Status.PENDING if self.status is Status.PENDING else Status.FAILING
        return replace(self, status=status, reason=reason)

    def refused(self, reason: str) -> "Connection":
        return replace(self, status=Status.REFUSED, reason=reason)

    def verified(self, at: datetime) -> "Connection":
        return replace(self, status=Status.VERIFIED, reason=None, verified_at=at)


def new_connection(
    tenant: TenantId, source: str, account_id: str, kind: Kind, *, nonce: str, at: datetime, by: str
) -> Connection:
    """A connection whose bucket, role and export are still to be made by the template.

    The export's prefix is `<tenant>/<source>`, so that a key in the customer's bucket is the landing key.
    Raises BadRequest (INVALID_SOURCE, INVALID_ACCOUNT).
    """
    if not valid_source(source):
        raise BadRequest(
            "source must be lower case letters, digits and dashes, at most 63", code="INVALID_SOURCE"
        )
    if not _ACCOUNT.fullmatch(account_id):
        raise BadRequest("an AWS account id is 12 digits", code="INVALID_ACCOUNT")
    place = Place(
        role_arn=f"arn:aws:iam::{account_id}:role/{ROLE_PREFIX}{nonce}",
        bucket=_bucket_name(account_id, nonce),
        prefix=f"{tenant}/{source}",
        export_name=f"onyx-{source}",
    )
    return Connection(source, account_id, kind, place, nonce, at, by)


def moved(connection: Connection, place: Place) -> Connection:
    """The connection reading from another place of the same account (an export that exists already).

    Raises BadRequest (INVALID_PLACE) and says which part is wrong.
    """
    role = _ROLE.fullmatch(place.role_arn)
    if role is None or role[2] != connection.account_id:
        raise _misplaced(
            f"role_arn must be arn:aws:iam::{connection.account_id}:role/{ROLE_PREFIX}<name>: a role without "
            "a path, of the connected account, whose name starts like that"
        )
    for name, value, form in (
        ("bucket", place.bucket, _BUCKET),
        ("export_name", place.export_name, _EXPORT),
        ("region", place.region, _REGION),
    ):
        if not form.fullmatch(value):
            raise _misplaced(f"{name} {value!r} is no valid one")
    if place.prefix and (not _PREFIX.fullmatch(place.prefix) or {".", ".."} & set(place.prefix.split("/"))):
        raise _misplaced("prefix is path segments joined by /, without one at either end")
    return connection if place == connection.place else replace(connection, place=place)


def _bucket_name(account_id: str, nonce: str) -> str:
    return f"onyx-bills-{account_id}-{nonce}"


def unknown_connection(source: str) -> NotFound:
    return NotFound(f"there is no connection {source}", code="CONNECTION_NOT_FOUND")


def _misplaced(detail: str) -> BadRequest:
    return BadRequest(detail, code="INVALID_PLACE")
