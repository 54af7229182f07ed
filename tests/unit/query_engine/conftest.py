import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services.query_engine.adapters.engines import run
from services.query_engine.adapters.text_twins import add_twins
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Table
from tests.fakes.query_engine import NOW, demo_tables

MONEY = pl.Decimal(38, 18)
LIMITS = Limits(rows=100_000, bytes=50_000_000)


def demo_frame(rows: int, seed: int) -> pl.DataFrame:
    """Charges with decimals of every size, negatives, nulls, leap days and month ends."""
    pick = random.Random(seed)

    def maybe(value: Any) -> Any:
        return None if pick.random() < 0.06 else value

    def cost() -> Decimal:
        return Decimal(pick.randint(-(10 ** pick.randint(1, 21)), 10 ** pick.randint(1, 23))).scaleb(-18)

    start = datetime(2024, 1, 1, tzinfo=UTC)
    services = ["AmazonEC2", "AmazonS3", "AWSLambda", "Amazon_RDS%", "", "a.b"]
    return pl.DataFrame(
        {
            "ServiceName": [maybe(pick.choice(services)) for _ in range(rows)],
            "RegionId": [maybe(pick.choice(["us-east-1", "eu-west-1", "global"])) for _ in range(rows)],
            "BilledCost": pl.Series([maybe(cost()) for _ in range(rows)], dtype=MONEY),
            "EffectiveCost": pl.Series([maybe(cost()) for _ in range(rows)], dtype=MONEY),
            "ChargePeriodStart": pl.Series(
                [maybe(start + timedelta(minutes=pick.randint(0, 1_500_000))) for _ in range(rows)],
                dtype=pl.Datetime("us", "UTC"),
            ),
            "Day": [maybe(date(2024, 1, 1) + timedelta(days=pick.randint(0, 1100))) for _ in range(rows)],
            "N": [maybe(pick.randint(-50, 50)) for _ in range(rows)],
            "M": [pick.randint(1, 9) for _ in range(rows)],
            "F": [maybe(pick.uniform(-5, 5)) for _ in range(rows)],
            "Flag": [maybe(pick.random() < 0.5) for _ in range(rows)],
            "Tags": pl.Series(
                [maybe({"env": pick.choice(["prod", "dev"])}) for _ in range(rows)],
                dtype=pl.Map(pl.String, pl.String),
            ),
        }
    )


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("lake")
    files = {}
    for name, rows, seed in (("charges", 1500, 1), ("small", 40, 2)):
        path = folder / f"{name}.parquet"
        demo_frame(rows, seed).write_parquet(path)
        add_twins(path, "acme")
        files[name] = (str(path),)
    return files


@pytest.fixture(scope="session")
def tables(demo_files: dict[str, tuple[str, ...]]) -> dict[str, Table]:
    return demo_tables(demo_files)


@pytest.fixture(scope="session", params=["polars", "duckdb"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn: what a test says holds on both."""
    return str(request.param)


@pytest.fixture(scope="session")
def ask(tables: dict[str, Table], engine: str) -> Callable[[str], Answer]:
    """Answers SQL over the demo tables with each engine, in this process."""

    def answer(sql: str) -> Answer:
        return run(compile_query(sql, tables, NOW, engine), LIMITS, {})

    return answer


SNAPSHOTS = Path(__file__).parent / "snapshots"
