"""Results as callers fetch them: read and signed with their tenant's credentials, which open no other's."""

import os
from datetime import datetime
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from shared.clock import Clock
from shared.errors import NotFound, Unavailable
from shared.result_links import LINK_LIFE, signed_get, signing_config
from shared.tenancy import TenantId
from shared.tenant_credentials import Keys, TenantCredentials

_GONE = frozenset({"NoSuchKey", "404"})
_CLIENTS = 64


class ResultsS3:
    """See `application.read_query.Results`."""

    def __init__(self, bucket: str, credentials: TenantCredentials, clock: Clock) -> None:
        self._bucket = bucket
        self._credentials = credentials
        self._clock = clock

    def link(self, tenant: TenantId, key: str) -> tuple[str, datetime]:
        return signed_get(self._client(tenant), self._bucket, key), self._clock.now() + LINK_LIFE

    def content(self, tenant: TenantId, key: str) -> bytes:
        try:
            found: bytes = self._client(tenant).get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise NotFound("the result is gone: send the query again", code="RESULT_GONE") from error
            self._credentials.forget(tenant)
            raise Unavailable("the result cannot be read", code=LAKE_UNAVAILABLE) from error
        except BotoCoreError as error:
            raise Unavailable("the result cannot be read", code=LAKE_UNAVAILABLE) from error
        return found

    def _client(self, tenant: TenantId) -> Any:
        return _client(self._credentials.keys(tenant))


@lru_cache(maxsize=_CLIENTS)
def _client(keys: Keys) -> Any:
    import boto3

    return boto3.client(
        "s3",
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        region_name=os.environ.get("AWS_REGION"),
        config=signing_config(),
    )
