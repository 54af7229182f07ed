"""Documents of changes as the HTTP function hands them on: signed, never read."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from shared.errors import Forbidden
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LIFE = timedelta(minutes=15)


class ChangeDocuments:
    """One environment's lake bucket."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._given = client

    def signed(self, tenant: TenantId, uri: str) -> str:
        """A presigned GET. Raises Forbidden for what is no document of the tenant, whatever the row says."""
        prefix = f"s3://{self._bucket}/"
        key = uri.removeprefix(prefix)
        if not key.startswith(f"{tenant}/changes/") or ".." in key:
            raise Forbidden(f"a document of changes lies outside the prefix of {tenant}")
        return self._signer().generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=int(LIFE.total_seconds()),
            HttpMethod="GET",
        )

    def _signer(self) -> "S3Client":
        # Version 4 and the regional host: what an encrypted bucket of any region takes.
        config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        return self._given or boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=config)
