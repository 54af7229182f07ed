"""Files, queries that nobody waits for, and ends, on the real server: two tenants on every route."""

import io
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import polars as pl
import pytest

from services.query_engine.application.running import LEASE
from shared.clock import iso
from tests.fakes.query_engine_lake import QUERIES, RESULTS, Lake
from tests.integration.query_engine.conftest import Server, eventually

ROWS = 3000
SLOW = """select a.k, b.k kb, c.k kc from charges a cross join charges b cross join charges c
          where a.k + b.k * 7 + c.k * 13 = -1 order by 1, 2, 3"""
MANY = "select a.k, b.k kb from charges a cross join charges b where b.k < 5"


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    frame = pl.DataFrame(
        {
            "k": list(range(ROWS)),
            "BilledCost": pl.Series([Decimal("0.000000000000000001")] * ROWS, dtype=pl.Decimal(38, 18)),
        }
    )
    lake.publish("acme", "aws.2026-09", {"charges": frame})
    lake.publish("globex", "aws.2026-09", {"charges": frame.head(2)})
    return start(QUERY_WORKERS="2", QUERY_WAITING="2", QUERY_TIMEOUT_SECONDS="20")


def ask(server: Server, body: dict[str, Any], tenant: str = "acme", **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.token(tenant)}", **options.pop("headers", {})}
    return httpx.post(f"{server.url}/v1/query", json=body, headers=headers, timeout=60)


def state(server: Server, query_id: str, tenant: str = "acme") -> dict[str, Any]:
    found: dict[str, Any] = server.get(f"/v1/query/{query_id}", tenant).json()
    return found


def ended(server: Server, query_id: str) -> dict[str, Any]:
    return eventually(  # type: ignore[no-any-return]
        lambda: found if (found := state(server, query_id))["status"] != "running" else None
    )


def cancel(server: Server, query_id: str, tenant: str = "acme", **claims: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.token(tenant, **claims)}"}
    return httpx.delete(f"{server.url}/v1/query/{query_id}", headers=headers, timeout=30)


READERS = {
    "parquet": pl.read_parquet,
    "arrow": pl.read_ipc,
    "csv": lambda body: pl.read_csv(body, schema_overrides={"c": pl.String}),
}


@pytest.mark.parametrize("form", list(READERS))
def test_a_file_is_fetched_by_its_address_alone(server: Server, lake: Lake, form: str) -> None:
    answer = ask(server, {"sql": "select sum(BilledCost) c, count(*) n from charges", "format": form})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "rows" not in body
    assert [each["name"] for each in body["columns"]] == ["c", "n"]
    file = body["file"]
    key = f"acme/queries/{body['query_id']}/query-{body['query_id']}.{form}"
    assert urlsplit(file["url"]).path.endswith(key)
    fetched = httpx.get(file["url"])
    assert fetched.status_code == 200, fetched.text
    assert fetched.headers["content-type"] == file["content_type"]
    assert len(fetched.content) == file["bytes"]
    (row,) = READERS[form](io.BytesIO(fetched.content)).rows()
    assert (Decimal(row[0]), row[1]) == (Decimal("0.000000000000003"), ROWS)
    (stored,) = lake.s3.list_objects_v2(Bucket=RESULTS, Prefix=f"acme/queries/{body['query_id']}/")[
        "Contents"
    ]
    assert (stored["Key"], stored["Size"]) == (key, file["bytes"])
    assert state(server, body["query_id"])["file"]["filename"] == file["filename"]


def test_what_is_too_large_for_a_response_is_a_file(server: Server) -> None:
    large = ask(server, {"sql": MANY})
    assert (large.status_code, large.json()["code"]) == (422, "RESULT_TOO_LARGE")
    assert "format arrow, parquet or csv" in large.json()["detail"]
    answer = ask(server, {"sql": MANY, "format": "arrow"})
    assert answer.json()["row_count"] == 5 * ROWS
    assert pl.read_ipc(httpx.get(answer.json()["file"]["url"]).content).height == 5 * ROWS


