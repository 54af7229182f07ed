from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.clock import FixedClock
from shared.inbox import KEPT, Claim, Inbox
from shared.tenancy import TenantId
from tests.fakes.messages import FakeInbox
from tests.fakes.sample_events import NOON

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
LEASE = timedelta(minutes=2)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture(params=["fake", "dynamodb"])
def inbox(request: pytest.FixtureRequest, clock: FixedClock) -> Any:
    """One suite over the double and the real one."""
    if request.param == "fake":
        return FakeInbox(clock)
    return Inbox(request.getfixturevalue("inbox_table"), clock=clock)


def test_an_event_is_claimed_once_and_done_for_good(inbox: Any, clock: FixedClock) -> None:
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.NEW
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.IN_PROGRESS
    inbox.complete(ACME, "rollup", "e-1")
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.DONE
    clock.advance(timedelta(days=20))
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.DONE


def test_each_consumer_tenant_and_event_is_claimed_for_itself(inbox: Any) -> None:
    for tenant, consumer, event in [
        (ACME, "rollup", "e-1"), (GLOBEX, "rollup", "e-1"), (ACME, "notify", "e-1"), (ACME, "rollup", "e-2"),
    ]:  # fmt: skip
        assert inbox.claim(tenant, consumer, event, lease=LEASE) is Claim.NEW


def test_a_dead_workers_event_is_taken_over_when_its_lease_ends(inbox: Any, clock: FixedClock) -> None:
    inbox.claim(ACME, "rollup", "e-1", lease=LEASE)
    clock.advance(LEASE - timedelta(milliseconds=1))
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.IN_PROGRESS
    clock.advance(timedelta(milliseconds=1))
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.NEW
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.IN_PROGRESS


def test_a_released_event_is_free_and_a_done_one_stays_done(inbox: Any) -> None:
    inbox.claim(ACME, "rollup", "e-1", lease=LEASE)
    inbox.release(ACME, "rollup", "e-1")
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.NEW
    inbox.complete(ACME, "rollup", "e-1")
    inbox.release(ACME, "rollup", "e-1")
    assert inbox.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.DONE


@pytest.fixture
def real(inbox_table: str, clock: FixedClock) -> Inbox:
    return Inbox(inbox_table, clock=clock)


def test_a_late_worker_cannot_release_its_successors_claim(real: Inbox, clock: FixedClock) -> None:
    real.claim(ACME, "rollup", "e-1", lease=LEASE, owner="slow")
    clock.advance(LEASE)
    assert real.claim(ACME, "rollup", "e-1", lease=LEASE, owner="next") is Claim.NEW
    real.release(ACME, "rollup", "e-1", owner="slow")
    assert real.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.IN_PROGRESS
    real.release(ACME, "rollup", "e-1", owner="next")
    assert real.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.NEW


def test_a_late_worker_that_finished_has_done_it(real: Inbox, clock: FixedClock) -> None:
    real.claim(ACME, "rollup", "e-1", lease=LEASE, owner="slow")
    clock.advance(LEASE)
    real.complete(ACME, "rollup", "e-1")
    assert real.claim(ACME, "rollup", "e-1", lease=LEASE) is Claim.DONE


def test_claims_outlive_queue_and_dlq(real: Inbox, dynamodb: Any) -> None:
    real.claim(ACME, "rollup", "e-1", lease=LEASE)
    real.complete(ACME, "rollup", "e-1")
    row = dynamodb.scan(TableName="inbox")["Items"][0]
    assert (row["pk"], row["sk"]) == ({"S": "TENANT#acme#INBOX#rollup"}, {"S": "e-1"})
    assert int(row["ttl"]["N"]) == int((NOON + KEPT).timestamp())
    assert timedelta(days=4 + 14) < KEPT


def fail(inbox: Inbox, message_id: str = "m-1", **changes: Any) -> None:
    row: dict[str, Any] = {
        "tenant": ACME, "code": "POISON_MESSAGE", "detail": "no JSON", "trace": "Traceback ...",
        "body_sha": "ab" * 32, "receive_count": 1,
    }  # fmt: skip
    inbox.record_failure("rollup", message_id, **(row | changes))


def test_a_failure_row_says_what_went_wrong(real: Inbox) -> None:
    fail(real)
    [row] = real.failures("rollup", ACME)
    assert row == {
        "message_id": "m-1",
        "consumer": "rollup",
        "code": "POISON_MESSAGE",
        "detail": "no JSON",
        "trace": "Traceback ...",
        "body_sha": "ab" * 32,
        "receive_count": 1,
        "attempts": 1,
        "first_failed_at": "2026-11-20T12:00:00.000000Z",
        "failed_at": "2026-11-20T12:00:00.000000Z",
        "ttl": int((NOON + KEPT).timestamp()),
    }


def test_a_message_has_one_row_which_counts(real: Inbox, clock: FixedClock) -> None:
    fail(real)
    clock.advance(timedelta(seconds=9))
    fail(real, receive_count=2, code="TIMEOUT")
    [row] = real.failures("rollup", ACME)
    assert (row["attempts"], row["receive_count"], row["code"]) == (2, 2, "TIMEOUT")
    assert row["first_failed_at"] < row["failed_at"]


def test_failures_without_a_tenant_lie_under_unknown(real: Inbox, dynamodb: Any) -> None:
    fail(real, tenant=None)
    assert [row["message_id"] for row in real.failures("rollup")] == ["m-1"]
    assert real.failures("rollup", ACME) == []
    assert real.failures("notify") == []
    assert dynamodb.scan(TableName="inbox")["Items"][0]["pk"] == {"S": "TENANT#unknown#FAILURE#rollup"}


def test_a_long_trace_keeps_its_end_where_the_error_is(real: Inbox) -> None:
    fail(real, trace="x" * 500_000 + "ValueError: the reason", detail="y" * 500_000)
    [row] = real.failures("rollup", ACME)
    assert row["trace"].endswith("ValueError: the reason")
    assert len(row["trace"]) + len(row["detail"]) < 20_000


def test_a_message_that_is_handled_in_the_end_closes_its_row(real: Inbox, clock: FixedClock) -> None:
    real.resolve_failure("rollup", "m-1", tenant=ACME)  # without a row there is nothing to close
    assert real.failures("rollup", ACME) == []
    fail(real)
    real.resolve_failure("rollup", "m-1", tenant=ACME)
    assert "resolved_at" in real.failures("rollup", ACME)[0]
    fail(real)
    assert "resolved_at" not in real.failures("rollup", ACME)[0]


def test_other_errors_are_not_taken_for_refusals(cloud: None) -> None:
    missing = Inbox("no-such-table")
    for act in (
        lambda: missing.claim(ACME, "c", "e", lease=LEASE),
        lambda: missing.release(ACME, "c", "e"),
        lambda: missing.resolve_failure("c", "m", tenant=None),
    ):
        with pytest.raises(ClientError, match="not found"):
            act()
