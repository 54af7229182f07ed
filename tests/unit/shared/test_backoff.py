from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backoff import LONGEST_VISIBILITY, Backoff


def test_delays_double_up_to_the_cap() -> None:
    longest = Backoff(timedelta(seconds=4), timedelta(seconds=60), uniform=lambda low, high: high)
    assert [longest.seconds(count) for count in range(1, 7)] == [4, 8, 16, 32, 60, 60]
    shortest = Backoff(timedelta(seconds=4), timedelta(seconds=60), uniform=lambda low, high: low)
    assert [shortest.seconds(count) for count in range(1, 7)] == [2, 4, 8, 16, 30, 30]


def test_poison_comes_back_at_once() -> None:
    assert [Backoff().seconds(count, poison=True) for count in (1, 5, 50)] == [1, 1, 1]


def test_a_message_reaches_the_dlq_in_minutes_at_the_most() -> None:
    receives = 5  # what the queues allow
    assert (
        sum(Backoff(uniform=lambda low, high: high).seconds(count) for count in range(1, receives + 1)) <= 180
    )


@given(st.integers(-5, 10**9), st.timedeltas(timedelta(milliseconds=1), timedelta(days=30)))
def test_delays_are_what_sqs_takes(count: int, cap: timedelta) -> None:
    delay = Backoff(cap=cap).seconds(count)
    assert 1 <= delay <= LONGEST_VISIBILITY.total_seconds()
    assert isinstance(delay, int)


def test_jitter_spreads() -> None:
    assert len({Backoff(base=timedelta(minutes=4)).seconds(1) for _ in range(50)}) > 10


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_that_sqs_never_sends_does_no_harm(count: int) -> None:
    assert Backoff(uniform=lambda low, high: high).seconds(count) == 4
