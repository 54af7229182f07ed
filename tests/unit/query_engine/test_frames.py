"""Columns in memory: within the budget, the longest unused going first, none that is in use."""

import polars as pl
import pytest

from services.query_engine.adapters.frames import IN_USE, Cell, FrameStore

COLUMN = pl.Series("c", range(1000), dtype=pl.Int64)
SIZE = int(COLUMN.estimated_size())


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> FrameStore:
    return FrameStore(3 * SIZE, clock)


def cell(name: str, tenant: str = "acme", path: str = "s3://lake/acme/a") -> Cell:
    return Cell(tenant, path, name, "bigint")


def put(store: FrameStore, *names: str) -> bool:
    return store.put({cell(each): COLUMN for each in names})


def test_all_columns_or_none_are_taken(store: FrameStore) -> None:
    put(store, "a", "b")
    taken = store.take([cell("b"), cell("a")])
    assert taken is not None
    assert len(taken) == 2
    assert store.take([cell("a"), cell("c")]) is None
    assert store.missing([cell("a"), cell("c")]) == [cell("c")]
    assert store.take([cell("a", tenant="globex")]) is None
    assert store.take([Cell("acme", "s3://lake/acme/a", "a", "varchar")]) is None


def test_the_longest_unused_goes_first(store: FrameStore, clock: Clock) -> None:
    assert put(store, "a", "b", "c")
    clock.now += IN_USE
    store.take([cell("a")])
    clock.now += IN_USE
    assert put(store, "d")
    assert store.missing([cell(each) for each in "abcd"]) == [cell("b")]
    assert store.bytes == 3 * SIZE


def test_what_is_in_use_makes_no_place(store: FrameStore, clock: Clock) -> None:
    put(store, "a", "b", "c")
    clock.now += IN_USE / 2
    assert not put(store, "d")
    assert store.take([cell(each) for each in "abc"])
    assert store.bytes == 3 * SIZE


def test_what_does_not_fit_at_all_drives_nothing_out(store: FrameStore, clock: Clock) -> None:
    put(store, "a")
    clock.now += 2 * IN_USE
    assert not store.put({cell("large"): pl.Series("c", range(4000), dtype=pl.Int64)})
    assert store.take([cell("a")])


def test_files_that_are_not_published_any_more_go_first(store: FrameStore) -> None:
    old = Cell("acme", "s3://lake/acme/old", "a", "bigint")
    put(store, "a", "b")
    store.put({old: COLUMN})
    store.retire("acme", {"s3://lake/acme/a"})
    assert put(store, "c")
    assert store.missing([old, cell("a"), cell("b"), cell("c")]) == [old]


def test_what_a_query_took_stays_whatever_is_evicted(store: FrameStore, clock: Clock) -> None:
    put(store, "a")
    taken = store.take([cell("a")])
    clock.now += 2 * IN_USE
    put(store, "b", "c", "d")
    assert store.missing([cell("a")])
    assert taken is not None
    assert taken[0].sum() == 499_500
