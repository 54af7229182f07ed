"""Credentials that reach one tenant's data and no other's.

A service's tenant role says what may be done with data at all; a session of it, cut down by the policy below,
says whose. Neither the role's rights nor the task's own reach a tenant's data without such a session.
"""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from shared import aws
from shared.clock import Clock
from shared.errors import ConfigurationError, Unavailable
from shared.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

LIFE = timedelta(hours=1)
"""The longest that STS lends one role to another."""
RENEWAL = timedelta(minutes=15)
"""What is left of a session's life when it is replaced: the longest that one call or query may take."""
KEPT = 256
"""Tenants whose sessions are kept at once; the one that was longest unused goes first."""


@dataclass(frozen=True)
class Reach:
    """Where tenants' data lie: below `<tenant>/` of each bucket, and in a Glue database of their own.

    `workgroup` is the one of Athena's whose queries read and write them: all tenants' queries run in it, and
    each with its tenant's session.
    """

    buckets: tuple[str, ...]
    database: Callable[[TenantId], str] | None = None
    workgroup: str | None = None


@dataclass(frozen=True)
class Keys:
    """One session's credentials. They are not shown by repr."""

    tenant: TenantId
    expires_at: datetime
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)


def session_policy(tenant: TenantId, reach: Reach, *, role_arn: str, region: str) -> dict[str, Any]:
    """The policy that cuts a session of `role_arn` down to `tenant`.

    It tells where and leaves what to the role: an act needs the leave of both. Raises BadRequest for what is
    no tenant id, before it could stand in a pattern.
    """
    tenant = tenant_id(tenant)
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    buckets = [f"arn:{partition}:s3:::{bucket}" for bucket in reach.buckets]
    statements: list[dict[str, Any]] = [
        _allow("s3:*", [f"{bucket}/{tenant}/*" for bucket in buckets]),
        # What the role may list, below the prefix only.
        *(
            {**_allow(action, buckets), "Condition": {"StringLike": {"s3:prefix": [f"{tenant}/*"]}}}
            for action in ("s3:ListBucket", "s3:ListBucketVersions")
        ),
        # The role names the key; what is encrypted with it is named above.
        _allow("kms:*", ["*"]),
    ]
    if reach.database:
        name = reach.database(tenant)
        glue = f"arn:{partition}:glue:{region}:{account}"
        places = [f"{glue}:catalog", f"{glue}:database/{name}", f"{glue}:table/{name}/*"]
        statements.append(_allow("glue:*", places))
    if reach.workgroup:
        own = f"arn:{partition}:athena:{region}:{account}:workgroup/{reach.workgroup}"
        statements += [
            _allow("athena:*", [own]),
            # Athena looks where the buckets are, and for a database that is there by default, before it
            # reads or writes for the session.
            _allow("s3:GetBucketLocation", buckets),
            _allow("glue:GetDatabase", [f"arn:{partition}:glue:{region}:{account}:database/default"]),
        ]
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(action: str, resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resources}


class TenantCredentials:
    """Sessions of a tenant role, one per tenant, each used until shortly before it ends. For many threads."""

    def __init__(self, role_arn: str, reach: Reach, clock: Clock, sts: "STSClient | None" = None) -> None:
        """Raises ConfigurationError for what is no role's ARN."""
        if role_arn.count(":") < 5 or not role_arn.startswith("arn:"):
            raise ConfigurationError(f"TENANT_ROLE_ARN is no ARN: {role_arn!r}")
        self._role_arn = role_arn
        self._reach = reach
        self._clock = clock
        self._given = sts
        self._lock = threading.Lock()
        self._sessions: dict[TenantId, _Session] = {}

    def keys(self, tenant: TenantId) -> Keys:
        """Credentials with at least RENEWAL of life left. Raises Unavailable where STS gives none."""
        return self._session(tenant).keys

    def client(self, service: str, tenant: TenantId) -> Any:
        """A client that reaches `tenant` only. Ask anew for each act: it does not renew its credentials."""
        return self._session(tenant).client(service)

    def forget(self, tenant: TenantId) -> None:
        """Take fresh credentials next time: these were refused, be it because somebody revoked them."""
        with self._lock:
            self._sessions.pop(tenant, None)

    def _session(self, tenant: TenantId) -> "_Session":
        with self._lock:
            found = self._sessions.pop(tenant, None)
            if found and found.keys.expires_at - self._clock.now() > RENEWAL:
                self._sessions[tenant] = found  # last in order: used last
                return found
        # Not under the lock: a slow answer holds up its own tenant only.
        made = _Session(self._assume(tenant), lambda: self.forget(tenant))
        with self._lock:
            self._sessions[tenant] = made
            while len(self._sessions) > KEPT:
                del self._sessions[next(iter(self._sessions))]
        return made

    def _assume(self, tenant: TenantId) -> Keys:
        from botocore.exceptions import BotoCoreError, ClientError

        policy = session_policy(
            tenant, self._reach, role_arn=self._role_arn, region=os.environ.get("AWS_REGION", "us-east-1")
        )
        sts: STSClient = self._given or aws.client("sts")
        try:
            found = sts.assume_role(
                RoleArn=self._role_arn,
                RoleSessionName=f"tenant-{tenant}",
                Policy=json.dumps(policy, separators=(",", ":")),
                DurationSeconds=int(LIFE.total_seconds()),
            )["Credentials"]
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(
                f"there are no credentials for the data of {tenant} ({type(error).__name__})",
                code="TENANT_CREDENTIALS",
            ) from error
        return Keys(
            tenant=tenant,
            expires_at=found["Expiration"],
            access_key=found["AccessKeyId"],
            secret_key=found["SecretAccessKey"],
            token=found["SessionToken"],
        )


_UNKNOWN = frozenset(
    (
        *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId"),
        *("InvalidToken", "UnrecognizedClientException"),
    )
)
"""How AWS's services say that credentials have ended before their time."""


class _Session:
    """Credentials and the clients that use them."""

    def __init__(self, keys: Keys, forget: Callable[[], None]) -> None:
        """`forget` is called when AWS no longer knows the credentials."""
        self.keys = keys
        self._forget = forget
        self._lock = threading.Lock()
        self._make = cache(self._made)

    def client(self, service: str) -> Any:
        with self._lock:
            return self._make(service)

    def _made(self, service: str) -> Any:
        import boto3

        session = boto3.Session(
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            aws_session_token=self.keys.token,
            region_name=os.environ.get("AWS_REGION"),
        )
        client = session.client(service, config=aws.limits())  # type: ignore[call-overload]
        client.meta.events.register("after-call", self._look)
        return client

    def _look(self, parsed: dict[str, Any], **_: Any) -> None:
        if parsed.get("Error", {}).get("Code") in _UNKNOWN:
            self._forget()
