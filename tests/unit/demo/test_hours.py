"""Hourly lines: the hours of a day are that day, and they are as many as AWS would write."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from infra.demo.formats.context import Context
from infra.demo.generate import truth
from infra.demo.presets import PRESETS
from infra.demo.spec import Granularity, Month, Spec
from infra.demo.world import World
from tests.fakes.demo_bills import rows, written

SPEC = replace(PRESETS["startup"].usual, months=1, rows=2_000, start=Month.parse("2026-08"))


def lines(world: World, spec: Spec) -> pl.DataFrame:
    return pl.concat([*truth(Context(spec, world, spec.start))])


@pytest.fixture(scope="module")
def both() -> tuple[pl.DataFrame, pl.DataFrame]:
    """One world, by days and by hours."""
    world = PRESETS["startup"].build(SPEC)
    return lines(world, SPEC), lines(world, replace(SPEC, granularity=Granularity.HOURLY))


@pytest.mark.parametrize("amount", ["quantity", "cost", "list_cost", "effective", "extra"])
def test_the_hours_of_a_day_add_up_to_the_day(both: tuple[pl.DataFrame, pl.DataFrame], amount: str) -> None:
    def by_day(frame: pl.DataFrame) -> dict[tuple[object, ...], int]:
        keys = ("kind", "account", "product", "usage_type", "resource", "arn", pl.col("start").dt.date())
        grouped = frame.group_by(keys).agg(pl.col(amount).cast(pl.Int128).sum())
        return {key: total for *key_parts, total in grouped.rows() if (key := tuple(key_parts))}

    days, hours = map(by_day, both)
    assert days == hours
    assert any(days.values())


def test_usage_has_periods_of_an_hour_and_a_curve(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    _, hours = both
    usage = hours.filter(pl.col("kind").is_in(["Usage", "SavingsPlanCoveredUsage", "DiscountedUsage"]))
    assert set((usage["end"] - usage["start"]).unique()) == {timedelta(hours=1)}
    assert set(usage["start"].dt.hour().unique()) == set(range(24))
    requests = usage.filter(pl.col("usage_type").str.ends_with("Requests-Tier2"))
    by_hour = dict(requests.group_by(pl.col("start").dt.hour()).agg(pl.col("quantity").sum()).rows())
    assert by_hour[15] > 3 * by_hour[3]


def test_a_savings_plan_is_charged_and_used_by_the_hour(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    days, hours = both
    for name, part in (("SavingsPlanRecurringFee", 24), ("SavingsPlanNegation", 24)):
        found = [frame.filter(pl.col("kind") == name).height for frame in (days, hours)]
        assert found[0] * part == found[1]
    fees = hours.filter(pl.col("kind") == "SavingsPlanRecurringFee")
    assert (fees["plan_total"] > fees["plan_used"]).all()


def test_a_report_says_the_hour(tmp_path: Path) -> None:
    found = rows(written(tmp_path, single=True, granularity=Granularity.HOURLY, months=1).files)
    hours: dict[str, int] = defaultdict(int)
    for row in found:
        if row["lineItem/LineItemType"] == "Usage":
            start, end = row["identity/TimeInterval"].split("/")
            assert (start, end) == (row["lineItem/UsageStartDate"], row["lineItem/UsageEndDate"])
            assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(hours=1)
            hours[start[11:]] += 1
    assert len(hours) == 24
