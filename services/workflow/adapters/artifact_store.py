"""Documents of runs in S3: `<tenant>/runs/<run>/history.json`, and under `steps/` the outputs that are too
large for a row."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from shared import aws
from shared.errors import NotFound
from shared.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"NoSuchKey", "404", "NoSuchBucket"})


class ArtifactStore:
    """One environment's artifacts."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._given = client

    @property
    def _client(self) -> "S3Client":
        made: S3Client = self._given or aws.client("s3")
        return made

    def put_output(self, tenant: TenantId, run: str, at: str, step: str, text: str) -> str:
        # Named by its content: what a row points to is never written over by another attempt.
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        key = f"{_folder(tenant, run)}steps/{quote(at or '-', safe='')}/{quote(step, safe='')}/{digest}.json"
        return self._put(key, text)

    def get_output(self, tenant: TenantId, location: str) -> str:
        prefix = f"s3://{self._bucket}/"
        key = location.removeprefix(prefix)
        if not location.startswith(prefix) or not key.startswith(f"{tenant_id(tenant)}/"):
            raise NotFound("there is no such output", code="OUTPUT_GONE")
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            raise NotFound("the step's output is gone", code="OUTPUT_GONE") from error

    def put_history(self, tenant: TenantId, run: str, document: Mapping[str, Any]) -> str:
        folder = _folder(tenant, run)
        self._put(f"{folder}history.json", json.dumps(document, ensure_ascii=False, separators=(",", ":")))
        return f"s3://{self._bucket}/{folder}"

    def history(self, tenant: TenantId, run: str) -> Mapping[str, Any]:
        """Raises NotFound where the run has not ended, or never was."""
        text = self.get_output(tenant, f"s3://{self._bucket}/{_folder(tenant, run)}history.json")
        found: Mapping[str, Any] = json.loads(text)
        return found

    def _put(self, key: str, text: str) -> str:
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=text.encode(), ContentType="application/json"
        )
        return f"s3://{self._bucket}/{key}"


def _folder(tenant: TenantId, run: str) -> str:
    return f"{tenant_id(tenant)}/runs/{quote(run, safe='')}/"
