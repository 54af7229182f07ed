"""The page of the workflows' benchmarks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.report import Report

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "workflow.md"


def workflow_page(config: pytest.Config) -> Iterator[Report]:
    """A report that is written to it at the end, where that is asked for: the body of a fixture."""
    made = Report(title="What a workflow costs")
    yield made
    if config.getoption("--write-report"):
        made.write(WRITTEN)
