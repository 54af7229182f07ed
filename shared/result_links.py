"""Addresses of single objects that open without a token, for a short time."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINK_LIFE = timedelta(minutes=15)
"""No longer than what is left of a session that signs (`shared.tenant_credentials.RENEWAL`)."""


def signing_config() -> Any:
    """Of a client whose signatures an encrypted bucket of any region takes: version 4, regional host."""
    from botocore.config import Config

    return Config(signature_version="s3v4", s3={"addressing_style": "virtual"})


def signed_get(client: "S3Client", bucket: str, key: str) -> str:
    """A presigned GET of that one key for LINK_LIFE, saved under the last part of the key."""
    return client.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{key.rpartition("/")[2]}"',
        },
        ExpiresIn=int(LINK_LIFE.total_seconds()),
        HttpMethod="GET",
    )
