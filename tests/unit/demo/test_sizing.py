"""As many rows as were asked for, from one on; and what a bill that may have few rows does without."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.demo.generate import Written
from infra.demo.presets import PRESETS
from infra.demo.sizing import at_most
from infra.demo.spec import BillFormat, Container, Granularity, Month
from infra.demo.world import World
from tests.fakes.demo_bills import Row, rows, written

KIND = "lineItem/LineItemType"


@settings(max_examples=25, deadline=None)
@given(
    wanted=st.integers(1, 4_000),
    months=st.integers(1, 3),
    accounts=st.integers(2, 30),
    seed=st.integers(0, 2**40),
    edp=st.sampled_from([0, 900]),
    rare=st.booleans(),
    granularity=st.sampled_from(list(Granularity)),
)
@example(wanted=1, months=3, accounts=2, seed=1, edp=900, rare=True, granularity=Granularity.HOURLY)
@example(wanted=59, months=2, accounts=2, seed=3, edp=0, rare=False, granularity=Granularity.DAILY)
def test_a_bill_has_the_rows_that_were_asked_for(wanted: int, **more: Any) -> None:
    edp = more.pop("edp")
    with TemporaryDirectory() as folder:
        bill = written(
            Path(folder), single=True, rows=wanted, edp_basis_points=edp, start=Month.parse("2027-01"), **more
        )

        assert bill.rows == sum(bill.answers["rows"].values()) == len(rows(bill.files)) == wanted


@pytest.mark.parametrize("wanted", [13_000, 60_000])
@pytest.mark.parametrize("preset", ["startup", "enterprise"])
@pytest.mark.parametrize("granularity", list(Granularity))
def test_larger_bills_have_them_too(
    tmp_path: Path, preset: str, wanted: int, granularity: Granularity
) -> None:
    bill = written(tmp_path, preset=preset, rows=wanted, single=True, granularity=granularity)

    assert bill.rows == wanted


def test_domo_has_them_from_the_rows_on_that_its_totals_need(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"preset": "domo", "single": True, "months": 1}
    least = written(tmp_path / "least", rows=1, **changes)
    more = written(tmp_path / "more", rows=20_000, **changes)

    assert 13_000 < least.rows < 15_000
    assert more.rows == 20_000
    assert least.answers["totals"]["total"] == more.answers["totals"]["total"]


def test_what_is_missing_is_free_and_little(tmp_path: Path) -> None:
    bill = written(tmp_path, single=True, rows=12_000, months=3)
    free = [row for row in rows(bill.files) if row["lineItem/ProductCode"] == "AWSCloudTrail"]

    assert 0 < len(free) < 12_000 // 40
    assert {row["lineItem/UnblendedCost"] for row in free} == {"0.0000000000"}
    assert len({row["bill/BillingPeriodStartDate"] for row in free}) == 3
    places = {(row["lineItem/ResourceId"], row["lineItem/UsageStartDate"]) for row in free}
    assert len(places) == len(free)


def world(wanted: int) -> World:
    spec = replace(PRESETS["startup"].usual, rows=wanted, months=1, accounts=2)
    found = PRESETS["startup"].build(spec)
    assert at_most(found, spec) <= wanted
    return found


def test_what_is_dropped_first() -> None:
    """Ordinary resources, anomalies, commitments, the month's end, waste; and of one instance days."""
    sizes = [2_000, 1_050, 800, 400, 100, 20]
    has = [
        (
            any(meter.anomaly for meter in found.meters),
            bool(found.plans),
            found.extras,
            any(meter.waste for meter in found.meters),
            len(found.meters) > 1,
        )
        for found in map(world, sizes)
    ]

    assert has[0] == (True, True, True, True, True)
    assert has[-1] == (False, False, False, False, False)
    # What is gone stays gone, and nothing goes before what stands left of it.
    for richer, poorer in pairwise(has):
        assert all(was or not still for was, still in zip(richer, poorer, strict=True))
    assert all(list(each) == sorted(each) for each in has)


@pytest.mark.parametrize("fmt", list(BillFormat))
def test_one_row_is_a_bill_with_its_key(tmp_path: Path, fmt: BillFormat) -> None:
    bill = written(tmp_path, format=fmt, container=Container.CSV, rows=1, months=1, accounts=2)
    (row,) = rows(bill.files)

    total = bill.answers["totals"]["total"]
    cost = row["BilledCost"] if fmt is BillFormat.FOCUS else cost_of(row)
    assert float(cost) == float(total["billed"]) == float(total["effective"]) > 0
    assert bill.answers["anomalies"] == bill.answers["waste"] == []


def cost_of(row: Row) -> str:
    return row.get("lineItem/UnblendedCost") or row["line_item_unblended_cost"]


def test_a_month_without_a_row_is_not_delivered(tmp_path: Path) -> None:
    bill: Written = written(tmp_path, rows=2, months=3)

    assert [path.parent.name for path in bill.manifests] == ["20260801-20260901", "20260901-20261001"]
    assert bill.answers["periods"] == ["2026-08", "2026-09"]
    assert len(bill.files) == 2
