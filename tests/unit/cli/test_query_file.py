"""`onyx query --output` and `--explain` against an API that needs a while."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.commands import query_file

CONTENT = b"n\r\n1\r\n"
FILE = {"url": "http://s3.test/results/acme/file?sig=1", "bytes": len(CONTENT)}
DONE = {"query_id": "q1", "status": "done", "row_count": 1, "bytes": len(CONTENT), "file": FILE, "code": None}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    real = query_file.waited
    monkeypatch.setattr(query_file, "waited", lambda *given: real(*given, sleep=lambda _: None))


def serve(platform: Any, *states: dict[str, Any], content: bytes = CONTENT) -> list[httpx.Request]:
    left, seen = list(states), []

    def state(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=left.pop(0))

    def fetch(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers, "the token must not go to S3"
        return httpx.Response(200, content=content)

    def begin(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"query_id": "q1", "status": "running"})

    platform.routes["POST", "/v1/query"] = begin
    platform.routes["GET", "/v1/query/q1"] = state
    platform.routes["DELETE", "/v1/query/q1"] = state
    platform.routes["GET", "/results/acme/file"] = fetch
    return seen


WAITED = query_file.waited
RUNNING = {"query_id": "q1", "status": "running"}


@pytest.mark.parametrize(
    ("name", "form"),
    [("x.csv", "csv"), ("x.PARQUET", "parquet"), ("x.arrow", "arrow"), ("x.feather", "arrow")],
)
def test_a_result_is_waited_for_and_fetched(onyx: Any, tmp_path: Path, name: str, form: str) -> None:
    seen = serve(onyx.platform, RUNNING, RUNNING, DONE)
    target = tmp_path / name
    done = onyx("query", "SELECT 1", "--tenant", "acme", "--output", str(target), "--format", "json")
    assert done.code == 0, done.err
    assert target.read_bytes() == CONTENT
    assert json.loads(done.out)["rows"] == [{"file": str(target), "rows": 1, "bytes": len(CONTENT)}]
    assert json.loads(seen[0].content) == {"sql": "SELECT 1", "format": form, "async": True}


def test_one_that_fails_leaves_no_file(onyx: Any, tmp_path: Path) -> None:
    target = tmp_path / "made" / "x.csv"
    target.parent.mkdir()
    serve(onyx.platform, {**DONE, "status": "failed", "code": "QUERY_MEMORY", "file": None})
    done = onyx("query", "SELECT 1", "--tenant", "acme", "--output", str(target))
    assert (done.code, list(target.parent.iterdir())) == (1, [])
    assert "QUERY_MEMORY" in done.err
    serve(onyx.platform, DONE, content=b"n")
    assert onyx("query", "SELECT 1", "--tenant", "acme", "--output", str(target)).code == 1
    assert list(target.parent.iterdir()) == []


def test_one_that_is_interrupted_is_cancelled(
    onyx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = serve(onyx.platform, RUNNING, {**RUNNING, "cancel_requested": True})

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(query_file, "waited", lambda *given: WAITED(*given, sleep=interrupted))
    onyx("query", "SELECT 1", "--tenant", "acme", "--output", str(tmp_path / "x.csv"))
    assert [each.method for each in seen] == ["POST", "GET", "DELETE"]


def test_what_cannot_be_written_is_called_wrongly(onyx: Any, tmp_path: Path) -> None:
    for more in (
        ["--output", "x.xlsx"],
        ["--output", str(tmp_path / "none" / "x.csv")],
        ["--output", str(tmp_path / "x.csv"), "--explain"],
    ):
        assert onyx("query", "SELECT 1", "--tenant", "acme", *more).code == 2
    assert onyx.platform.requests == []


def test_a_plan_is_asked_for_in_sql(onyx: Any) -> None:
    answer = {"columns": [{"name": "Query Plan", "type": "varchar"}], "rows": [{"Query Plan": "polars"}]}
    onyx.platform.on("POST", "/v1/query", answer)
    done = onyx("query", "SELECT 1", "--tenant", "acme", "--explain")
    assert done.code == 0
    assert "polars" in done.out
    assert json.loads(onyx.platform.requests[-1].content) == {"sql": "EXPLAIN SELECT 1"}
