"""Recording that a delivery was refused for a bill. What is published stays published."""

from dataclasses import dataclass, replace

from services.cost_center.application.prepare import Prepared
from services.cost_center.application.settle import settle
from services.cost_center.domain.bill import Bill, Delivery, Outcome, Status
from services.cost_center.domain.findings import Rejected, describe
from services.cost_center.domain.landing import (
    LandedObject,
    LandingPlace,
    bill_id,
    quarantine_folder,
    unreadable_bill_id,
)
from services.cost_center.domain.ports import Bills
from services.cost_center.events import BillRejected


@dataclass(frozen=True)
class Refuse:
    """The step for one bill of a refused file; `period` is None where no billing period could be read."""

    bills: Bills
    landed: LandedObject
    place: LandingPlace
    prepared: Prepared
    all_bills: frozenset[str]
    period: str | None = None

    def __call__(self, delivery: Delivery, stored: Bill | None) -> Outcome:
        rejection = self.prepared.rejection
        if rejection is None:
            raise ValueError("the delivery was not rejected")
        outcome = Outcome(
            bill_id=self._bill_id(),
            source=self.place.source,
            delivery_id=delivery.delivery_id,
            status=Status.REJECTED,
            format=self.prepared.format,
            billing_period=self.period,
            files=self.prepared.files or (self.place.filename,),
            reasons=reasons(rejection),
            quarantine=f"s3://{delivery.bucket}/{quarantine_folder(self.place.tenant, delivery.delivery_id)}",
        )
        self.bills.record(
            self.place.tenant,
            delivery=delivery.with_outcome(outcome, of=self.all_bills),
            bill=(stored or Bill(outcome)).rejecting(outcome),
            event=BillRejected(
                bill_id=outcome.bill_id,
                source=outcome.source,
                delivery_id=delivery.delivery_id,
                key=self.landed.key,
                reasons=list(rejection.findings),
                finding_count=rejection.count,
                quarantine=outcome.quarantine,
            ),
            publishes=False,
        )
        return outcome

    def _bill_id(self) -> str:
        if self.period is None:
            return unreadable_bill_id(self.place.source, self.landed.delivery_id)
        return bill_id(self.place.source, self.period)


def refuse(bills: Bills, landed: LandedObject, place: LandingPlace, prepared: Prepared) -> list[Outcome]:
    """The outcomes of all bills of a refused delivery, as far as it is known which it has."""
    found: dict[str, str | None] = {bill_id(place.source, period): period for period in prepared.periods}
    if not found:
        found = {unreadable_bill_id(place.source, landed.delivery_id): None}
    step = Refuse(bills, landed, place, prepared, frozenset(found))
    return [
        settle(bills, place.tenant, landed.delivery_id, name, replace(step, period=period))
        for name, period in found.items()
    ]


def reasons(rejection: Rejected) -> tuple[str, ...]:
    """The findings as lines, and how many more there are."""
    lines = tuple(describe(finding) for finding in rejection.findings)
    more = rejection.count - len(lines)
    return (*lines, f"and {more} more findings") if more > 0 else lines
