"""A bare emulator for the cost center's adapters: S3, Glue and DynamoDB over HTTP, which Arrow needs too."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from services.cost_center.adapters.settings import IngesterSettings
from services.cost_center.handlers import ingester
from shared.consumer import Message
from tests.fakes.tables import create_table

REGION = "us-east-1"
TENANT_ROLE = "arn:aws:iam::000000000000:role/tenant-data"
"""This emulator checks no rights, and so lends any role."""
_START_SECONDS = 60


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """The URL of an emulator of its own on 127.0.0.1; its files lie in `folder`."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "ERROR",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder),
    }
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=environment, cwd=folder, stdout=log, stderr=log
        )
        try:
            _wait_until_up(f"{url}/_ministack/health", process)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the emulator did not start")


_TABLES = ("bill", "reconciliation", "outbox", "inbox", "setting")


@dataclass
class Cloud:
    """The cost center's part of an AWS account: buckets and tables that no other test uses."""

    settings: IngesterSettings
    sent: int = 0
    put_at: dict[str, int] = field(default_factory=dict)
    """In which second each key was put last."""

    @classmethod
    def create(cls) -> "Cloud":
        name = uuid.uuid4().hex[:10]
        s3 = boto3.client("s3")
        landing, lake = f"landing-{name}", f"lake-{name}"
        for bucket in (landing, lake):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=landing, VersioningConfiguration={"Status": "Enabled"})
        tables = {kind: f"{kind}-{name}" for kind in _TABLES}
        for kind, table in tables.items():
            create_table(boto3.client("dynamodb"), table, outbox=kind == "outbox")
        return cls(
            IngesterSettings(
                landing_queue_url="unused",
                bill_table=tables["bill"],
                reconciliation_table=tables["reconciliation"],
                outbox_table=tables["outbox"],
                inbox_table=tables["inbox"],
                setting_table=tables["setting"],
                landing_bucket=landing,
                lake_bucket=lake,
                glue_database_prefix=f"onyx_{name}_",
                tenant_role_arn=TENANT_ROLE,
            )
        )

    def client(self, service: str) -> Any:
        return boto3.client(service)  # type: ignore[call-overload]

    def put(self, key: str, body: bytes) -> dict[str, Any]:
        """Put an object into the landing bucket; returns the event that S3 sends of it."""
        bucket = self.settings.landing_bucket
        # S3 tells whole seconds: what is put under one key within one has no order in time.
        while self.put_at.get(key) == int(time.time()):
            time.sleep(0.02)
        self.put_at[key] = int(time.time())
        answer = self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": bucket},
                "object": {
                    "key": key,
                    "size": len(body),
                    "etag": answer["ETag"].strip('"'),
                    "version-id": answer["VersionId"],
                    "sequencer": "0061",
                },
            },
        }

    def message(self, event: dict[str, Any]) -> Message:
        self.sent += 1
        return Message(f"m-{self.sent}", json.dumps(event), f"r-{self.sent}", 1)

    def ingest(self, event: dict[str, Any]) -> None:
        """Handle the event as the task does, in a task of its own."""
        attempts = ingester.on_record(ingester.build(self.settings), self.settings)
        ingester.handle(attempts, self.settings.landing_bucket)(self.message(event))

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"])

    def outbox(self) -> list[dict[str, Any]]:
        """The envelopes in the outbox, oldest first."""
        rows = sorted(self.rows(self.settings.outbox_table), key=lambda row: row["created_at"]["S"])
        return [json.loads(row["envelope"]["S"]) for row in rows]