def test_a_query_that_nobody_waits_for(server: Server) -> None:
    body = {"sql": "select count(*) n from charges"}
    for accepted in (
        ask(server, body | {"async": True}),
        ask(server, body, headers={"Prefer": "respond-async"}),
    ):
        assert accepted.status_code == 202, accepted.text
        query_id = accepted.json()["query_id"]
        assert accepted.headers["location"] == f"/v1/query/{query_id}"
        assert accepted.json()["status"] == "running"
        done = ended(server, query_id)
        assert (done["status"], done["rows"], done["row_count"]) == ("done", [{"n": ROWS}], 1)
        assert done["columns"] == [{"name": "n", "type": "bigint"}]
        # Each look signs anew, and the address opens the same result.
        assert httpx.get(done["file"]["url"]).json()["rows"] == [{"n": ROWS}]
        other = server.get(f"/v1/query/{query_id}", "globex")
        assert (other.status_code, other.json()["code"]) == (404, "NOT_FOUND")
    refused = ask(server, {"sql": "select nope from charges", "async": True})
    assert (refused.status_code, refused.json()["code"]) == (400, "UNKNOWN_COLUMN")


def test_one_tenant_has_its_own_rows_in_its_own_files(server: Server) -> None:
    sql = "select count(*) n from charges"
    for tenant, rows in (("acme", ROWS), ("globex", 2)):
        body = ask(server, {"sql": sql, "format": "csv"}, tenant).json()
        assert f"/{tenant}/queries/" in body["file"]["url"]
        assert httpx.get(body["file"]["url"]).text == f"n\r\n{rows}\r\n"
        query_id = ask(server, {"sql": sql, "async": True}, tenant).json()["query_id"]
        eventually(
            lambda query_id=query_id, tenant=tenant: state(server, query_id, tenant)["status"] == "done"
        )
        assert state(server, query_id, tenant)["rows"] == [{"n": rows}]


def test_a_query_is_cancelled_by_who_sent_it(server: Server) -> None:
    query_id = ask(server, {"sql": SLOW, "async": True}).json()["query_id"]
    other = cancel(server, query_id, "globex")
    none = cancel(server, query_id.replace(query_id[0], "f"), "acme")
    assert (other.status_code, none.status_code) == (404, 404)
    assert other.json()["title"] == none.json()["title"]
    stranger = cancel(server, query_id, sub="bob", roles="analyst")
    assert (stranger.status_code, stranger.json()["code"]) == (403, "FORBIDDEN")
    assert state(server, query_id)["status"] == "running"
    assert cancel(server, query_id).status_code == 200
    found = ended(server, query_id)
    assert (found["status"], found["code"]) == ("cancelled", "QUERY_CANCELLED")
    assert cancel(server, query_id).json()["status"] == "cancelled"
    assert eventually(lambda: ask(server, {"sql": "select 1 x"}).status_code == 200)


def test_a_query_of_a_client_that_leaves_is_cancelled_and_its_worker_freed(
    server: Server, lake: Lake
) -> None:
    def running() -> list[str]:
        found = lake.dynamodb.scan(TableName=QUERIES)["Items"]
        return [each["query_id"]["S"] for each in found if each["status"]["S"] == "running"]

    assert running() == []
    body = json.dumps({"sql": SLOW}).encode()
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as client:
        head = (
            f"POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sendall(head.encode() + body)
        (query_id,) = eventually(running)
    found = ended(server, query_id)
    assert (found["status"], found["code"]) == ("cancelled", "QUERY_CANCELLED")
    # DuckDB is interrupted; of Polars the whole worker ends and another comes. Nobody works on.
    eventually(lambda: len(server.workers()) == 2 and _idle(server.workers()))


def _idle(workers: list[int]) -> bool:
    """Whether they take no processor time for a while."""

    def ticks() -> list[int]:
        stats = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in workers]
        return [int(each[11]) + int(each[12]) for each in stats]

    before = ticks()
    time.sleep(0.5)
    return ticks() == before


