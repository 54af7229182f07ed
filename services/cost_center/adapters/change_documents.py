"""Documents of changes as the HTTP function has them: signed for who asked, and read to add several up."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from services.cost_center.domain.changes import of_document
from services.cost_center.events import ChargeChange
from shared import aws
from shared.errors import Forbidden, Unavailable, Unprocessable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LIFE = timedelta(minutes=15)
LARGEST = 32 << 20


class ChangeDocuments:
    """One environment's lake bucket."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._given = client

    def signed(self, tenant: TenantId, uri: str) -> str:
        """A presigned GET. Raises Forbidden for what is no document of the tenant, whatever the row says."""
        key = self._key(tenant, uri)
        return self._signer().generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=int(LIFE.total_seconds()),
            HttpMethod="GET",
        )

    def read(self, tenant: TenantId, uri: str) -> list[ChargeChange]:
        """Raises Forbidden as `signed` does, Unprocessable for a document of more than LARGEST bytes, and
        Unavailable for one that is gone."""
        key = self._key(tenant, uri)
        try:
            found = (self._given or aws.client("s3")).get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise Unavailable("a document of changes is gone from the lake") from error
            raise
        if found["ContentLength"] > LARGEST:
            raise Unprocessable(
                "too many charges changed to add them up here: ask for each restatement by itself, and read "
                "its document_url",
                code="TOO_MANY_CHANGES",
            )
        return of_document(found["Body"].read())

    def _key(self, tenant: TenantId, uri: str) -> str:
        key = uri.removeprefix(f"s3://{self._bucket}/")
        if not key.startswith(f"{tenant}/changes/") or ".." in key:
            raise Forbidden(f"a document of changes lies outside the prefix of {tenant}")
        return key

    def _signer(self) -> "S3Client":
        # Version 4 and the regional host: what an encrypted bucket of any region takes.
        config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        return self._given or boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=config)
