"""A lake for the query engine's tests: parquet and published bills in moto, and an endpoint for processes.

One HTTP server stands for AWS (as a local platform's does): moto, and the token issuer's keys beside it.
"""

import io
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import unquote

import boto3
import polars as pl
import requests
from moto import mock_aws

from services.cost_center.events import BILL_PREFIX
from shared.clock import iso
from shared.table import TenantTable
from shared.tenancy import TenantId

LAKE = "lake"
RESULTS = "results"
BILLS, QUERIES, DATASETS, INBOX = "bills", "queries", "datasets", "inbox"
POLICIES = "row-policies"
PUBLISHED = datetime(2026, 10, 2, 12, tzinfo=UTC)

_TRINO: dict[Any, str] = {
    pl.String: "string",
    pl.Int64: "bigint",
    pl.Boolean: "boolean",
    pl.Float64: "double",
}


class Instead(Protocol):
    """Answers some of DynamoDB's calls itself."""

    def answer(self, target: str, body: bytes) -> bytes | None: ...

    def keep(self, target: str, body: bytes, answer: bytes) -> None:
        """What moto answered."""
        ...


class AwsEndpoint:
    """http://127.0.0.1:<free port>: AWS by moto, and JSON documents at paths of their own."""

    def __init__(self, documents: Mapping[str, Callable[[], bytes]], instead: Instead | None = None) -> None:
        self._mock = mock_aws()
        self._mock.start()
        handler = type("Handler", (_Bridge,), {"documents": documents, "instead": instead})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._mock.stop()


class _Bridge(BaseHTTPRequestHandler):
    """Hands each request to moto, at the address of the service that its signature names."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes: the second would wait for the first to be acknowledged, 40 ms.
    disable_nagle_algorithm = True
    documents: Mapping[str, Callable[[], bytes]]
    instead: Instead | None

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if (document := self.documents.get(self.path)) is not None:
            self._answer(200, {"Content-Type": "application/json"}, document())
            return
        target = self.headers.get("X-Amz-Target", "")
        if self.instead and target and (known := self.instead.answer(target, body)) is not None:
            self._answer(200, {"Content-Type": "application/x-amz-json-1.0"}, known)
            return
        signature = self.headers.get("Authorization", "") or unquote(self.path)
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", signature)
        if scope is None:
            self._answer(403, {}, b"not signed")
            return
        host = "s3.amazonaws.com" if scope[2] == "s3" else f"{scope[2]}.{scope[1]}.amazonaws.com"
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        answer = requests.request(
            self.command, f"https://{host}{self.path}", headers=headers, data=body, timeout=30
        )
        if self.instead and target and answer.status_code == 200:
            self.instead.keep(target, body, answer.content)
        self._answer(answer.status_code, dict(answer.headers), answer.content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names of http.server

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = headers.get("Content-Length") or headers.get("content-length")
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not into the test's output."""


_HOP = {"host", "connection", "content-length", "transfer-encoding", "content-encoding", "date", "server"}


class Lake:
    """The tables and the bucket, made in `endpoint`'s AWS."""

    def __init__(self, endpoint: str | None = None) -> None:
        """`endpoint`: an AwsEndpoint's url; without one, the moto of this process."""
        options: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        self.s3 = boto3.client("s3", **options)
        self.dynamodb = boto3.client("dynamodb", **options)
        for bucket in (LAKE, RESULTS):
            self.s3.create_bucket(Bucket=bucket)
        for name in (BILLS, QUERIES, DATASETS, POLICIES, INBOX):
            self.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
            )
        self.bills = TenantTable(BILLS, self.dynamodb)
        self._snapshots = 0

    def put(self, key: str, frame: pl.DataFrame) -> str:
        """Write `frame` as parquet; returns its s3:// address."""
        body = io.BytesIO()
        frame.write_parquet(body)
        self.s3.put_object(Bucket=LAKE, Key=key, Body=body.getvalue())
        return f"s3://{LAKE}/{key}"

    def publish(
        self,
        tenant: str,
        bill_id: str,
        tables: Mapping[str, pl.DataFrame],
        *,
        published_at: datetime = PUBLISHED,
        files: Mapping[str, list[str]] | None = None,
        also: Mapping[str, Any] | None = None,
    ) -> None:
        """A bill's row (`also` joins it) and its published set; files are the tenant's own, or `files`."""
        self._snapshots += 1
        source, _, period = bill_id.rpartition(".")
        published = {
            name: {
                "database": f"onyx_test_{tenant}".replace("-", "_"),
                "table": name,
                "snapshot_id": self._snapshots,
                "files": (files or {}).get(name)
                or [self.put(f"{tenant}/curated/{name}/data/{bill_id}/0.parquet", frame)],
                "rows": frame.height,
                "columns": [{"name": each, "type": _type(kind)} for each, kind in frame.schema.items()],
            }
            for name, frame in tables.items()
        }
        self.bills.put_new(
            TenantId(tenant),
            BILL_PREFIX + bill_id,
            {
                "bill_id": bill_id,
                "source": source,
                "billing_period": period,
                "status": "ingested",
                "published": {"published_at": iso(published_at), "tables": published},
                **(also or {}),
            },
        )


def _type(kind: pl.DataType) -> str:
    match kind:
        case pl.Decimal():
            return f"decimal({kind.precision},{kind.scale})"
        case pl.Datetime():
            return "timestamp"
        case pl.Map():
            return "map<string,string>"
    return _TRINO[kind.base_type()]
