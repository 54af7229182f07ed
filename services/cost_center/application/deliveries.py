"""Reading what became of deliveries: what is done, waits, is under way, tried again, or given up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.cost_center.domain.bill import Delivery, Outcome, Waiting
from services.cost_center.domain.gathering import DeliveryRows
from services.cost_center.domain.ports import Bills
from services.cost_center.domain.trouble import Trouble, Troubles, TroubleState
from shared.clock import Clock
from shared.errors import NotFound
from shared.tenancy import TenantId


class DeliveryStatus(StrEnum):
    """How a delivery stands. Rejected bills are `done`: that is in their own status."""

    PROCESSING = "processing"
    WAITING = "waiting"
    RETRYING = "retrying"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True)
class Failure:
    """Why a delivery is retried or failed. `attempts` is of all messages that told of it."""

    attempts: int
    code: str
    reason: str
    since: datetime
    message_id: str


@dataclass(frozen=True)
class DeliveryReport:
    """What is shown of one delivery; `failure` is None where nothing goes wrong."""

    delivery_id: str
    source: str
    filename: str
    status: DeliveryStatus
    outcomes: Sequence[Outcome] = ()
    failure: Failure | None = None
    waiting: Waiting | None = None
    part_of: str | None = None


class Listed(StrEnum):
    """The deliveries that can be listed: those that somebody may have to look after."""

    FAILED = "failed"
    RETRYING = "retrying"
    WAITING = "waiting"


@dataclass(frozen=True)
class ReportPage:
    """Reports in order of their delivery's id, and the token of the next page."""

    reports: Sequence[DeliveryReport]
    cursor: str | None


@dataclass(frozen=True)
class ReadDeliveries:
    """The use cases that change nothing."""

    bills: Bills
    troubles: Troubles
    rows: DeliveryRows
    clock: Clock

    def delivery(self, tenant: TenantId, delivery_id: str) -> DeliveryReport:
        """How the delivery stands. NotFound where nobody has begun with it."""
        found = self.bills.delivery(tenant, delivery_id)
        if found is not None and found.done:
            return self._done(tenant, found)
        trouble = self.troubles.trouble(tenant, delivery_id)
        if trouble is not None and trouble.resolved is None:
            return self._troubled(trouble, found)
        if found is None:
            raise NotFound(f"delivery {delivery_id} was not seen yet")
        return _report(found, DeliveryStatus.WAITING if found.waiting else DeliveryStatus.PROCESSING)

    def _done(self, tenant: TenantId, found: Delivery) -> DeliveryReport:
        """What is part of another delivery has that one's bills."""
        whole = None if found.part_of is None else self.bills.delivery(tenant, found.part_of)
        return replace(
            _report(found, DeliveryStatus.DONE), outcomes=_outcomes(found if whole is None else whole)
        )

    def page(self, tenant: TenantId, *, listed: Listed, limit: int, cursor: str | None) -> ReportPage:
        """One page of the deliveries that are so. Others are left out, so a page may be shorter than its
        limit."""
        if listed is Listed.WAITING:
            found = self.rows.waiting(tenant, limit=limit, cursor=cursor)
            return ReportPage(
                [_report(each, DeliveryStatus.WAITING) for each in found.deliveries], found.cursor
            )
        return self._troubled_page(tenant, TroubleState(listed.value), limit, cursor)

    def _troubled_page(
        self, tenant: TenantId, state: TroubleState, limit: int, cursor: str | None
    ) -> ReportPage:
        page = self.troubles.troubles(tenant, limit=limit, cursor=cursor)
        now = self.clock.now()
        found = [
            (trouble, self.bills.delivery(tenant, trouble.delivery_id))
            for trouble in page.troubles
            if trouble.state(now) is state
        ]
        # A worker that died right after its last write left the trouble open, and the delivery done.
        reports = [
            self._troubled(trouble, delivery)
            for trouble, delivery in found
            if delivery is None or not delivery.done
        ]
        return ReportPage(reports, page.cursor)

    def _troubled(self, trouble: Trouble, delivery: Delivery | None) -> DeliveryReport:
        now = self.clock.now()
        code, reason = trouble.told(now)
        return DeliveryReport(
            delivery_id=trouble.delivery_id,
            source=trouble.source,
            filename=trouble.filename,
            status=DeliveryStatus(trouble.state(now).value),
            outcomes=() if delivery is None else _outcomes(delivery),
            failure=Failure(trouble.attempts, code, reason, trouble.since, trouble.message_id),
        )


def _report(delivery: Delivery, status: DeliveryStatus) -> DeliveryReport:
    return DeliveryReport(
        delivery.delivery_id,
        delivery.source,
        delivery.filename,
        status,
        _outcomes(delivery),
        waiting=delivery.waiting,
        part_of=delivery.part_of,
    )


def _outcomes(delivery: Delivery) -> list[Outcome]:
    return [outcome for _, outcome in sorted(delivery.outcomes.items())]
