"""The landing bucket."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from services.cost_center.domain.landing import LandedObject, parse_key
from services.cost_center.domain.ports import Upload
from shared import aws
from shared.clock import Clock
from shared.errors import NotFound
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UPLOAD_LIFE = timedelta(minutes=15)
_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
_CHUNK = 1 << 20


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
        """Download that very version; returns its last-modified time. NotFound when it is gone."""
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
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                out.write(chunk)
        return answer["LastModified"].astimezone(UTC)

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
