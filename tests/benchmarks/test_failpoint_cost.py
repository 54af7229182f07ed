"""A failpoint that is not armed must cost nothing that can be measured."""

import os
import statistics
import timeit

import pytest

from tests.benchmarks.report import Report

CALLS, ROUNDS = 200_000, 7
POINTS_PER_EVENT = 20
"""More than any one event or bill passes."""
EVENT_SECONDS = 0.005
"""Less than any one event takes."""


def nothing(name: str) -> None:
    """What a failpoint is measured against."""


def test_a_disarmed_failpoint(report: Report) -> None:
    failpoints = pytest.importorskip("shared.failpoints", reason="shared/failpoints.py is not there")
    assert failpoints.NAME not in os.environ
    costs = {
        name: statistics.median(timeit.repeat(lambda f=f: f("a point"), number=CALLS, repeat=ROUNDS)) / CALLS
        for name, f in {
            "an empty function": nothing,
            "failpoint": failpoints.failpoint,
        }.items()
    }
    section = report.section(
        "A disarmed failpoint",
        f"Nanoseconds per call, median of {ROUNDS} rounds of {CALLS:,}; and what {POINTS_PER_EVENT} of them "
        f"take of an event that takes {EVENT_SECONDS * 1000:g} ms. Target: not measurable (below 0.1%).",
        *("call", "ns", "over an empty function", "share of an event", ""),
    )
    empty = costs["an empty function"]
    for name, cost in costs.items():
        share = POINTS_PER_EVENT * (cost - empty) / EVENT_SECONDS
        section.add(
            name,
            f"{cost * 1e9:.0f}",
            f"{cost / empty:.2f}",
            f"{share:.4%}",
            "PASS" if share < 0.001 else "over the target",
        )
