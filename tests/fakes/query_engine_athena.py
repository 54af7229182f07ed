"""Athena and S3 as a tenant's session sees them: real clients, which hold requests and replies against the
services' models, with answers that a test queues; and tables of which versions are published."""

import io
import threading
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from services.query_engine.adapters.athena_engine import AthenaEngine, Waiting
from services.query_engine.domain.tables import Column, FileGroup, Table, Version
from shared.tenancy import TenantId
from tests.fakes.query_engine import CHARGES

EXECUTION = "11111111-2222-3333-4444-555555555555"
BUCKET = "results"


class Clock:
    """Time that passes by waiting."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.pauses: list[float] = []
        self.stop_after: int | None = None

    def waiting(self) -> Waiting:
        return Waiting(now=lambda: self.seconds, pause=self._pause, uniform=lambda low, high: high)

    def _pause(self, stop: threading.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds
        if self.stop_after is not None and len(self.pauses) >= self.stop_after:
            stop.set()


class StubbedSessions:
    """Clients by service, the same for every tenant; remembers for whom they were asked."""

    def __init__(self) -> None:
        options = {"region_name": "us-east-1", "aws_access_key_id": "id", "aws_secret_access_key": "key"}
        self._clients = {name: boto3.client(name, **options) for name in ("athena", "s3")}  # type: ignore[call-overload]
        self.athena = Stubber(self._clients["athena"])
        self.s3 = Stubber(self._clients["s3"])
        self.athena.activate()
        self.s3.activate()
        self.asked: list[tuple[str, str]] = []
        self.forgotten: list[str] = []

    def client(self, service: str, tenant: TenantId) -> Any:
        self.asked.append((service, tenant))
        return self._clients[service]

    def forget(self, tenant: TenantId) -> None:
        self.forgotten.append(tenant)

    def storage_options(self, tenant: TenantId) -> dict[str, str]:
        return {}

    def starts(self, tenant: str = "acme", **expected: Any) -> None:
        """A start is answered; `expected` is what the request says beside what is always the same."""
        request = {
            "QueryString": ANY,
            "ClientRequestToken": ANY,
            "QueryExecutionContext": {"Database": f"onyx_dev_{tenant}"},
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/{tenant}/athena/q-1/"},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "WorkGroup": "onyx-dev-query",
            **expected,
        }
        self.athena.add_response("start_query_execution", {"QueryExecutionId": EXECUTION}, request)

    def is_in(self, state: str, tenant: str = "acme", **status: Any) -> None:
        place = f"s3://{BUCKET}/{tenant}/athena/q-1/{EXECUTION}.csv"
        found = {
            "QueryExecutionId": EXECUTION,
            "Status": {"State": state, **status},
            "ResultConfiguration": {"OutputLocation": place},
        }
        wanted = {"QueryExecutionId": EXECUTION}
        self.athena.add_response("get_query_execution", {"QueryExecution": found}, wanted)

    def stopped(self) -> None:
        self.athena.add_response("stop_query_execution", {}, {"QueryExecutionId": EXECUTION})

    def holds(self, columns: Sequence[dict[str, Any]], content: bytes, tenant: str = "acme") -> None:
        """The result: its columns' types by Athena, its rows by S3."""
        told = {"ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": list(columns)}}}
        self.athena.add_response("get_query_results", told, {"QueryExecutionId": EXECUTION, "MaxResults": 1})
        self.s3.add_response(
            "get_object",
            {"Body": StreamingBody(io.BytesIO(content), len(content)), "ContentLength": len(content)},
            {"Bucket": BUCKET, "Key": f"{tenant}/athena/q-1/{EXECUTION}.csv"},
        )

    def assert_all_was_asked(self) -> None:
        self.athena.assert_no_pending_responses()
        self.s3.assert_no_pending_responses()


def engine(sessions: StubbedSessions, clock: Clock) -> AthenaEngine:
    return AthenaEngine(
        workgroup="onyx-dev-query",
        results_bucket=BUCKET,
        database=lambda tenant: "onyx_dev_" + tenant,
        credentials=sessions,
        storage=sessions,
        waiting=clock.waiting(),
    )


def column(name: str, kind: str, precision: int = 0, scale: int = 0) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Precision": precision, "Scale": scale}


def published_tables(
    tenant: str = "acme", periods: Sequence[str] = ("2026-08", "2026-09")
) -> dict[str, Table]:
    """`charges` and `small`, of a bill for each period; the first bill has no tags."""
    found = {}
    for name in ("charges", "small"):
        versions = [
            Version(
                f"onyx_dev_{tenant}",
                name,
                100 + at,
                (("x_source", "aws"), ("x_billingperiod", period)),
                _columns(at),
                (f"s3://lake/{tenant}/{name}/{period}.parquet",),
            )
            for at, period in enumerate(periods)
        ]
        groups = tuple(FileGroup(each.files, each.columns) for each in versions)
        found[name] = Table(name, CHARGES, groups, versions=tuple(versions))
    return found


def _columns(at: int) -> tuple[Column, ...]:
    return CHARGES if at else tuple(each for each in CHARGES if each.name != "Tags")
