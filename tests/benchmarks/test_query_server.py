"""What the server adds to a query: processor time of its processes over that of the same query in process."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

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
from tests.benchmarks.report import Report, verdict
from tests.fakes.query_engine import CLIENT, ISSUER, FakeCatalog, FakeQueryLog, Signer
from tests.fakes.query_engine_lake import BILLS, DATASETS, LAKE, QUERIES, RESULTS, Lake

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "docs" / "benchmarks" / "query_server.md"
TARGET = 1.15
ROWS, MONTHS, QUERIES_EACH = 500_000, 3, 60
ACME = TenantId("acme")
ADA = Principal(ACME, "ada", frozenset({Role.VIEWER}))
SQL = """SELECT ServiceName, RegionId, date_trunc('day', ChargePeriodStart) AS Day, sum(BilledCost) AS Billed,
  sum(EffectiveCost) AS Effective FROM charges GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT 20"""


def charges(month: int) -> pl.DataFrame:
    money = pl.int_range(pl.len()).cast(pl.Decimal(38, 18)) / Decimal(1000)
    return pl.select(number=pl.int_range(ROWS // MONTHS)).select(
        ServiceName=pl.format("Service{}", pl.col("number") % 40),
        RegionId=pl.format("region-{}", pl.col("number") % 12),
        ChargePeriodStart=pl.lit(datetime(2026, month, 1, tzinfo=UTC)).dt.offset_by(
            pl.format("{}h", pl.col("number") % 672)
        ),
        BilledCost=money.cast(pl.Decimal(38, 18)),
        EffectiveCost=money.cast(pl.Decimal(38, 18)),
    )


def seconds(pids: list[int]) -> float:
    """Processor time that the processes have used."""
    used = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


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
        for month in range(1, MONTHS + 1):
            self.lake.publish("acme", f"aws.2026-0{month}", {"charges": charges(month)})
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
            "DATASET_TABLE": DATASETS,
            "LAKE_BUCKET": LAKE,
            "RESULTS_BUCKET": RESULTS,
            "TENANT_ROLE_ARN": "arn:aws:iam::123456789012:role/tenant-data",
            "TOKEN_ISSUER": ISSUER,
            "TOKEN_CLIENT_IDS": CLIENT,
            "QUERY_WAITING": "64",
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

    def here(self, queries: int) -> float:
        """Processor seconds a query, in this process."""
        before = time.process_time()
        for _ in range(queries):
            self.ask_here(ADA, SQL)
        return (time.process_time() - before) / queries

    def served(self, clients: int, queries: int) -> tuple[float, list[float]]:
        """Processor seconds a query of the server and its workers; and how long each took, sorted."""
        headers = {"Authorization": f"Bearer {self.signer.token()}"}

        def client(count: int) -> list[float]:
            took = []
            with httpx.Client(base_url=self.url, headers=headers, timeout=120) as http:
                for _ in range(count):
                    began = time.monotonic()
                    answer = http.post("/v1/query", json={"sql": SQL})
                    assert answer.status_code == 200, answer.text
                    took.append(time.monotonic() - began)
            return took

        pids = self.pids()
        before = seconds(pids)
        with ThreadPoolExecutor(clients) as pool:
            took = [
                each for found in pool.map(client, [max(queries // clients, 2)] * clients) for each in found
            ]
        return (seconds(pids) - before) / len(took), sorted(took)

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


def test_processor_time_of_a_query_over_http(world: World, pytestconfig: pytest.Config) -> None:
    report = Report(title="What the query server adds")
    section = report.section(
        "Processor time of a query, served",
        f"{ROWS:,} rows in memory, a group by of three keys over two decimals, {QUERIES_EACH} queries each. "
        "Server and workers (tokens, queue, catalog check, two audit writes, JSON) over the same use case in "
        "one process without them; DynamoDB's emulator is another process. "
        f"Target: at most {TARGET}.",
        "clients",
        "in process, ms",
        "served, ms",
        "ratio",
        "p95, ms",
        "",
    )
    world.here(3)
    world.served(2, 12)
    for clients in (1, 8, 32):
        # Before and after: a machine that others use is not the same for long.
        first = world.here(15)
        served, took = world.served(clients, QUERIES_EACH)
        here = (first + world.here(15)) / 2
        ratio = served / here
        p95 = took[int(len(took) * 0.95) - 1]
        section.add(
            clients,
            f"{here * 1000:.1f}",
            f"{served * 1000:.1f}",
            f"{ratio:.2f}",
            f"{p95 * 1000:.0f}",
            verdict(ratio, at_most=TARGET),
        )
    sys.stdout.write("\n" + section.markdown())
    if pytestconfig.getoption("--write-report"):
        report.write(WRITTEN)
    assert {line[0] for line in section.rows} == {"1", "8", "32"}
    assert timedelta(seconds=took[0]) > timedelta(0)
