import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import aws
from tests.fakes.cost_center import World
from tests.fakes.cost_center_cloud import REGION, Cloud, emulator
from tests.fakes.faults import Faults


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def account(emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a process in the emulator's account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_url)
    # The faster planner is a package of its own that nothing here needs.
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


@pytest.fixture
def cloud(account: None) -> Iterator[Cloud]:
    aws.clear_clients()
    yield Cloud.create()
    aws.clear_clients()


@pytest.fixture
def faults(account: None) -> Iterator[Faults]:
    """Clients that meet faults, in an account of the emulator's."""
    # Thousands of failures are meant, each with its trace.
    logging.disable(logging.CRITICAL)
    try:
        with Faults().possible() as possible:
            yield possible
    finally:
        logging.disable(logging.NOTSET)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
