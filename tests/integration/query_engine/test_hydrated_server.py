"""The real server over copies and columns in memory: new sets, kills and many queries."""

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from services.cost_center.events import BILL_PREFIX
from services.query_engine.adapters.dataset_table import DatasetTable
from services.query_engine.domain.datasets import Dataset
from shared.table import TenantTable
from shared.tenancy import TenantId
from tests.fakes.query_engine_lake import DATASETS, Lake
from tests.integration.query_engine.conftest import Server, eventually
from tests.integration.query_engine.test_workers import SLOW, Busy, alive, in_background

ROWS = 3000
SUM = "select count(*) n, sum(BilledCost) c from charges"


def charges(cost: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "k": list(range(ROWS)),
            "ServiceName": [f"service {at % 7}" for at in range(ROWS)],
            "BilledCost": pl.Series([Decimal(cost)] * ROWS, dtype=pl.Decimal(38, 18)),
        }
    )


def expected(cost: int) -> list[dict[str, Any]]:
    return [{"n": ROWS, "c": str(ROWS * cost)}]


def restate(lake: Lake, tenant: str, cost: int) -> None:
    """Another set of the bill, in one write, and the dataset's row as the function writes it."""
    path = lake.put(f"{tenant}/curated/charges/data/set-{cost}.parquet", charges(cost))
    item = lake.bills.get(TenantId(tenant), f"{BILL_PREFIX}aws.2026-09")
    assert item
    version = item.pop("version")
    moment = datetime(2026, 11, 1, 0, 0, cost, tzinfo=UTC)
    item["published"]["published_at"] = moment.isoformat().replace("+00:00", "Z")
    item["published"]["tables"]["charges"] |= {"files": [path], "snapshot_id": 1000 + cost}
    lake.bills.put(TenantId(tenant), f"{BILL_PREFIX}aws.2026-09", item, expected_version=version)
    DatasetTable(TenantTable(DATASETS, lake.dynamodb)).record(
        TenantId(tenant), Dataset("aws.2026-09", "aws", "2026-09", ("charges",), ROWS, moment)
    )


def engine(server: Server, sql: str, tenant: str) -> str:
    answer = server.query(sql, tenant)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["engine"]
    return found


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    return start(
        QUERY_WORKERS="2",
        QUERY_WATCH_SECONDS="0.2",
        QUERY_FRAMES_MIB="64",
        QUERY_FILES_FOLDER=str(tmp_path_factory.mktemp("own")),
    )


def test_what_is_asked_for_comes_into_memory_and_the_record_says_so(server: Server, lake: Lake) -> None:
    lake.publish("hot", "aws.2026-09", {"charges": charges(1)})
    assert server.rows(SUM, "hot") == expected(1)
    eventually(lambda: engine(server, SUM, "hot") == "polars-memory")
    answer = server.query(SUM, "hot").json()
    assert answer["rows"] == expected(1)
    record = server.get(f"/v1/query/{answer['query_id']}", "hot").json()
    assert record["engine"] == "polars-memory"


def test_a_new_set_comes_into_memory_when_it_is_published(server: Server, lake: Lake) -> None:
    lake.publish("fresh", "aws.2026-09", {"charges": charges(1)})
    eventually(lambda: engine(server, SUM, "fresh") == "polars-memory")
    restate(lake, "fresh", 2)
    assert server.rows(SUM, "fresh") == expected(2)
    # Other columns than any query asked for so far: only what was brought in ahead can answer from memory.
    eventually(lambda: engine(server, SUM, "fresh") == "polars-memory")
    assert server.rows(SUM, "fresh") == expected(2)


