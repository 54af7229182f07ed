"""One platform of the sample stack for the tests that leave it as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.platform import Platform
from tests.fakes.local_platform import running_platform

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("home"), SAMPLE) as running:
        yield running
