"""The landing bucket."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from services.cost_center.domain.landing import (
    QUARANTINE_TAG,
    SOURCE_MODIFIED,
    LandedObject,
    Seen,
    parse_key,
)
from services.cost_center.domain.ports import Upload
from shared import aws
from shared.clock import Clock
from shared.errors import NotFound, Unavailable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOAD_LIFE = timedelta(minutes=15)
_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
# Who may not list a bucket is told 403 of a key that is not there.
_ABSENT = _GONE | {"403", "AccessDenied"}
_CHUNK = 1 << 20
_MOST_VERSIONS = 100


class S3Landing:
    """Reads delivered objects, and hands out addresses to which one can be put."""

    def __init__(
        self,
        bucket: str,
        clock: Clock,
        client: "S3Client | None" = None,
        reader: "Callable[[TenantId], S3Client] | None" = None,
    ) -> None:
        """`reader` is what reads a tenant's deliveries; the process's own client, unless one is given."""
        self._bucket = bucket
        self._clock = clock
        self._given = client
        self._reader = reader

    def _client(self, tenant: TenantId) -> "S3Client":
        if self._reader:
            return self._reader(tenant)
        return self._given or aws.client("s3")

    def fetch(self, landed: LandedObject, target: Path) -> datetime:
        """Download that very version; returns the time in its metadata, else its last-modified time.

        Raises NotFound when it is gone, and Unavailable when fewer bytes came than were landed.
        """
        # Without a version the ETag pins the content: a later upload to the same key is a later delivery.
        which: dict[str, Any] = (
            {"VersionId": landed.version_id} if landed.version_id else {"IfMatch": landed.etag}
        )
        try:
            client = self._client(parse_key(landed.key).tenant)
            answer = client.get_object(Bucket=landed.bucket, Key=landed.key, **which)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _GONE or code in {"PreconditionFailed", "412"}:
                raise NotFound(f"{landed.key} is gone or was replaced", code="OBJECT_GONE") from error
            raise
        with target.open("wb") as out:
            came = sum(out.write(chunk) for chunk in answer["Body"].iter_chunks(_CHUNK))
        # The first lines of a bill are a bill that adds up: only its size tells that there were more. What
        # was put through a presigned address has no checksum that the SDK could compare.
        if came != landed.size:
            raise Unavailable(f"{landed.key} has {landed.size} bytes, of which {came} came")
        return _source_modified(answer["Metadata"]) or answer["LastModified"].astimezone(UTC)

    def look(self, bucket: str, key: str, version_id: str | None = None) -> Seen | None:
        which: dict[str, Any] = {"VersionId": version_id} if version_id else {}
        try:
            found = self._client(parse_key(key).tenant).head_object(Bucket=bucket, Key=key, **which)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise
        return _seen(bucket, key, found.get("VersionId"), found["ContentLength"], found)

    def versions(self, bucket: str, key: str) -> list[Seen]:
        client = self._client(parse_key(key).tenant)
        answer = client.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=_MOST_VERSIONS)
        return [
            _seen(bucket, key, each["VersionId"], each["Size"], each)
            for each in answer.get("Versions", [])
            if each["Key"] == key
        ]

    def move(self, landed: LandedObject, target: str) -> None:
        """With the tag by which it expires. Of a bucket without versions, the object is left where it was
        replaced meanwhile."""
        found = self.look(landed.bucket, landed.key, landed.version_id)
        if found is None or found.object.etag != landed.etag:
            return
        client = self._client(parse_key(landed.key).tenant)
        which: dict[str, Any] = {"VersionId": landed.version_id} if landed.version_id else {}
        source: Any = {"Bucket": landed.bucket, "Key": landed.key, **which}
        try:
            # The old tags are the customer's, and not worth a right to read them.
            tagged = {"TaggingDirective": "REPLACE", "Tagging": urlencode([QUARANTINE_TAG])}
            client.copy(source, landed.bucket, target, ExtraArgs=tagged)
        except ClientError:
            # Another worker that has the same message moved it between the look and the copy.
            if self.look(landed.bucket, landed.key, landed.version_id) is None:
                return
            raise
        client.delete_object(Bucket=landed.bucket, Key=landed.key, **which)

    def presign_put(self, key: str) -> Upload:
        """A presigned PUT of that one key."""
        url = self._signer().generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=int(UPLOAD_LIFE.total_seconds()),
            HttpMethod="PUT",
        )
        return Upload(bucket=self._bucket, url=url, expires_at=self._clock.now() + UPLOAD_LIFE)

    def _signer(self) -> "S3Client":
        """A client whose signatures an encrypted bucket of any region takes: version 4, regional host."""
        config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        return self._given or boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=config)


def _seen(bucket: str, key: str, version_id: str | None, size: int, found: Mapping[str, Any]) -> Seen:
    known = None if version_id == "null" else version_id
    return Seen(
        LandedObject(bucket, key, size, str(found["ETag"]).strip('"'), known),
        # S3 counts whole seconds; who imitates it does so in some of its answers only.
        found["LastModified"].astimezone(UTC).replace(microsecond=0),
    )


def _source_modified(metadata: Mapping[str, str]) -> datetime | None:
    try:
        told = datetime.fromisoformat(metadata.get(SOURCE_MODIFIED, ""))
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)
