"""A delivered object becomes published bills, or is refused with reasons. Idempotent by delivery."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from services.cost_center.application.prepare import Prepare, Prepared
from services.cost_center.application.publish import Publish
from services.cost_center.application.refuse import Refuse
from services.cost_center.application.settle import settle
from services.cost_center.domain.bill import Delivery, Outcome
from services.cost_center.domain.findings import reject
from services.cost_center.domain.landing import (
    LandedObject,
    LandingPlace,
    bill_id,
    parse_key,
    unreadable_bill_id,
)
from services.cost_center.domain.ports import Bills, FailPoint, Lake, Landing, no_failpoint
from shared.clock import Clock
from shared.ids import Ids


@dataclass(frozen=True)
class Ingest:
    """The use case and its ports. `workspace` yields an empty folder that is gone afterwards."""

    landing: Landing
    prepare: Prepare
    lake: Lake
    bills: Bills
    clock: Clock
    ids: Ids
    workspace: Callable[[], AbstractContextManager[Path]]
    failpoint: FailPoint = no_failpoint

    def __call__(self, landed: LandedObject) -> list[Outcome]:
        """What became of each bill in the object; the same again for a delivery that is done.

        Raises PoisonMessage for a key without a tenant, NotFound when the object is gone, and Unavailable
        where bills change faster than they can be written.
        """
        if landed.is_folder:
            return []
        place = parse_key(landed.key)
        delivery = self.bills.open_delivery(place.tenant, self._delivery(landed, place))
        if delivery.done:
            return list(delivery.outcomes.values())
        self.failpoint("delivery opened")
        with self.workspace() as workdir:
            prepared, delivered_at = self._read(landed, place, workdir)
            self.failpoint("prepared")
            if prepared.rejection is not None:
                return self._refuse(landed, place, prepared)
            return self._publish(landed, place, prepared, delivered_at)

    def _delivery(self, landed: LandedObject, place: LandingPlace) -> Delivery:
        return Delivery(
            delivery_id=landed.delivery_id,
            bucket=landed.bucket,
            key=landed.key,
            source=place.source,
            filename=place.filename,
            received_at=self.clock.now(),
        )

    def _read(self, landed: LandedObject, place: LandingPlace, workdir: Path) -> tuple[Prepared, datetime]:
        if place.problem is not None:
            return Prepared(rejection=reject(place.problem, file=landed.key)), self.clock.now()
        path = workdir / "delivered"
        delivered_at = self.landing.fetch(landed, path)
        self.failpoint("fetched")
        return self.prepare(path, place.filename, place.source, workdir), delivered_at

    def _refuse(self, landed: LandedObject, place: LandingPlace, prepared: Prepared) -> list[Outcome]:
        names = {bill_id(place.source, period): period for period in prepared.periods}
        bills: dict[str, str | None] = {**names}
        if not bills:
            bills = {unreadable_bill_id(place.source, landed.delivery_id): None}
        refuse = Refuse(self.bills, landed, place, prepared, frozenset(bills))
        return [
            settle(self.bills, place.tenant, landed.delivery_id, name, replace(refuse, period=period))
            for name, period in bills.items()
        ]

    def _publish(
        self, landed: LandedObject, place: LandingPlace, prepared: Prepared, delivered_at: datetime
    ) -> list[Outcome]:
        self.lake.ensure_database(place.tenant)
        names = {bill_id(place.source, bill.billing_period): bill for bill in prepared.bills}
        outcomes = []
        for name, bill in names.items():
            publish = Publish(
                bills=self.bills,
                lake=self.lake,
                clock=self.clock,
                ids=self.ids,
                failpoint=self.failpoint,
                place=place,
                prepared=prepared,
                bill=bill,
                bill_id=name,
                delivered_at=delivered_at,
                all_bills=frozenset(names),
            )
            outcomes.append(settle(self.bills, place.tenant, landed.delivery_id, name, publish))
        return outcomes
