"""Reads and writes of single rows by the shortest way, for a server that makes several for every query.

botocore takes 2 ms of processor for a call, most of it not for the network: it looks up endpoints, hooks and
shapes each time. Here a call is signed (by botocore) and exchanged once over connections that urllib3 keeps.
Whatever is not a plain success (an error of any kind, a connection that ended, an answer of an unknown form)
is left to botocore's own client, which makes the call anew, with its retries and its exceptions. That a write
may so be sent twice is no news: botocore's retries do the same.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb import DynamoDBClient

_OK = 200
_WAITS = urllib3.Timeout(connect=3, read=30)


def quick(client: "DynamoDBClient", credentials: "Credentials | None", connections: int) -> "DynamoDBClient":
    """`client`, but for the calls that a query makes. `credentials` are the client's own, which renew
    themselves; `connections` are kept at most. Where a proxy stands between, `client` as it is."""
    if credentials is None or get_environ_proxies(client.meta.endpoint_url):
        return client
    return cast("DynamoDBClient", _Quick(client, credentials, connections))


class _Quick:
    """For many threads. What it does not know it asks its client for."""

    def __init__(self, client: "DynamoDBClient", credentials: "Credentials", connections: int) -> None:
        self._client = client
        self._credentials = credentials
        self._region = client.meta.region_name
        self._url = client.meta.endpoint_url
        self._path = urlsplit(self._url).path or "/"
        tls = {"ca_certs": get_cert_path(True)} if self._url.startswith("https") else {}
        self._pool = urllib3.connection_from_url(
            self._url, maxsize=connections, timeout=_WAITS, retries=False, **tls
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_item(self, **request: Any) -> Any:
        return self._call("GetItem", self._client.get_item, request)

    def put_item(self, **request: Any) -> Any:
        return self._call("PutItem", self._client.put_item, request)

    def query(self, **request: Any) -> Any:
        return self._call("Query", self._client.query, request)

    def _call(self, operation: str, otherwise: Callable[..., Any], request: dict[str, Any]) -> Any:
        # An attribute's JSON is what botocore makes of it, for every type but the binary ones, which rows
        # do not have (`shared.dynamo_items`).
        body = json.dumps(request).encode()
        try:
            answer = self._pool.urlopen("POST", self._path, body, self._signed(operation, body))
            found = json.loads(answer.data) if answer.status == _OK else None
        except (OSError, ValueError, urllib3.exceptions.HTTPError):
            found = None
        return found if isinstance(found, dict) else otherwise(**request)

    def _signed(self, operation: str, body: bytes) -> dict[str, str]:
        """The request's headers."""
        headers = {
            "Host": urlsplit(self._url).netloc,
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Accept-Encoding": "identity",
            "User-Agent": "onyx-query-engine",
        }
        request = AWSRequest("POST", self._url, headers, body)
        signer = SigV4Auth(self._credentials.get_frozen_credentials(), "dynamodb", self._region)
        signer.add_auth(request)
        return dict(request.headers.items())
