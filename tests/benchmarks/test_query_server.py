"""What the server adds to a query: processor time of its processes over that of the same query in process."""

import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import httpx
import polars as pl
import pytest

from services.query_engine.adapters import engines
from services.query_engine.adapters.file_cache import FileCache
from services.query_engine.adapters.frames import FrameStore
from services.query_engine.adapters.hydration import Hydration
from services.query_engine.adapters.lake_reader import LakeReader
from services.query_engine.adapters.published_catalog import PublishedCatalog
from services.query_engine.application.answer_query import AnswerQuery
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.plan import Plan
from shared.clock import SystemClock
from shared.ids import UuidIds
from shared.table import TenantTable
from shared.tenancy import Principal, Role, TenantId
from tests.benchmarks.finops_set import QUESTIONS
from tests.benchmarks.report import Report, verdict
from tests.benchmarks.test_hydration import month
from tests.fakes.query_engine import CLIENT, ISSUER, FakeCatalog, FakeQueryLog, Signer
from tests.fakes.query_engine_lake import BILLS, DATASETS, LAKE, POLICIES, QUERIES, RESULTS, Lake

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "docs" / "benchmarks" / "query_server.md"
TARGET = 1.15
ROWS, MONTHS, QUERIES_EACH, ROUNDS = 1_200_000, (6, 7, 8), 32, 4
ACME = TenantId("acme")
ADA = Principal(ACME, "ada", frozenset({Role.VIEWER}))
# Of the FinOps questions: those over the columns that a new bill has in memory before anybody asks.
ASKED = (
    "cost by service",
    "cost by day and service",
    "top accounts and services",
    "one day",
    "day over day",
    "month to date",
    "three services of each account",
    "resources per service",
)
SQL = [QUESTIONS[each] for each in ASKED]
_numbers = itertools.count()


def as_it_is(sql: str) -> str:
    return sql


def never_asked(sql: str) -> str:
    """The same question in a text for which no plan is kept."""
    return f"{sql} -- {next(_numbers)}"


