"""Runaway queries, dying workers and a dying server: a clear error, the next query answered, nothing left."""

import os
import signal
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx
import polars as pl
import pytest

from tests.fakes.query_engine_lake import Lake
from tests.integration.query_engine.conftest import Server, eventually

ROWS = 3000
SLOW = """select a.k, b.k kb, c.k kc from charges a cross join charges b cross join charges c
          where a.k + b.k * 7 + c.k * 13 = -1 order by 1, 2, 3"""
HUGE = "select a.s || b.s x, count(*) from charges a cross join charges b group by 1 order by 1"


@pytest.fixture(scope="module")
def rows(lake: Lake) -> None:
    frame = pl.DataFrame(
        {
            "k": list(range(ROWS)),
            "s": [f"{at:0200d}" for at in range(ROWS)],
            "BilledCost": pl.Series([Decimal(1)] * ROWS, dtype=pl.Decimal(38, 18)),
        }
    )
    lake.publish("acme", "aws.2026-09", {"charges": frame})


def works(server: Server) -> bool:
    return server.rows("select count(*) n, sum(BilledCost) c from charges") == [{"n": ROWS, "c": str(ROWS)}]


def in_background(
    server: Server, sql: str, tenant: str = "acme"
) -> "tuple[threading.Thread, list[httpx.Response]]":
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(server.query(sql, tenant)))
    thread.start()
    return thread, answers


def seconds_used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Busy:
    """Whether a process has used the processor for a fifth of a second since this was made."""

    def __init__(self, pids: list[int]) -> None:
        self._before = {pid: seconds_used(pid) for pid in pids}

    def __call__(self, pid: int) -> bool:
        return seconds_used(pid) - self._before[pid] > 0.2


def test_a_slow_query_is_ended_in_time(start: Callable[..., Server], rows: None) -> None:
    server = start(QUERY_TIMEOUT_SECONDS="2", QUERY_WORKERS="1")
    before = server.workers()
    assert server.refusal(SLOW) == (504, "QUERY_TIMEOUT")
    eventually(lambda: server.workers() and server.workers() != before)
    assert eventually(lambda: server.query("select 1").status_code == 200)
    assert works(server)
    assert not set(before) & set(server.workers())


def test_a_query_that_eats_memory_is_ended(start: Callable[..., Server], rows: None) -> None:
    server = start(QUERY_MEMORY_MIB="400", QUERY_FRAMES_MIB="64", QUERY_WORKERS="1")
    assert server.refusal(HUGE) == (422, "QUERY_MEMORY")
    assert eventually(lambda: server.query("select 1").status_code == 200)
    assert works(server)


def test_a_worker_that_is_killed_in_mid_query_is_replaced(start: Callable[..., Server], rows: None) -> None:
    server = start(QUERY_WORKERS="1")
    (worker,) = server.workers()
    busy = Busy([worker])
    thread, answers = in_background(server, SLOW)
    eventually(lambda: busy(worker))
    os.kill(worker, signal.SIGKILL)
    thread.join(30)
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "WORKER_LOST")
    assert answers[0].headers["retry-after"]
    assert works(server)


def test_an_idle_worker_that_is_killed_costs_no_query(start: Callable[..., Server], rows: None) -> None:
    server = start(QUERY_WORKERS="2")
    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)
    assert works(server)
    eventually(lambda: len(server.workers()) == 2)


def test_one_query_does_not_hold_up_another_and_too_many_are_refused(
    start: Callable[..., Server], rows: None
) -> None:
    server = start(QUERY_WORKERS="2", QUERY_WAITING="1", QUERY_TIMEOUT_SECONDS="20")
    busy = Busy(server.workers())
    first, _ = in_background(server, SLOW)
    eventually(lambda: any(busy(pid) for pid in server.workers()))
    assert works(server)
    second, _ = in_background(server, SLOW)
    eventually(lambda: all(busy(pid) for pid in server.workers()))
    # Two run and one may wait: of three more, two are refused, whichever came first.
    others = [in_background(server, "select 1") for _ in range(3)]
    refused = eventually(lambda: [a[0] for _, a in others if a and a[0].status_code == 429][1:])
    assert refused[0].json()["code"] == "QUERY_BUSY"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    for thread in (first, second, *(each for each, _ in others)):
        thread.join(60)
    assert eventually(lambda: server.query("select 1").status_code == 200)


def test_sigterm_answers_what_is_in_flight_and_leaves_nothing(
    start: Callable[..., Server], rows: None
) -> None:
    server = start(QUERY_WORKERS="1", QUERY_TIMEOUT_SECONDS="4")
    workers = server.workers()
    busy = Busy(workers)
    thread, answers = in_background(server, SLOW)
    eventually(lambda: busy(workers[0]))
    server.process.send_signal(signal.SIGTERM)
    thread.join(30)
    assert answers[0].json()["code"] == "QUERY_TIMEOUT"
    assert server.process.wait(30) in (0, -signal.SIGTERM)
    eventually(lambda: not any(alive(pid) for pid in workers))


def test_workers_do_not_outlive_a_killed_server(start: Callable[..., Server], rows: None) -> None:
    server = start(QUERY_WORKERS="2")
    workers = server.workers()
    assert len(workers) == 2
    busy = Busy(workers)
    thread, _ = in_background_quietly(server)
    eventually(lambda: any(busy(pid) for pid in workers))
    server.process.kill()
    server.process.wait(10)
    thread.join(30)
    eventually(lambda: not any(alive(pid) for pid in workers))


def in_background_quietly(server: Server) -> "tuple[threading.Thread, list[Exception]]":
    """A query whose server goes away."""
    errors: list[Exception] = []

    def ask() -> None:
        try:
            server.query(SLOW)
        except httpx.TransportError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, errors


def alive(pid: int) -> bool:
    """Whether the process runs (one that only waits to be reaped does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
