"""The `Object Created` event of S3, as EventBridge delivers it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.cost_center.domain.landing import LandedObject
from shared.errors import PoisonMessage
from shared.events import findings

SOURCE = "aws.s3"
DETAIL_TYPE = "Object Created"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Bucket(_Model):
    name: str = Field(min_length=1)


class _Object(_Model):
    key: str = Field(min_length=1)
    size: int = Field(ge=0)
    etag: str = Field(min_length=1)
    version_id: str | None = Field(default=None, alias="version-id")


class _Detail(_Model):
    bucket: _Bucket
    object: _Object


def object_created(body: Mapping[str, Any], bucket: str | None = None) -> LandedObject:
    """The object that the event tells of. Keys are not url-encoded in EventBridge's events.

    Raises PoisonMessage for anything else, and for another bucket than `bucket`.
    """
    if (body.get("source"), body.get("detail-type")) != (SOURCE, DETAIL_TYPE):
        raise PoisonMessage(f"not an {DETAIL_TYPE!r} event of {SOURCE}")
    try:
        detail = _Detail.model_validate(body.get("detail"))
    except ValidationError as error:
        raise PoisonMessage("the event's detail is not of S3's form", errors=findings(error)) from error
    if bucket is not None and detail.bucket.name != bucket:
        raise PoisonMessage(f"the object is not in the landing bucket but in {detail.bucket.name}")
    made = detail.object
    return LandedObject(
        bucket=detail.bucket.name,
        key=made.key,
        size=made.size,
        etag=made.etag.strip('"'),
        version_id=made.version_id,
    )
