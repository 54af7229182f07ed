"""Results as files and queries that nobody waits for, on the real templates and under the roles' rights."""

import io
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import polars as pl

from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill

COSTS = ["1.25", "2.5", "0.000000000000000001"]
TOTAL = Decimal("3.750000000000000001")
SQL = "SELECT ServiceName, sum(BilledCost) AS Cost FROM charges GROUP BY 1"
QUERY = "/v1/query"


def ingest(platform: Platform, tenant: str, folder: Path) -> None:
    place = folder / uuid.uuid4().hex
    place.mkdir()
    platform.rows("ingest", str(focus_bill(place, COSTS)), "--tenant", tenant, "--source", "focus")


def done(platform: Platform, token: str, query_id: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = platform.http("GET", f"{QUERY}/{query_id}", token).json()
        return found if found["status"] != "running" else None

    return wait_for(probe, "the query", 60)


def test_a_parquet_by_its_signed_address(platform: Platform, tenant: str, tmp_path: Path) -> None:
    ingest(platform, tenant, tmp_path)
    token = platform.token(tenant)
    answer = platform.http("POST", QUERY, token, json={"sql": SQL, "format": "parquet"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert f"/{tenant}/queries/{body['query_id']}/" in urlsplit(body["file"]["url"]).path
    fetched = httpx.get(body["file"]["url"])
    assert fetched.status_code == 200, fetched.text
    assert pl.read_parquet(io.BytesIO(fetched.content))["Cost"].sum() == TOTAL
    # Another tenant finds neither the query nor, without the signature, the file.
    stranger = f"{tenant}-x"
    assert platform.onyx("tenant", "create", stranger).returncode == 0
    other = platform.token(stranger)
    assert platform.http("GET", f"{QUERY}/{body['query_id']}", other).status_code == 404
    assert platform.http("DELETE", f"{QUERY}/{body['query_id']}", other).status_code == 404


def test_a_query_that_nobody_waits_for_and_its_file_by_the_command(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    ingest(platform, tenant, tmp_path)
    token = platform.token(tenant)
    accepted = platform.http("POST", QUERY, token, json={"sql": SQL, "async": True})
    assert accepted.status_code == 202, accepted.text
    found = done(platform, token, accepted.json()["query_id"])
    assert found["status"] == "done", found
    assert sum(Decimal(each["Cost"]) for each in found["rows"]) == TOTAL
    assert json.loads(httpx.get(found["file"]["url"]).content)["rows"] == found["rows"]
    assert platform.http("DELETE", f"{QUERY}/{found['query_id']}", token).json()["status"] == "done"
    output = tmp_path / "cost.csv"
    (row,) = platform.rows("query", SQL, "--output", str(output), "--tenant", tenant)
    assert (row["file"], row["bytes"]) == (str(output), output.stat().st_size)
    assert output.read_bytes().startswith(b"ServiceName,Cost\r\n")