def charges(number: int) -> pl.DataFrame:
    found = month(ROWS // len(MONTHS), number)
    later = pl.col("ChargePeriodStart").dt.offset_by(f"{number - 9}mo")
    usage = pl.when(pl.int_range(pl.len()) % 20 > 0).then(pl.lit("Usage")).otherwise("ChargeCategory")
    return found.with_columns(ChargePeriodStart=later, ChargeCategory=usage)


def seconds(pids: list[int]) -> float:
    """Processor time that the processes have used."""
    used = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


class DuckDB:
    """The same files, and tables of its own with the same rows."""

    def __init__(self, folder: Path) -> None:
        self._connection = duckdb.connect()
        files = f"read_parquet('{folder}/*.parquet')"
        self._connection.execute("create schema files; create schema tables")
        self._connection.execute(f"create view files.charges as select * from {files}")
        self._connection.execute(f"create table tables.charges as select * from {files}")

    def cursor(self, schema: str) -> Callable[[str], None]:
        own = self._connection.cursor()
        own.execute(f"use {schema}")

        def ask(sql: str) -> None:
            own.execute(sql).to_arrow_table()

        return ask


def together(clients: int, queries: int, client: Callable[[int], Callable[[str], None]]) -> list[float]:
    """How long each query took, sorted: the questions in turn, each client beginning with another."""

    def asking(number: int) -> list[float]:
        ask, took = client(number), []
        for turn in range(max(queries // clients, 2)):
            began = time.monotonic()
            ask(SQL[(number + turn) % len(SQL)])
            took.append(time.monotonic() - began)
        return took

    with ThreadPoolExecutor(clients) as pool:
        return sorted(each for found in pool.map(asking, range(clients)) for each in found)


class World:
    """AWS, a server over it, and the same query without one."""

    def __init__(self, folder: Path) -> None:
        self.signer = Signer()
        command = [sys.executable, "-m", "tests.benchmarks.query_aws", json.dumps(self.signer.jwks())]
        self.aws = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.aws.stdout
        self.endpoint = self.aws.stdout.readline().strip()
        self.lake = Lake(self.endpoint)
        for number in MONTHS:
            frame = charges(number)
            frame.write_parquet(folder / f"{number}.parquet")
            self.lake.publish("acme", f"aws.2026-0{number}", {"charges": frame})
        self.duckdb = DuckDB(folder)
        self._in_process(folder)
        self._serve(folder)

    def _in_process(self, folder: Path) -> None:
        (folder / "here").mkdir()
        hydration = Hydration(FileCache(folder / "here", 2**32, LakeReader()), FrameStore(768 * 2**20))
        storage = {
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "aws_session_token": "test",
            "aws_region": "us-east-1",
            "aws_endpoint_url": self.endpoint,
            "aws_virtual_hosted_style_request": "false",
            "aws_allow_http": "true",
        }

        class Here:
            name = "here"

            def run(
                self,
                tenant: TenantId,
                plan: Plan,
                limits: Limits,
                timeout_seconds: float,
                stop: threading.Event | None = None,
            ) -> Answer:
                return engines.run(plan, limits, storage, tenant=tenant, hydration=hydration)

        catalog = PublishedCatalog(TenantTable(BILLS, self.lake.dynamodb), LAKE).tables(ACME)
        self.ask_here = AnswerQuery(
            FakeCatalog({"acme": catalog}),
            Here(),
            FakeQueryLog(),
            SystemClock(),
            UuidIds(),
            Limits(10_000, 9 * 2**20),
            60,
        )

    def _serve(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (folder / "served").mkdir(mode=0o700)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BILL_TABLE": BILLS,
            "QUERY_TABLE": QUERIES,
            "ROW_POLICY_TABLE": POLICIES,
            "DATASET_TABLE": DATASETS,
            "LAKE_BUCKET": LAKE,
            "RESULTS_BUCKET": RESULTS,
            "TENANT_ROLE_ARN": "arn:aws:iam::123456789012:role/tenant-data",
            "TOKEN_ISSUER": ISSUER,
            "TOKEN_CLIENT_IDS": CLIENT,
            "QUERY_WAITING": "64",
            "QUERY_TIMEOUT_SECONDS": "110",
            "QUERY_FILES_FOLDER": str(folder / "served"),
            "PORT": str(port),
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        self.server = subprocess.Popen(
            [sys.executable, "-m", "services.query_engine.handlers.server"],
            cwd=ROOT,
            env=kept | environment,
            stdout=subprocess.DEVNULL,
        )
        self.url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not self._healthy():
            assert time.monotonic() < deadline, "the server did not come up"
            assert self.server.poll() is None, "the server ended"
            time.sleep(0.2)

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def pids(self) -> list[int]:
        """The server, and its workers."""
        found = [self.server.pid]
        for task in Path(f"/proc/{self.server.pid}/task").iterdir():
            found += [int(each) for each in (task / "children").read_text().split()]
        return found

    def here(self, rounds: int, text: Callable[[str], str] = as_it_is) -> float:
        """Processor seconds a query, in this process."""
        before = time.process_time()
        for sql in SQL * rounds:
            self.ask_here(ADA, text(sql))
        return (time.process_time() - before) / len(SQL) / rounds

    def served(
        self, clients: int, queries: int, text: Callable[[str], str] = as_it_is
    ) -> tuple[float, float, list[float]]:
        """Processor seconds a query of the server, and of its workers; and how long each took, sorted."""
        headers = {"Authorization": f"Bearer {self.signer.token()}"}

        def client(number: int) -> Callable[[str], None]:
            http = httpx.Client(base_url=self.url, headers=headers, timeout=120)

            def ask(sql: str) -> None:
                answer = http.post("/v1/query", json={"sql": text(sql)})
                assert answer.status_code == 200, answer.text

            return ask

        pids = self.pids()
        server, workers = seconds(pids[:1]), seconds(pids[1:])
        took = together(clients, queries, client)
        return (
            (seconds(pids[:1]) - server) / len(took),
            (seconds(pids[1:]) - workers) / len(took),
            took,
        )

    def warm(self) -> None:
        """Until both workers hold what is asked for."""
        headers = {"Authorization": f"Bearer {self.signer.token()}"}
        deadline = time.monotonic() + 120
        held = 0
        with httpx.Client(base_url=self.url, headers=headers, timeout=120) as http:
            while held < 2:
                self.served(4, 16)
                answers = [http.post("/v1/query", json={"sql": sql}).json() for sql in SQL]
                held = held + 1 if all(each["engine"].endswith("-memory") for each in answers) else 0
                assert time.monotonic() < deadline, [each["engine"] for each in answers]

    def close(self) -> None:
        self.server.terminate()
        self.server.wait(60)
        self.aws.kill()
        self.aws.wait()


@pytest.fixture
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        made = World(Path(folder))
        yield made
        made.close()


def p95(took: list[float]) -> float:
    return took[int(len(took) * 0.95) - 1]


@pytest.mark.timeout(900)
def test_processor_time_of_a_query_over_http(world: World, pytestconfig: pytest.Config) -> None:
    report = Report(title="What the query server adds")
    section = report.section(
        "Processor time of a query, served",
        f"{len(SQL)} questions of the FinOps set in turn over {ROWS:,} rows of {len(MONTHS)} months in "
        f"memory, {QUERIES_EACH * ROUNDS} queries each. Server and workers (tokens, queue, checks of catalog "
        "and policies, two audit writes, JSON) over the same use case in one process without them; DynamoDB "
        "is another process, which answers from memory. Plans are kept on both sides for texts that were "
        "asked before, on neither for new ones; results nowhere. In process is measured before and after "
        f"each of {ROUNDS} rounds. Target: at most {TARGET}.",
        "clients",
        "texts",
        "in process, ms",
        "server, ms",
        "workers, ms",
        "ratio",
        "",
    )
    waits = report.section(
        "How long 32 clients wait",
        "The same questions, 95th percentile: over HTTP, and of as many cursors of one DuckDB connection in "
        "this process over the same parquet files on disk and over its own tables. Target: at most DuckDB's.",
        "what",
        "p95, ms",
        "a second",
        "",
    )
    world.here(1)
    world.warm()
    for clients, texts, text in (
        *((number, "asked before", as_it_is) for number in (1, 8, 32)),
        *((number, "new", never_asked) for number in (1, 32)),
    ):
        # Before and after: a machine that others use is not the same for long.
        here, server, workers = [world.here(1, text)], 0.0, 0.0
        for _ in range(ROUNDS):
            found = world.served(clients, QUERIES_EACH, text)
            server, workers = server + found[0] / ROUNDS, workers + found[1] / ROUNDS
            here.append(world.here(1, text))
        alone = sum(here) / len(here)
        ratio = (server + workers) / alone
        each = (f"{each * 1000:.1f}" for each in (alone, server, workers))
        section.add(clients, texts, *each, f"{ratio:.2f}", verdict(ratio, at_most=TARGET))
        sys.stdout.write(f"\n{section.rows[-1]}")
        sys.stdout.flush()
    began = time.monotonic()
    _, _, took = world.served(32, QUERIES_EACH * 2)
    served, rate = p95(took), len(took) / (time.monotonic() - began)
    waits.add("over HTTP", f"{served * 1000:.0f}", f"{rate:.1f}", "")
    for name in ("files", "tables"):
        began = time.monotonic()
        took = together(32, QUERIES_EACH * 2, lambda _, name=name: world.duckdb.cursor(name))  # type: ignore[misc]
        rate = len(took) / (time.monotonic() - began)
        waits.add(
            f"DuckDB's {name}", f"{p95(took) * 1000:.0f}", f"{rate:.1f}", verdict(served, at_most=p95(took))
        )
    sys.stdout.write("\n" + section.markdown() + "\n" + waits.markdown())
    if pytestconfig.getoption("--write-report"):
        report.write(WRITTEN)
    assert {line[0] for line in section.rows} == {"1", "8", "32"}
