"""The benchmarks of the chain, on one real platform. They print ratios and judge no machine."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.report import Report
from tests.e2e.conftest import Platform, free_port

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "chain.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-report", action="store_true", help=f"write {WRITTEN.name} in docs/benchmarks")


class Bare(Platform):
    """A platform as a user starts it: the tests' own recording of calls would be measured with it."""

    def environment(self) -> dict[str, str]:
        return {k: v for k, v in super().environment().items() if k != "ONYX_RECORD_CALLS"}


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    one = Bare(free_port(), tmp_path_factory.mktemp("onyx"))
    started = one.onyx("up", timeout=300)
    try:
        assert started.returncode == 0, started.stderr + started.stdout
        yield one
    finally:
        one.onyx("down", timeout=60)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Iterator[Report]:
    made = Report()
    yield made
    if pytestconfig.getoption("--write-report"):
        made.write(WRITTEN)


@pytest.fixture(autouse=True)
def shown(report: Report) -> Iterator[None]:
    """Prints the tables of a benchmark when it ends."""
    before = len(report.sections)
    yield
    for section in report.sections[before:]:
        sys.stdout.write("\n" + section.markdown())
