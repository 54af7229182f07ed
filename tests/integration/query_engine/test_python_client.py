"""The one-module client against the real server."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import polars as pl
import pytest

import onyx_client
from tests.fakes.query_engine_lake import Lake
from tests.integration.query_engine.conftest import Server

MONEY = pl.Decimal(38, 18)
SMALL = Decimal("0.000000000000000001")


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    frame = pl.DataFrame(
        {"ServiceName": ["EC2", "S3"], "BilledCost": pl.Series([Decimal("1.5"), SMALL], dtype=MONEY)}
    )
    lake.publish("acme", "aws.2026-09", {"charges": frame})
    return start(QUERY_WORKERS="1")


@pytest.fixture
def asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("ONYX_URL", server.url)
    monkeypatch.setenv("ONYX_TOKEN", server.token())
    return server


SQL = "select ServiceName, sum(BilledCost) AS Cost from charges group by 1 order by 1"


def test_one_line_gives_a_frame_with_exact_decimals(asked: Server) -> None:
    frame = onyx_client.query(SQL)
    assert frame.schema["Cost"] == MONEY
    assert frame.rows() == [("EC2", Decimal("1.5")), ("S3", SMALL)]


def test_pandas_keeps_decimals(asked: Server) -> None:
    pytest.importorskip("pandas", reason="pandas is the caller's own dependency")
    frame = onyx_client.query_pandas(SQL)
    assert frame["Cost"].tolist() == [Decimal("1.5"), SMALL]


def test_what_is_published_later_is_not_in_an_earlier_moment(asked: Server) -> None:
    assert onyx_client.query("select count(*) n from charges", as_of="2026-10-01").item() == 0


def test_a_plan_is_a_frame_too(asked: Server) -> None:
    plan = onyx_client.query("EXPLAIN select count(*) n from charges")
    assert plan.columns == ["Query Plan"]
    assert plan.height > 1


def test_arguments_come_before_the_environment(asked: Server) -> None:
    token = asked.token("globex")
    assert onyx_client.query("select count(*) n from charges", url=asked.url + "/", token=token).item() == 0
    with pytest.raises(onyx_client.OnyxError) as refused:
        onyx_client.query("select 1", token="nonsense")
    assert (refused.value.status, refused.value.code) == (401, "UNAUTHENTICATED")


def test_an_error_has_its_code_its_sentence_and_its_place(asked: Server) -> None:
    with pytest.raises(onyx_client.OnyxError) as refused:
        onyx_client.query("select ServiceNam from charges")
    error = refused.value
    assert (error.code, error.status) == ("UNKNOWN_COLUMN", 400)
    assert "ServiceName" in str(error)
    assert error.errors[0]["line"] == 1


def test_a_long_query_is_run_beside(start: Callable[..., Server], lake: Lake, server: Server) -> None:
    numbers = pl.DataFrame(
        {"k": list(range(2000)), "BilledCost": pl.Series([Decimal(1)] * 2000, dtype=MONEY)}
    )
    lake.publish("slow", "aws.2026-09", {"charges": numbers})
    sql = """select count(*) n from charges a cross join charges b
             where (a.k * 7 + b.k) % 3 = 0 and regexp_like(cast(a.k * b.k as varchar), '1.*2')"""
    impatient = start(QUERY_TIMEOUT_SECONDS="0.2", QUERY_WORKERS="1")
    frame = onyx_client.query(sql, url=impatient.url, token=impatient.token("slow"))
    patient = onyx_client.query(sql, url=server.url, token=server.token("slow"))
    assert frame.equals(patient)


def test_it_says_what_it_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONYX_URL", raising=False)
    monkeypatch.delenv("ONYX_TOKEN", raising=False)
    for options, code in (
        ({}, "NO_URL"),
        ({"url": "file:///etc/passwd"}, "NO_URL"),
        ({"url": "http://127.0.0.1:9"}, "NO_TOKEN"),
        ({"url": "http://127.0.0.1:9", "token": "x"}, "UNREACHABLE"),
    ):
        with pytest.raises(onyx_client.OnyxError) as error:
            onyx_client.query("select 1", **options)
        assert error.value.code == code


class Gateway(BaseHTTPRequestHandler):
    """Answers what stands in `answers`, one after the other."""

    answers: list[tuple[int, dict[str, str], bytes]]
    seen: list[str]

    def handle_any(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append(f"{self.command} {self.path}")
        status, headers, body = self.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - names of http.server

    def log_message(self, format: str, *args: Any) -> None:
        """Not into the test's output."""


@pytest.fixture
def gateway() -> Iterator[tuple[str, type[Gateway]]]:
    handler = type("Handler", (Gateway,), {"answers": [], "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


BUSY = (429, {"Retry-After": "0"}, b'{"code":"QUERY_BUSY","detail":"try again in 0 s"}')
DONE = (200, {}, b'{"columns":[{"name":"N","type":"bigint"}],"rows":[{"N":1}],"notes":["so it is"]}')


def test_a_busy_server_is_asked_again_and_a_note_is_a_warning(gateway: tuple[str, type[Gateway]]) -> None:
    url, handler = gateway
    handler.answers += [BUSY] * 6 + [DONE]
    with pytest.warns(onyx_client.OnyxNote, match="so it is"):
        assert onyx_client.query("select 1 N", url=url, token="x").item() == 1
    assert len(handler.seen) == 7


def test_a_lost_server_is_asked_again_and_not_for_ever(gateway: tuple[str, type[Gateway]]) -> None:
    url, handler = gateway
    handler.answers += [(503, {"Retry-After": "0"}, b'{"code":"WORKER_LOST","detail":"send it again"}')] * 9
    with pytest.raises(onyx_client.OnyxError) as lost:
        onyx_client.query("select 1", url=url, token="x")
    assert (lost.value.code, len(handler.seen)) == ("WORKER_LOST", 4)


def test_a_query_that_is_not_waited_for_any_more_is_cancelled(gateway: tuple[str, type[Gateway]]) -> None:
    url, handler = gateway
    handler.answers += [
        (504, {}, b'{"code":"QUERY_TIMEOUT","detail":"too long"}'),
        (202, {}, b'{"query_id":"q","status":"running"}'),
        *[(200, {}, b'{"query_id":"q","status":"running"}')] * 20,
    ]
    with pytest.raises(onyx_client.OnyxError) as late:
        onyx_client.query("select 1", url=url, token="x", timeout=0.3)
    assert late.value.code == "QUERY_TIMEOUT"
    assert handler.seen[-1] == "DELETE /v1/query/q"