def test_a_storm_of_one_tenant_leaves_another_its_turn(start: Callable[..., Server], server: Server) -> None:
    """Two slow queries hold both workers' time; whatever else acme sends waits behind itself."""
    # Of its own: both workers are up, and none is still to take the place of one that an earlier test ended.
    own = start(QUERY_WORKERS="2", QUERY_WAITING="2", QUERY_TIMEOUT_SECONDS="50")
    storm = [ask(own, {"sql": SLOW, "async": True}) for _ in range(4)]
    codes = [each.status_code for each in storm]
    assert codes == [202, 202, 202, 429], codes
    busy = storm[-1]
    assert busy.json()["code"] == "QUERY_BUSY"
    assert 1 <= int(busy.headers["retry-after"]) <= 30
    # A long one leaves a worker to the others.
    answer = ask(own, {"sql": "select count(*) n from charges"}, "globex")
    assert answer.json().get("rows") == [{"n": 2}], answer.text
    # It had not to wait for the storm's end, which would have been its own, too: however busy the machine is.
    assert state(own, storm[0].json()["query_id"])["status"] == "running"
    for each in storm[:3]:
        cancel(own, each.json()["query_id"])
    for each in storm[:3]:
        assert ended(own, each.json()["query_id"])["status"] == "cancelled"


def test_a_query_whose_server_died_is_told_as_lost(
    start: Callable[..., Server], server: Server, lake: Lake
) -> None:
    other = start(QUERY_WORKERS="1")
    query_id = ask(other, {"sql": SLOW, "async": True}).json()["query_id"]
    os.kill(other.process.pid, signal.SIGKILL)
    other.process.wait(10)
    assert state(server, query_id)["status"] == "running", "its lease holds"
    key = {"pk": {"S": "TENANT#acme"}, "sk": {"S": f"QUERY#{query_id}"}}
    row = lake.dynamodb.get_item(TableName=QUERIES, Key=key)["Item"]
    left = datetime.fromisoformat(row["lease_until"]["S"]) - datetime.now(UTC)
    assert left <= LEASE
    assert int(row["ttl"]["N"]) > datetime.now(UTC).timestamp() + 80 * 86400
    # Time passes.
    row["lease_until"]["S"] = iso(datetime.now(UTC))
    lake.dynamodb.put_item(TableName=QUERIES, Item=row)
    found = state(server, query_id)
    assert (found["status"], found["code"]) == ("failed", "WORKER_LOST")


def test_a_server_that_stops_says_what_became_of_its_queries(
    start: Callable[..., Server], server: Server
) -> None:
    other = start(QUERY_WORKERS="1")
    query_id = ask(other, {"sql": SLOW, "async": True}).json()["query_id"]
    other.process.send_signal(signal.SIGTERM)
    other.process.wait(30)
    assert state(server, query_id)["status"] == "cancelled"


def test_a_cancellation_reaches_the_server_that_runs_the_query(
    start: Callable[..., Server], server: Server
) -> None:
    other = start(QUERY_WORKERS="1")
    query_id = ask(other, {"sql": SLOW, "async": True}).json()["query_id"]
    assert cancel(server, query_id, sub="root", roles="admin").json()["cancel_requested"] is True
    assert ended(server, query_id)["status"] == "cancelled"
    assert eventually(lambda: ask(other, {"sql": "select 1 x"}).status_code == 200)


def test_fields_that_are_wrong_are_named_as_everywhere(server: Server) -> None:
    def fields(body: Any) -> list[str]:
        answer = ask(server, body)
        assert answer.status_code == 422
        return [each["field"] for each in answer.json()["errors"]]

    assert fields({"sql": 1}) == ["body.sql"]
    assert fields({"sql": "select 1", "format": "xls"}) == ["body.format"]
    assert fields({"sql": "select 1", "async": "yes"}) == ["body.async"]
    assert fields({"sql": "select 1", "run_async": True}) == ["body.run_async"]
    assert fields([]) == ["body"]
    large = ask(server, {"sql": "x" * 10_000_000})
    assert (large.status_code, large.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