def test_queries_see_one_set_or_the_other_while_sets_are_published(server: Server, lake: Lake) -> None:
    lake.publish("torn", "aws.2026-09", {"charges": charges(1)})
    done, seen, wrong = threading.Event(), set[str](), list[Any]()
    by_service = "select ServiceName, sum(BilledCost) c, count(*) n from charges group by 1"

    def ask() -> None:
        while not done.is_set():
            rows = server.rows(by_service, "torn")
            costs = {Decimal(row["c"]) / row["n"] for row in rows}
            if len(costs) != 1 or sum(row["n"] for row in rows) != ROWS:
                wrong.append(rows)
            seen.update(str(each) for each in costs)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for each in threads:
        each.start()
    for cost in range(2, 7):
        restate(lake, "torn", cost)
        eventually(lambda cost=cost: str(cost) in seen, 60)  # type: ignore[misc]
    done.set()
    for each in threads:
        each.join(60)
    assert wrong == []


def test_a_killed_worker_harms_no_other_and_is_filled_again(server: Server, lake: Lake) -> None:
    lake.publish("runaway", "aws.2026-09", {"charges": charges(1)})
    lake.publish("calm", "aws.2026-09", {"charges": charges(3)})
    assert server.rows(SUM, "calm") == expected(3)
    workers = server.workers()
    busy = Busy(workers)
    thread, answers = in_background(server, SLOW, "runaway")
    (stuck,) = eventually(lambda: [pid for pid in workers if busy(pid)])
    (other,) = [pid for pid in workers if pid != stuck]
    assert server.rows(SUM, "calm") == expected(3)
    os.kill(stuck, signal.SIGKILL)
    assert server.rows(SUM, "calm") == expected(3)
    thread.join(60)
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "WORKER_LOST")
    assert other in server.workers()
    eventually(lambda: len(server.workers()) == 2)
    assert server.rows(SUM, "runaway") == expected(1)
    eventually(lambda: engine(server, SUM, "hot") == "polars-memory")


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_nothing_is_left_of_two_hundred_queries(
    lake: Lake, start: Callable[..., Server], tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    server = start(QUERY_WORKERS="2", QUERY_FRAMES_MIB="64", QUERY_FILES_FOLDER=str(folder))
    lake.publish("many", "aws.2026-09", {"charges": charges(1)})
    queries = (
        SUM,
        "select ServiceName, sum(BilledCost) c from charges group by 1 order by 1",
        "select k from charges order by k desc limit 5",
        "select sum(BilledCost / (k - 5)) x from charges",
        "select nope from charges",
    )

    def round_of(count: int) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {server.token('many')}"}, timeout=60) as client:
            for at in range(count):
                answer = client.post(f"{server.url}/v1/query", json={"sql": queries[at % len(queries)]})
                assert answer.status_code in (200, 400, 422), answer.text

    def held() -> tuple[list[int], list[int], int, int]:
        pids = [server.process.pid, *server.workers()]
        threads = [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids]
        copies = sum(1 for each in folder.rglob("*") if each.is_file())
        return pids, [open_files(pid) for pid in pids], sum(threads), copies

    round_of(40)
    pids, files, threads, copies = held()
    round_of(200)
    again, more_files, more_threads, more_copies = held()
    assert again == pids
    assert all(after <= before + 3 for before, after in zip(files, more_files, strict=True)), (
        files,
        more_files,
    )
    assert more_threads <= threads + 3
    assert more_copies == copies
    assert not list(folder.rglob("*.part"))


def test_a_killed_server_leaves_no_process_and_the_next_no_half_copy(
    lake: Lake, start: Callable[..., Server], tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    server = start(QUERY_WORKERS="2", QUERY_FILES_FOLDER=str(folder))
    lake.publish("left", "aws.2026-09", {"charges": charges(4)})
    assert server.rows(SUM, "left") == expected(4)
    workers = server.workers()
    server.process.kill()
    server.process.wait(10)
    eventually(lambda: not any(alive(pid) for pid in workers))
    (copy,) = folder.rglob("*.parquet")
    half = copy.with_name("0.part")
    half.write_bytes(b"half")
    copy.write_bytes(copy.read_bytes()[:-1])

    again = start(QUERY_WORKERS="2", QUERY_FILES_FOLDER=str(folder), QUERY_WATCH_SECONDS="0.2")
    assert not half.exists()
    assert not copy.exists()
    assert again.rows(SUM, "left") == expected(4)
    assert copy.exists()
    assert engine(again, SUM, "left") in ("polars", "polars-memory")
