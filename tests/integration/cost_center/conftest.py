import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import aws
from tests.fakes.cost_center import World
from tests.fakes.cost_center_cloud import REGION, Cloud, emulator


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def cloud(emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator_url)
    # The faster planner is a package of its own that nothing here needs.
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    aws.clear_clients()
    yield Cloud.create()
    aws.clear_clients()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
