import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import FixedClock, SystemClock, iso
from shared.ids import SequenceIds, UuidIds, deterministic_id

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(minutes=5))
    assert clock.now() == NOON + timedelta(minutes=5)


def test_naive_time_is_refused() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="aware"):
        FixedClock(naive)
    with pytest.raises(ValueError, match="time zone"):
        iso(naive)


moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)).map(  # noqa: DTZ001
    lambda each: each.replace(tzinfo=UTC)
)


@given(moments, moments)
def test_iso_sorts_as_time_does(one: datetime, other: datetime) -> None:
    assert (iso(one) < iso(other)) == (one < other)
    assert datetime.fromisoformat(iso(one)) == one


def test_iso_is_in_utc() -> None:
    assert iso(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2025-12-31T23:00:00.000000Z"


def test_new_ids_are_uuid7_of_the_clock() -> None:
    made = uuid.UUID(UuidIds(FixedClock(NOON)).new())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(NOON.timestamp() * 1000)


def test_ids_ascend_even_while_the_clock_stands_still_or_steps_back() -> None:
    clock = FixedClock(NOON)
    ids = UuidIds(clock)
    made = [ids.new() for _ in range(6000)]  # more than the counter holds
    clock.advance(timedelta(seconds=-3))
    made.append(ids.new())
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_many_threads_are_distinct() -> None:
    ids = UuidIds()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ids.new(), range(2000)))
    assert len(set(made)) == 2000


def test_sequence_ids_count() -> None:
    ids = SequenceIds("bill")
    assert [ids.new(), ids.new()] == ["bill-1", "bill-2"]


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_deterministic_ids_differ_with_the_parts(one: list[str], other: list[str]) -> None:
    assert (deterministic_id(*one) == deterministic_id(*other)) == (one == other)


def test_deterministic_id_is_pinned() -> None:
    # Stored keys depend on it: a change here would make every delivery new.
    assert deterministic_id("bucket", "key", "etag") == "cbfdca681fc67aede8c1fc84a9921060"
    assert deterministic_id("ab", "c") != deterministic_id("a", "bc")
    with pytest.raises(ValueError, match="part"):
        deterministic_id()
