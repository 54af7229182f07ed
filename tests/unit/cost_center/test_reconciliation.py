"""Reconciliation must be able to fail: whatever is spoiled between raw and curated refuses the bill."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from services.cost_center.domain.bill import Status
from services.cost_center.domain.reconciliation import reconcile
from services.cost_center.domain.tables import GroupKey, GroupTotal, StagedTable
from services.cost_center.events import BillRejected
from shared.money import money_text
from tests.fakes.cost_center import ACME, Tampering, World
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows

Change = Callable[[pl.DataFrame], pl.DataFrame]


def rewriting(change: Change) -> Callable[[StagedTable], StagedTable]:
    def tamper(staged: StagedTable) -> StagedTable:
        [path] = staged.paths
        frame = change(pl.read_parquet(path))
        frame.write_parquet(path)
        return replace(staged, rows=frame.height)

    return tamper


def drop(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.head(frame.height - 1)


def duplicate(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def alter(frame: pl.DataFrame) -> pl.DataFrame:
    last_decimal = pl.lit(Decimal("0.000000000000000001"), dtype=pl.Decimal(38, 18))
    first = pl.int_range(pl.len()) == 0
    return frame.with_columns(
        pl.when(first)
        .then(pl.col("BilledCost") + last_decimal)
        .otherwise(pl.col("BilledCost"))
        .alias("BilledCost")
    )


def move(frame: pl.DataFrame) -> pl.DataFrame:
    """The sum stays, but the money is another account's."""
    return frame.with_columns(pl.lit("999999999999").alias("BillingAccountId"))


def swap_for_free(frame: pl.DataFrame) -> pl.DataFrame:
    """A row without cost is lost: no sum shows it, the count does."""
    return frame.filter(pl.col("BilledCost") != 0)


def relabel(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit("EUR").alias("BillingCurrency"))


def postpone(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit("2026-10").alias("x_BillingPeriod"))


@pytest.mark.parametrize("change", [drop, duplicate, alter, move, swap_for_free, relabel, postpone])
def test_a_spoiled_curated_table_is_refused_and_nothing_is_published(tmp_path: Path, change: Change) -> None:
    world = World(tmp_path, Tampering(rewriting(change)))
    rows = [*cur_rows(3), {**CUR_ROW, "lineItem/UnblendedCost": "0.0"}]

    [outcome] = world.deliver("acme/aws/bill.csv", csv_bytes(rows))

    assert outcome.status is Status.REJECTED
    assert "does not reconcile" in outcome.reasons[0]
    assert world.lake.tables == {}
    assert world.lake.uploads == 0
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.published is None
    [event] = world.bills.events
    assert isinstance(event, BillRejected)
    assert event.reasons[0].column == "BilledCost"


def test_an_unspoiled_table_passes_the_same_way(tmp_path: Path) -> None:
    world = World(tmp_path, Tampering(rewriting(lambda frame: frame)))

    [outcome] = world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    assert outcome.status is Status.INGESTED


def test_more_than_18_decimals_are_rounded_half_even_and_the_residue_is_reported(world: World) -> None:
    costs = ["0.1234567890123456785", "0.1234567890123456775", "1.5E-19", "0.2"]
    rows = [{**CUR_ROW, "lineItem/UnblendedCost": cost} for cost in costs]

    [outcome] = world.deliver("acme/aws/bill.csv", csv_bytes(rows))

    assert outcome.status is Status.INGESTED
    exact = sum((Decimal(cost) for cost in costs), Decimal(0))
    curated = Decimal("0.123456789012345678") * 2 + Decimal("0.2")
    [total] = outcome.totals
    assert (total.raw, total.curated) == (exact, curated)
    assert total.difference == exact - curated
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.published is not None
    [group] = world.bills.reconciliation(ACME, "aws.2026-09", bill.published)
    assert group.residue == exact - curated
    assert outcome.reasons == (
        f"amounts of more than 18 decimals were rounded: the residue is {money_text(exact - curated)} USD",
    )
    assert group.adds_up


def test_groups_that_only_one_side_has_count_as_nothing_on_the_other() -> None:
    one, other = GroupKey("a", "2026-09", "", "USD"), GroupKey("b", "2026-09", "", "USD")
    found = reconcile({one: GroupTotal(Decimal(1), 1)}, {other: GroupTotal(Decimal(1), 1)}, {})

    assert [(group.key, group.difference, group.adds_up) for group in found] == [
        (one, Decimal(1), False),
        (other, Decimal(-1), False),
    ]


def test_differences_are_exact_beyond_28_digits() -> None:
    key = GroupKey("a", "2026-09", "", "USD")
    raw = Decimal("12345678901234567890.123456789012345678")
    curated = Decimal("12345678901234567890.123456789012345677")

    [group] = reconcile({key: GroupTotal(raw, 1)}, {key: GroupTotal(curated, 1)}, {})

    assert group.difference == Decimal("0.000000000000000001")
    assert not group.adds_up
