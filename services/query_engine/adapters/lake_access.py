"""How the engine's own S3 reader gets at the lake: a tenant's credentials and the endpoint, in its words."""

import os
from urllib.parse import urlsplit

from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from shared.errors import Unavailable
from shared.tenancy import TenantId
from shared.tenant_credentials import TenantCredentials


class LakeAccess:
    """Storage options for one tenant's query: they open files below that tenant's prefix and no other's."""

    def __init__(self, credentials: TenantCredentials) -> None:
        self._credentials = credentials

    def storage_options(self, tenant: TenantId) -> dict[str, str]:
        """Good for longer than any query runs. Raises Unavailable (LAKE_UNAVAILABLE) without credentials."""
        try:
            keys = self._credentials.keys(tenant)
        except Unavailable as error:
            raise Unavailable(error.detail, code=LAKE_UNAVAILABLE) from error
        options = {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.token,
            "aws_region": os.environ.get("AWS_REGION", "us-east-1"),
        }
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            options |= {"aws_endpoint_url": endpoint, "aws_virtual_hosted_style_request": "false"}
            if urlsplit(endpoint).scheme == "http":
                options["aws_allow_http"] = "true"
        return options

    def forget(self, tenant: TenantId) -> None:
        """The lake did not open its files: the next query comes with fresh credentials."""
        self._credentials.forget(tenant)
