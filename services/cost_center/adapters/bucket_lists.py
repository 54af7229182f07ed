"""The landing bucket and the lake as the sweeps see them: a page of names at a time, never all of them."""

import json
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.sweeps import LakeFile, LakePage, Landed, LandedPage, Position
from shared import aws
from shared.errors import Unavailable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

_MOST_DELETED = 1000


class S3LandedVersions:
    """Every version of every landed object, in order of its key: a key that was put twice landed twice."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._given = client

    @property
    def _client(self) -> "S3Client":
        return self._given or aws.client("s3")

    def sources(self, tenant: TenantId) -> list[str]:
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{tenant}/", Delimiter="/")
        return [each["Prefix"].split("/")[1] for each in answer.get("CommonPrefixes", [])]

    def page(self, prefix: str, after: Position | None) -> LandedPage:
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        if after is not None:
            request["KeyMarker"] = after.key
            if after.version_id is not None:
                request["VersionIdMarker"] = after.version_id
        answer = self._client.list_object_versions(**request)
        following = None
        if answer["IsTruncated"]:
            following = Position(answer["NextKeyMarker"], answer.get("NextVersionIdMarker"))
        return LandedPage([self._landed(each) for each in answer.get("Versions", [])], following)

    def _landed(self, version: Any) -> Landed:
        known = version["VersionId"]
        found = LandedObject(
            bucket=self._bucket,
            key=version["Key"],
            size=version["Size"],
            etag=version["ETag"].strip('"'),
            version_id=None if known == "null" else known,
        )
        return Landed(found, version["LastModified"].astimezone(UTC))


class S3LakeFiles:
    """The newest versions in the lake."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._given = client

    @property
    def _client(self) -> "S3Client":
        return self._given or aws.client("s3")

    def page(self, tenant: TenantId, after: str | None) -> LakePage:
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": f"{tenant}/"}
        if after is not None:
            request["StartAfter"] = after
        answer = self._client.list_objects_v2(**request)
        found = [
            LakeFile(each["Key"], each["LastModified"].astimezone(UTC)) for each in answer.get("Contents", [])
        ]
        return LakePage(found, found[-1].key if found and answer["IsTruncated"] else None)

    def delete(self, keys: Sequence[str]) -> None:
        """Raises Unavailable where S3 refused one: the next round finds it again."""
        for start in range(0, len(keys), _MOST_DELETED):
            objects: Any = [{"Key": key} for key in keys[start : start + _MOST_DELETED]]
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if errors := answer.get("Errors"):
                refused = errors[0]
                raise Unavailable(
                    f"{len(errors)} files were not deleted; {refused.get('Key')}: {refused.get('Code')}"
                )


class SqsLandingQueue:
    """Sends to the ingester's queue what S3's event would say."""

    def __init__(self, queue_url: str, client: "SQSClient | None" = None) -> None:
        self._url = queue_url
        self._given = client

    def send(self, landed: LandedObject) -> None:
        made: dict[str, Any] = {"key": landed.key, "size": landed.size, "etag": landed.etag}
        if landed.version_id is not None:
            made["version-id"] = landed.version_id
        body = {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "version": "0",
                "bucket": {"name": landed.bucket},
                "object": made,
                "reason": "LandingSweep",
            },
        }
        (self._given or aws.sqs()).send_message(QueueUrl=self._url, MessageBody=json.dumps(body))
