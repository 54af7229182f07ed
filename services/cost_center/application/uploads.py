"""Where a caller may put a bill."""

from dataclasses import dataclass
from datetime import datetime

from services.cost_center.domain.landing import upload_key
from services.cost_center.domain.ports import Landing
from shared.ids import Ids
from shared.tenancy import TenantId


@dataclass(frozen=True)
class UploadPlace:
    """A key of the tenant's own landing prefix, and a presigned address to put one object there."""

    bucket: str
    key: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class StartUpload:
    """The use case."""

    landing: Landing
    ids: Ids

    def __call__(self, tenant: TenantId, source: str, filename: str) -> UploadPlace:
        """Raises BadRequest for a source or file name that makes no key."""
        key = upload_key(tenant, source, self.ids.new(), filename)
        upload = self.landing.presign_put(key)
        return UploadPlace(upload.bucket, key, upload.url, upload.expires_at)
