"""Reads and writes of single rows by the shortest way, for a server that makes several for every query.

botocore takes 2 ms of processor for a call, most of it not for the network: it looks up endpoints, hooks and
shapes each time. Here a call is signed (by botocore) and exchanged once over a connection that is kept, in a
third of that. Whatever is not a plain success (an error of any kind, a connection that ended, an answer of
an unknown form) is left to botocore's own client, which makes the call anew, with its retries and its
exceptions. That a write may so be sent twice is no news: botocore's retries do the same.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies
from urllib3.util.wait import wait_for_read

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb import DynamoDBClient

_CONNECT_SECONDS, _READ_SECONDS = 3, 30
_CHUNK = 64 * 1024
_LONGEST_HEAD = 64 * 1024


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
        self._line = _Line(self._url, connections)

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
            answer = self._line.exchange(self._signed(operation, body), body)
            found = None if answer is None else json.loads(answer)
        except (OSError, ValueError):
            found = None
        return found if isinstance(found, dict) else otherwise(**request)

    def _signed(self, operation: str, body: bytes) -> bytes:
        """The request's head."""
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
        lines = [f"{name}: {value}" for name, value in request.headers.items()]
        path = urlsplit(self._url).path or "/"
        return "\r\n".join([f"POST {path} HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""]).encode(
            "latin-1"
        )


class _Line:
    """Connections to one endpoint, kept while they are good."""

    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._tls = (
            ssl.create_default_context(cafile=get_cert_path(True)) if parts.scheme == "https" else None
        )
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._most = connections
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []

    def exchange(self, head: bytes, body: bytes) -> bytes | None:
        """The body of a 200, or None. Raises OSError or ValueError where there is no whole answer."""
        connection = self._taken()
        kept = False
        try:
            connection.sendall(head + body)
            ok, answer, kept = _answer(connection)
        finally:
            if not (kept and self._put_back(connection)):
                connection.close()
        return answer if ok else None

    def _taken(self) -> socket.socket:
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None:
                return self._opened()
            # Nobody was asked: what can be read is the other side's end.
            if not wait_for_read(found, timeout=0):
                return found
            found.close()

    def _put_back(self, connection: socket.socket) -> bool:
        with self._lock:
            if len(self._idle) >= self._most:
                return False
            self._idle.append(connection)
        return True

    def _opened(self) -> socket.socket:
        made = socket.create_connection((self._host, self._port), _CONNECT_SECONDS)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                made = self._tls.wrap_socket(made, server_hostname=self._host)
            made.settimeout(_READ_SECONDS)
        except BaseException:
            made.close()
            raise
        return made


def _answer(connection: socket.socket) -> tuple[bool, bytes, bool]:
    """Whether it is a 200, its body, and whether the connection can be used again. DynamoDB tells the length
    of all its answers."""
    got = bytearray()
    while (end := got.find(b"\r\n\r\n")) < 0:
        _more(connection, got)
        if len(got) > _LONGEST_HEAD:
            raise ValueError("the answer's head is too long")
    status, *lines = bytes(got[:end]).lower().split(b"\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    length = int(headers[b"content-length"]) if b"content-length" in headers else -1
    if length < 0 or b"transfer-encoding" in headers or b"content-encoding" in headers:
        raise ValueError("the answer has no plain length")
    start = end + 4
    while len(got) < start + length:
        _more(connection, got)
    if len(got) > start + length:
        raise ValueError("more came than was asked for")
    keep = status.startswith(b"http/1.1 ") and headers.get(b"connection") != b"close"
    return status.startswith(b"http/1.1 200"), bytes(got[start:]), keep


def _more(connection: socket.socket, got: bytearray) -> None:
    read = connection.recv(_CHUNK)
    if not read:
        raise ConnectionError("the connection ended")
    got += read
