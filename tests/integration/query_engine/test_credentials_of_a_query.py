"""Each query goes to its worker with its own tenant's credentials, fresh ones once the lake refused them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.query_engine.adapters.worker import Size
from services.query_engine.adapters.worker_pool import WorkerPool
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from services.query_engine.domain.plan import Plan
from shared.errors import Unavailable
from shared.tenancy import TenantId
from tests.fakes import query_engine_workers
from tests.fakes.query_engine_workers import Credentials

PLAN, LIMITS = Plan("polars", "SELECT 1", (), ()), Limits(rows=1, bytes=100)
ACME, CLOSED = TenantId("acme"), TenantId("closed")


@pytest.fixture
def credentials() -> Credentials:
    return Credentials()


@pytest.fixture
def pool(credentials: Credentials, tmp_path: Path) -> Iterator[WorkerPool]:
    size = Size(memory=2**30, threads=1, frames=0, files=0, folder=tmp_path)
    made = WorkerPool(workers=1, size=size, waiting=0, storage=credentials, target=query_engine_workers.main)
    yield made
    made.close()


def test_credentials_that_the_lake_refused_are_replaced_once(
    pool: WorkerPool, credentials: Credentials
) -> None:
    assert pool.run(ACME, PLAN, LIMITS, 30).rows == b"2"
    assert credentials.tenants == [ACME, ACME]
    assert pool.run(ACME, PLAN, LIMITS, 30).rows == b"2"
    assert credentials.tenants == [ACME, ACME, ACME]


def test_a_lake_that_stays_closed_is_told_after_the_second_try(
    pool: WorkerPool, credentials: Credentials
) -> None:
    with pytest.raises(Unavailable) as caught:
        pool.run(CLOSED, PLAN, LIMITS, 30)
    assert caught.value.code == LAKE_UNAVAILABLE
    assert credentials.tenants == [CLOSED, CLOSED]
    # The place in the line is free again.
    assert pool.run(ACME, PLAN, LIMITS, 30).rows == b"2"
