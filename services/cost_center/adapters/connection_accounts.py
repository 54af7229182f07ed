"""Roles in customers' accounts, and the buckets that they open."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from services.cost_center.adapters.pull_copy import LandingCopier, refusals_told
from services.cost_center.domain.connection import (
    Connection,
    Kind,
    ManifestReplaced,
    Place,
    PullFailed,
    RoleRefused,
)
from services.cost_center.domain.landing import SOURCE_MODIFIED
from services.cost_center.domain.pull import MANIFEST, MAX_MANIFEST_BYTES, SourceObject
from shared import aws
from shared.clock import iso
from shared.errors import Unavailable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

SECONDS = 3600
"""The longest that STS lends one role to another."""
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


class StsAccounts:
    """Assumes customers' roles. Each session is cut to what a pull reads, whatever the role may do."""

    def __init__(self, landing_bucket: str, sts: "STSClient | None" = None) -> None:
        self._landing = landing_bucket
        self._given = sts

    def open(self, tenant: TenantId, connection: Connection, external_id: str | None) -> "S3CustomerBucket":
        request: dict[str, Any] = {
            "RoleArn": connection.place.role_arn,
            "RoleSessionName": f"onyx-{tenant}",
            "DurationSeconds": SECONDS,
            "Policy": json.dumps(session_policy(connection.place), separators=(",", ":")),
        }
        if external_id is not None:
            request["ExternalId"] = external_id
        sts: STSClient = self._given or aws.client("sts")
        try:
            keys = sts.assume_role(**request)["Credentials"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _DENIED:
                # Without the request's text: it may hold what was sent.
                raise RoleRefused(
                    f"{connection.place.role_arn} cannot be assumed ({code}): deploy the template of this "
                    "connection, or name the role that it made"
                ) from None
            raise Unavailable(f"STS answered {code}") from None
        except BotoCoreError as error:
            raise Unavailable(f"STS did not answer ({type(error).__name__})") from None
        s3 = boto3.client(
            "s3",
            region_name=connection.place.region,
            config=aws.limits(),
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        return S3CustomerBucket(connection, s3, LandingCopier(self._landing))


def session_policy(place: Place) -> dict[str, Any]:
    """Read this export's folder, and nothing else."""
    bucket = f"arn:{place.role_arn.split(':')[1]}:s3:::{place.bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/{place.folder}*"},
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket,
                "Condition": {"StringLike": {"s3:prefix": f"{place.folder}*"}},
            },
            # What is encrypted with the customer's own key: the role must allow it as well.
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
        ],
    }


class S3CustomerBucket:
    """One connection's bucket. Every call names the account that must own it."""

    def __init__(self, connection: Connection, s3: "S3Client", copier: LandingCopier) -> None:
        self._place = connection.place
        self._kind = connection.kind
        self._owned: Any = {"Bucket": connection.place.bucket, "ExpectedBucketOwner": connection.account_id}
        self._s3 = s3
        self._copier = copier

    def check(self) -> None:
        with refusals_told(self._place.bucket):
            self._s3.list_objects_v2(**self._owned, Prefix=self._place.folder, MaxKeys=1)

    def manifests(self) -> list[SourceObject]:
        with refusals_told(self._place.bucket):
            return [each for prefix in self._manifest_prefixes() for each in self._listed(prefix)]

    def _manifest_prefixes(self) -> Iterator[str]:
        """Data Exports keeps manifests apart from the data. The legacy report has one per period's folder:
        asked for by name, so that the data beside it is not listed."""
        folder = self._place.folder
        if self._kind is not Kind.CUR:
            yield f"{folder}metadata/"
            return
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            **self._owned, Prefix=folder, Delimiter="/"
        )
        for page in pages:
            for each in page.get("CommonPrefixes", []):
                yield f"{each['Prefix']}{self._place.export_name}{MANIFEST}"

    def _listed(self, prefix: str) -> Iterator[SourceObject]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(**self._owned, Prefix=prefix):
            for each in page.get("Contents", []):
                if each["Key"].endswith(MANIFEST):
                    yield SourceObject(
                        key=each["Key"],
                        etag=each["ETag"].strip('"'),
                        size=each["Size"],
                        modified=each["LastModified"].astimezone(UTC),
                    )

    def read(self, found: SourceObject) -> bytes:
        if found.size > MAX_MANIFEST_BYTES:
            raise PullFailed(f"{found.key}: a manifest of {found.size} bytes is none")
        with refusals_told(found.key):
            return self._get(found)["Body"].read()  # type: ignore[no-any-return]

    def land_manifest(self, found: SourceObject, key: str) -> int:
        with refusals_told(found.key):
            answer = self._get(found)
        origin = {
            "onyx-bucket": self._place.bucket,
            "onyx-prefix": self._place.prefix,
            SOURCE_MODIFIED: iso(found.modified),
        }
        size = self._copier.copy(found.key, answer, key, lambda: False, metadata=origin)
        if size is None:
            raise AssertionError("time was never up")
        return size

    def land(self, key: str, landing_key: str, time_is_up: Callable[[], bool]) -> int | None:
        with refusals_told(key):
            answer = self._s3.get_object(**self._owned, Key=key)
        return self._copier.copy(key, answer, landing_key, time_is_up)

    def _get(self, found: SourceObject) -> Any:
        try:
            return self._s3.get_object(**self._owned, Key=found.key, IfMatch=f'"{found.etag}"')
        except ClientError as error:
            if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "NoSuchKey"}:
                raise ManifestReplaced(f"{found.key} was replaced since it was listed") from None
            raise
