"""The results bucket: exports go there under a tenant's rights, and are fetched by signed addresses."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from services.cost_center.domain.export_ports import Link
from shared.clock import Clock
from shared.errors import NotFound
from shared.result_links import LINK_LIFE, signed_get, signing_config
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"NoSuchKey", "404"})


class ExportFilesS3:
    """The lake's files in, results out: `client` gives what reaches one tenant's prefixes and no others."""

    def __init__(
        self, lake_bucket: str, results_bucket: str, client: "Callable[[TenantId], S3Client]"
    ) -> None:
        self._lake = lake_bucket
        self._results = results_bucket
        self._client = client

    def fetch(self, tenant: TenantId, uri: str, target: Path) -> None:
        """Download a file of the tenant's own lake. NotFound (LAKE_FILE_GONE) for any other."""
        start = f"s3://{self._lake}/"
        key = uri.removeprefix(start)
        if not uri.startswith(f"{start}{tenant}/"):
            raise NotFound(f"{uri} is no file of this tenant's lake", code="LAKE_FILE_GONE")
        try:
            self._client(tenant).download_file(self._lake, key, str(target))
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise NotFound(f"{uri} is gone", code="LAKE_FILE_GONE") from error
            raise

    def put(self, tenant: TenantId, key: str, path: Path, content_type: str) -> None:
        self._client(tenant).upload_file(
            str(path), self._results, key, ExtraArgs={"ContentType": content_type}
        )


class ResultLinks:
    """Signs addresses of single results, each time anew and for a short time."""

    def __init__(self, bucket: str, clock: Clock, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._clock = clock
        self._given = client

    def sign(self, key: str) -> Link:
        """A presigned GET of that one key."""
        url = signed_get(self._signer(), self._bucket, key)
        return Link(url, self._clock.now() + LINK_LIFE)

    def _signer(self) -> "S3Client":
        region = os.environ.get("AWS_REGION")
        return self._given or boto3.client("s3", region_name=region, config=signing_config())
