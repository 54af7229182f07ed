"""A line per tenant: bounded, fair, and left by whoever does not wait any more."""

import threading

import pytest

from services.query_engine.application.turns import Turn, Turns
from shared.errors import OnyxError
from shared.tenancy import TenantId

A, B, C = (TenantId(name) for name in ("acme", "bolt", "cole"))


def turns(slots: int = 1, waiting: int = 8, in_all: int = 64) -> Turns:
    return Turns(slots=slots, waiting=waiting, waiting_in_all=in_all)


def served(turn: Turn) -> bool:
    return turn.granted.is_set()


def test_a_storm_of_one_tenant_is_behind_the_first_query_of_another() -> None:
    line = turns()
    storm = [line.enter(A) for _ in range(5)]
    other = line.enter(B)
    assert [served(each) for each in (*storm, other)] == [True, False, False, False, False, False]
    storm[0].leave()
    assert served(other)
    assert not served(storm[1])
    other.leave()
    assert served(storm[1])


def test_tenants_are_served_in_turn() -> None:
    line = turns()
    waiting = {tenant: [line.enter(tenant) for _ in range(3)] for tenant in (A, B, C)}
    order = []
    for _ in range(9):
        (now,) = (turn for each in waiting.values() for turn in each if served(turn) and turn not in order)
        order.append(now)
        now.leave()
    assert [turn.tenant for turn in order] == [A, B, C] * 3


def test_a_tenant_with_fewer_queries_in_work_comes_first() -> None:
    line = turns(slots=3)
    first = [line.enter(A), line.enter(A), line.enter(B)]
    more_of_a, more_of_b = line.enter(A), line.enter(B)
    first[0].leave()  # one of each is in work
    assert served(more_of_a)  # it came first
    first[1].leave()
    assert served(more_of_b)


def test_the_line_of_a_tenant_is_bounded_and_that_of_all() -> None:
    line = turns(waiting=2, in_all=3)
    kept = [line.enter(A) for _ in range(3)]
    with pytest.raises(OnyxError) as full:
        line.enter(A)
    assert (full.value.code, full.value.status) == ("QUERY_BUSY", 429)
    assert full.value.retry_after is not None
    assert full.value.retry_after >= 1
    assert "of yours" in full.value.detail
    kept.append(line.enter(B))
    with pytest.raises(OnyxError) as full:
        line.enter(C)
    assert "of yours" not in full.value.detail
    for each in kept:
        each.leave()
        each.leave()
    assert served(line.enter(C))


def test_the_estimate_follows_what_queries_take() -> None:
    now = 0.0
    line = Turns(slots=1, waiting=1, waiting_in_all=9, monotonic=lambda: now)
    for _ in range(40):
        with line.enter(A):
            now += 10
    turn, other = line.enter(A), line.enter(A)
    with pytest.raises(OnyxError) as full:
        line.enter(A)
    assert full.value.retry_after == 15
    turn.leave()
    other.leave()


def test_whoever_does_not_wait_gives_its_place_away() -> None:
    line = turns()
    first, second, third = (line.enter(A) for _ in range(3))
    stop = threading.Event()
    stop.set()
    with pytest.raises(OnyxError) as ended, second:
        second.wait(30, stop)
    assert ended.value.code == "QUERY_CANCELLED"
    with pytest.raises(OnyxError) as late:
        third.wait(0.01)
    assert late.value.code == "QUERY_BUSY"
    first.leave()
    assert served(third)
    assert not served(second)


def test_long_queries_leave_a_slot_to_the_others() -> None:
    line = turns(slots=2)
    long, longer = line.enter(A, long=True), line.enter(B, long=True)
    assert (served(long), served(longer)) == (True, False)
    with line.enter(B) as short:
        assert served(short)
        assert not served(longer)
    long.leave()
    assert served(longer)


def test_no_slot_is_lost_among_many_threads() -> None:
    line = turns(slots=2, waiting=100, in_all=1000)
    in_work, most, lock = 0, 0, threading.Lock()

    def work(tenant: TenantId) -> None:
        nonlocal in_work, most
        for _ in range(20):
            with line.enter(tenant) as turn:
                turn.wait(30)
                with lock:
                    in_work += 1
                    most = max(most, in_work)
                with lock:
                    in_work -= 1

    threads = [threading.Thread(target=work, args=(tenant,)) for tenant in (A, A, B, C) * 3]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert most <= 2
    assert all(served(line.enter(A)) for _ in range(2))
