"""Where a caller may put a bill."""

from dataclasses import dataclass
from datetime import datetime

from services.cost_center.domain.landing import upload_key
from services.cost_center.domain.ports import Landing
from shared.errors import BadRequest
from shared.ids import Ids
from shared.tenancy import TenantId


@dataclass(frozen=True)
class UploadPlace:
    """A key of the tenant's own landing prefix, and a presigned address to put one object there."""

    upload_id: str
    bucket: str
    key: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class StartUpload:
    """The use case."""

    landing: Landing
    ids: Ids

    def __call__(
        self,
        tenant: TenantId,
        source: str,
        filename: str,
        folder: str | None = None,
        upload_id: str | None = None,
    ) -> UploadPlace:
        """With `folder` it is one file of a delivery of several, which all have the first one's `upload_id`.

        Raises BadRequest for what makes no key, and for an upload id without a folder.
        """
        if upload_id is not None and folder is None:
            raise BadRequest("upload_id is for files of one delivery: give the folder", code="INVALID_UPLOAD")
        upload_id = upload_id or self.ids.new()
        key = upload_key(tenant, source, upload_id, filename, folder)
        upload = self.landing.presign_put(key)
        return UploadPlace(upload_id, upload.bucket, key, upload.url, upload.expires_at)
