"""Which of a bill's deliveries is published, whatever the order in which they come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.domain.bill import PublishedSet, Status, judge
from tests.fakes.cost_center import ACME, NOW, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows

Arrival = tuple[int, int, str]
"""Second, place in the order of that second, content."""


def arrive(published: PublishedSet | None, arrival: Arrival) -> PublishedSet:
    """What is published after the arrival, as `Publish` writes it."""
    second, place, content = arrival
    at, order = NOW + timedelta(seconds=second), f"acme/aws/{place}\nd{place}"
    status, _ = judge(published, content=content, recipe="r", delivered_at=at, order=order)
    if published is None or status is Status.RESTATED:
        return PublishedSet(order, "a", content, "r", at, NOW, True, {}, order)
    if published.content == content:
        newest = max((published.delivered_at, published.order), (at, order))
        return replace(published, delivered_at=newest[0], order=newest[1])
    return published


def end(arrivals: Sequence[Arrival]) -> tuple[str, object, str]:
    published = None
    for each in arrivals:
        published = arrive(published, each)
    assert published is not None
    return published.content, published.delivered_at, published.order


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 9), st.sampled_from("abc")),
        min_size=1,
        max_size=8,
        unique_by=lambda each: each[1],
    ).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each)))
)
def test_the_newest_is_published_in_whatever_order_they_come(
    orders: tuple[list[Arrival], list[Arrival]],
) -> None:
    told, shuffled = orders
    assert end(shuffled) == end(told)
    assert end(told)[0] == max(told)[2], "the last one of the last second"


def test_deliveries_of_one_second_end_alike(tmp_path: Path) -> None:
    """Three uploads in one second of S3's clock: the last one to be begun is published."""
    uploads = {f"acme/aws/{number}/bill.csv": csv_bytes(cur_rows(number)) for number in (1, 2, 3)}
    for number, keys in enumerate(permutations(uploads)):
        (folder := tmp_path / str(number)).mkdir()
        world = World(folder)
        for key in keys:
            world.deliver(key, uploads[key], at=NOW)
        (bill,) = [bill for (tenant, _), bill in world.bills.stored.items() if tenant == ACME]
        assert bill.outcome.rows == 3
        assert bill.published is not None
        assert bill.published.order.startswith("acme/aws/3/bill.csv\n")


def test_of_two_contents_under_one_key_in_one_second_the_later_is_published(tmp_path: Path) -> None:
    """Their version ids say nothing of time; how S3 lists them does. In whatever order they are read."""
    key = "acme/aws/bill.csv"
    for number, order in enumerate(permutations((1, 2, 3))):
        (folder := tmp_path / str(number)).mkdir()
        world = World(folder)
        landed = {rows: world.landing.put(key, csv_bytes(cur_rows(rows)), at=NOW) for rows in (1, 2, 3)}
        outcomes = {rows: world.ingest(landed[rows])[0] for rows in order}
        again = [world.ingest(each) for each in landed.values()]

        bill = world.bills.bill(ACME, "aws.2026-09")
        assert bill is not None
        assert bill.outcome.rows == 3
        assert bill.published is not None
        assert bill.published.delivery_id == landed[3].delivery_id
        assert {rows: each.status is Status.UNCHANGED for rows, each in outcomes.items()} == {
            rows: any(other > rows for other in order[: order.index(rows)]) for rows in order
        }
        assert [each[0].delivery_id for each in again] == [each.delivery_id for each in landed.values()]


def test_a_set_from_before_the_order_was_kept_gives_way_to_its_own_second() -> None:
    old = PublishedSet("d", "a", "one", "r", NOW, NOW, True, {})
    assert judge(old, content="two", recipe="r", delivered_at=NOW, order="x")[0] is Status.RESTATED
    assert (
        judge(old, content="two", recipe="r", delivered_at=NOW - timedelta(seconds=1), order="x")[0]
        is Status.UNCHANGED
    )
