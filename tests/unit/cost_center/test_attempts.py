"""A delivery whose message fails or is killed again and again is seen, and one that is mended is cleared."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.cost_center.application.attempts import Attempts
from services.cost_center.application.deliveries import (
    DeliveryReport,
    DeliveryStatus,
    Listed,
    ReadDeliveries,
)
from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.trouble import KILLED
from shared.clock import FixedClock
from shared.errors import NotFound, PoisonMessage
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, BUCKET, NOW, FakeBills, FakeDeliveryRows
from tests.fakes.cost_center_troubles import FakeTroubles

LANDED = LandedObject(BUCKET, "acme/aws/u1/bill.csv", 3, "etag", "v1")
GLOBEX = TenantId("globex")
SILENCE = timedelta(seconds=60)


class Kill(BaseException):
    """What no handler sees."""


class Worked:
    """Attempts over ports in memory; `work` is what ingesting does."""

    def __init__(self) -> None:
        self.clock = FixedClock(NOW)
        self.troubles = FakeTroubles()
        self.bills = FakeBills()
        self.work: Callable[[], None] = lambda: None
        self.attempts = Attempts(self._ingest, self.troubles, self.clock, receives=3, silence=SILENCE)
        self.read = ReadDeliveries(self.bills, self.troubles, FakeDeliveryRows(self.bills), self.clock)

    def _ingest(self, landed: LandedObject) -> list[Any]:
        if landed.is_folder:
            return []
        self.bills.open_delivery(ACME, delivery())
        self.work()
        key = (ACME, landed.delivery_id)
        self.bills.deliveries[key] = replace(self.bills.deliveries[key], done=True)
        return []

    def receive(self, number: int, message: str = "m1") -> None:
        self.clock.advance(timedelta(seconds=10))
        self.attempts(LANDED, message, number)

    def fails(self, number: int, error: BaseException | None = None, message: str = "m1") -> None:
        error = error or OSError("no space")

        def work() -> None:
            raise error

        self.work = work
        with pytest.raises(type(error)):
            self.receive(number, message)
        if not isinstance(error, Exception):
            self.attempts._in_hand.clear()  # as the process that was killed forgets

    def report(self) -> DeliveryReport:
        return self.read.delivery(ACME, LANDED.delivery_id)

    def told(self) -> tuple[str, int, str]:
        report = self.report()
        assert report.failure is not None
        return report.status.value, report.failure.attempts, report.failure.code


def delivery() -> Delivery:
    return Delivery(LANDED.delivery_id, BUCKET, LANDED.key, "aws", "bill.csv", NOW)


@pytest.fixture
def worked() -> Worked:
    return Worked()


def test_what_goes_well_at_once_writes_nothing(worked: Worked) -> None:
    worked.receive(1)
    assert worked.troubles.rows == {}
    assert worked.report().status is DeliveryStatus.DONE


def test_a_failure_is_told_with_its_reason_and_after_the_last_receive_it_has_failed(worked: Worked) -> None:
    worked.fails(1)
    assert worked.told() == ("retrying", 1, "UNHANDLED")
    worked.fails(2, NotFound("bill.csv is gone", code="OBJECT_GONE"))
    assert worked.told() == ("retrying", 2, "OBJECT_GONE")
    worked.fails(3)
    assert worked.told() == ("failed", 3, "UNHANDLED")
    failure = worked.report().failure
    assert failure is not None
    assert failure.reason == "something went wrong in Onyx (OSError); its operators can see what"
    assert failure.since == NOW + timedelta(seconds=10)
    assert failure.message_id == "m1"


def test_a_message_that_is_redriven_is_tried_again_and_its_success_clears_it(worked: Worked) -> None:
    for number in (1, 2, 3):
        worked.fails(number)
    seen: list[str] = []
    worked.work = lambda: seen.append(worked.told()[0])
    worked.receive(1, "m2")
    assert seen == ["retrying"]
    assert worked.report() == DeliveryReport(
        LANDED.delivery_id, "aws", "bill.csv", DeliveryStatus.DONE, outcomes=[]
    )
    page = worked.read.page(ACME, listed=Listed.FAILED, limit=10, cursor=None)
    assert page.reports == []
    worked.work = lambda: None
    worked.receive(1, "m3")  # the landing sweep had announced it as well
    assert worked.troubles.rows[ACME, LANDED.delivery_id].resolved is not None


def test_trouble_after_trouble_that_was_resolved_is_counted_anew(worked: Worked) -> None:
    worked.fails(1)
    worked.work = lambda: None
    worked.receive(2)
    worked.bills.deliveries.clear()
    worked.fails(1, message="m2")
    assert worked.told() == ("retrying", 1, "UNHANDLED")


def test_a_message_that_is_killed_at_every_attempt_is_told(worked: Worked) -> None:
    worked.fails(1, Kill())
    assert worked.report().status is DeliveryStatus.PROCESSING
    worked.fails(2, Kill())
    assert worked.told() == ("retrying", 2, KILLED)
    worked.fails(3, Kill())
    assert worked.told() == ("retrying", 3, KILLED), "it may yet be alive"
    worked.clock.advance(SILENCE + timedelta(seconds=1))
    assert worked.told() == ("failed", 3, KILLED)


def test_a_kill_after_a_failure_is_not_told_by_the_failures_reason(worked: Worked) -> None:
    worked.fails(1)
    worked.fails(2, Kill())
    assert worked.told() == ("retrying", 2, "UNHANDLED")
    worked.fails(3, Kill())
    worked.clock.advance(SILENCE * 2)
    assert worked.told() == ("failed", 3, KILLED)


def test_a_last_attempt_that_lasts_is_alive_by_its_heartbeats(worked: Worked) -> None:
    worked.fails(1)
    worked.fails(2)
    seen: list[str] = []

    def work() -> None:
        for _ in range(5):
            worked.clock.advance(SILENCE - timedelta(seconds=20))
            worked.attempts.beat("m1")
            seen.append(worked.told()[0])

    worked.work = work
    worked.receive(3)
    assert seen == ["retrying"] * 5
    assert worked.report().status is DeliveryStatus.DONE


def test_a_heartbeat_of_a_message_without_trouble_writes_nothing(worked: Worked) -> None:
    worked.work = lambda: worked.attempts.beat("m1")
    worked.receive(1)
    assert worked.troubles.saves == 0


def test_a_heartbeat_that_is_late_does_not_undo_the_end(worked: Worked) -> None:
    worked.fails(1)
    worked.fails(2)
    held = {}

    def work() -> None:
        held.update(worked.attempts._in_hand)
        raise OSError("no space")

    worked.work = work
    with pytest.raises(OSError, match="no space"):
        worked.receive(3)
    worked.attempts._in_hand.update(held)
    worked.attempts.beat("m1")
    assert worked.told()[0] == "failed"


def test_a_note_that_another_wrote_meanwhile_is_written_on_top_of_it(worked: Worked) -> None:
    worked.fails(1)
    races = iter([True])

    def race() -> None:
        if next(races, False):
            key = (ACME, LANDED.delivery_id)
            row = worked.troubles.rows[key]
            worked.troubles.rows[key] = replace(row, version=(row.version or 0) + 1)

    worked.troubles.before_save = race
    worked.fails(2)
    assert worked.told() == ("retrying", 2, "UNHANDLED")


def test_a_note_that_cannot_be_written_keeps_no_bill_back_and_hides_no_error(worked: Worked) -> None:
    def broken() -> None:
        raise RuntimeError("DynamoDB is away")

    worked.troubles.before_save = broken
    worked.fails(2)
    worked.work = lambda: None
    worked.receive(3)
    assert worked.report().status is DeliveryStatus.DONE


def test_an_object_of_nobody_is_poison_and_a_folder_is_nothing(worked: Worked) -> None:
    with pytest.raises(PoisonMessage):
        worked.attempts(LandedObject(BUCKET, "Not A Tenant/x.csv", 1, "e"), "m1", 2)
    worked.attempts(LandedObject(BUCKET, "acme/aws/", 0, "e"), "m1", 2)
    assert worked.troubles.rows == {}


def test_what_was_done_right_before_the_worker_died_is_not_listed_as_failed(worked: Worked) -> None:
    for number in (1, 2, 3):
        worked.fails(number)
    page = worked.read.page(ACME, listed=Listed.FAILED, limit=10, cursor=None)
    assert [report.delivery_id for report in page.reports] == [LANDED.delivery_id]
    assert worked.read.page(ACME, listed=Listed.RETRYING, limit=10, cursor=None).reports == []
    assert worked.read.page(GLOBEX, listed=Listed.FAILED, limit=10, cursor=None).reports == []
    worked.bills.deliveries[ACME, LANDED.delivery_id] = replace(delivery(), done=True)
    assert worked.read.page(ACME, listed=Listed.FAILED, limit=10, cursor=None).reports == []
    assert worked.report().status is DeliveryStatus.DONE


def test_trouble_before_the_delivery_could_be_opened_is_told_to_its_tenant_alone(worked: Worked) -> None:
    worked.fails(1)
    worked.bills.deliveries.clear()
    assert worked.told() == ("retrying", 1, "UNHANDLED")
    with pytest.raises(NotFound):
        worked.read.delivery(GLOBEX, LANDED.delivery_id)
