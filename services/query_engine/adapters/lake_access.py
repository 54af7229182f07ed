"""How the engine's own S3 reader gets at the lake: boto3's credentials and endpoint, in its words."""

import os
from urllib.parse import urlsplit

import boto3

from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from shared.errors import Unavailable


class LakeAccess:
    """Storage options, fresh for each query: a task's credentials are renewed by boto3 as they run out."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session or boto3.Session(region_name=os.environ.get("AWS_REGION"))

    def storage_options(self) -> dict[str, str]:
        """Raises Unavailable (LAKE_UNAVAILABLE) when there are no credentials."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise Unavailable("there are no credentials for the lake", code=LAKE_UNAVAILABLE)
        frozen = credentials.get_frozen_credentials()
        options = {
            "aws_access_key_id": frozen.access_key or "",
            "aws_secret_access_key": frozen.secret_key or "",
            "aws_region": self._session.region_name or "us-east-1",
        }
        if frozen.token:
            options["aws_session_token"] = frozen.token
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            options |= {"aws_endpoint_url": endpoint, "aws_virtual_hosted_style_request": "false"}
            if urlsplit(endpoint).scheme == "http":
                options["aws_allow_http"] = "true"
        return options
