"""Delivered objects become published bills, or are refused with reasons. Idempotent by delivery.

A delivery is one file, or a manifest with all the files that it names (see `gather`). What is a part of the
second kind alone does nothing; the last one to arrive completes it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from services.cost_center.application.close import Close
from services.cost_center.application.gather import Gather, Over, no_manifest, still
from services.cost_center.application.prepare import Prepare, Prepared
from services.cost_center.application.publish import Publish
from services.cost_center.application.reading import DeliveredFile
from services.cost_center.application.refuse import refuse
from services.cost_center.application.reopen import reopened
from services.cost_center.application.settle import Change, saved, settle
from services.cost_center.domain.bill import Delivery, DeliveryKind, Outcome, Status, Waiting
from services.cost_center.domain.findings import Rejected, reject
from services.cost_center.domain.gathering import DeliveryRows, Gathered, kind_of, manifests_of
from services.cost_center.domain.landing import (
    LandedObject,
    LandingPlace,
    Seen,
    bill_id,
    in_quarantine,
    order_of,
    parse_key,
)
from services.cost_center.domain.manifest import ManifestForm
from services.cost_center.domain.ports import (
    Bills,
    ChangeReports,
    FailPoint,
    Lake,
    Landing,
    no_failpoint,
)
from services.cost_center.domain.promoted_tags import NO_TAGS, ChosenTags
from services.cost_center.domain.providers.registry import manifest_forms
from shared.clock import Clock
from shared.ids import Ids
from shared.tenancy import TenantId

FORMS = manifest_forms()


class _When(NamedTuple):
    """What orders a delivery among the others of its bill."""

    at: datetime
    order: str = ""


@dataclass(frozen=True)
class Ingest:
    """The use case and its ports. `workspace` yields an empty folder that is gone afterwards."""

    landing: Landing
    prepare: Prepare
    lake: Lake
    changes: ChangeReports
    bills: Bills
    rows: DeliveryRows
    clock: Clock
    ids: Ids
    workspace: Callable[[], AbstractContextManager[Path]]
    failpoint: FailPoint = no_failpoint
    forms: Sequence[ManifestForm] = FORMS
    tags: ChosenTags = NO_TAGS

    def __call__(self, landed: LandedObject) -> list[Outcome]:
        """What became of each bill in the object; the same again for a delivery that is done.

        Nothing for a delivery that waits for files. Raises PoisonMessage for a key without a tenant, NotFound
        when the object is gone, and Unavailable where bills change faster than they can be written.
        """
        if landed.is_folder or in_quarantine(landed.key):
            return []
        place = parse_key(landed.key)
        kind = DeliveryKind.FILE if place.problem else kind_of(landed.key, self.forms)
        if kind is DeliveryKind.PART:
            return self._part(landed, place)
        return self._deliver(landed, place, kind)

    def _deliver(self, landed: LandedObject, place: LandingPlace, kind: DeliveryKind) -> list[Outcome]:
        delivery = self.bills.open_delivery(place.tenant, self._delivery(landed, place, kind))
        delivery = reopened(self.landing, self.rows, place.tenant, delivery)
        if delivery.closed:
            outcomes = list(delivery.outcomes.values())
            if delivery.refused:
                self._close().put_away(place.tenant, landed, delivery)
        else:
            with self.workspace() as workdir:
                outcomes = self._work(landed, place, delivery, workdir)
        if kind is DeliveryKind.MANIFEST and any(each.status is Status.REJECTED for each in outcomes):
            self._go_back(landed.bucket, landed.key)
        return outcomes

    def _work(
        self, landed: LandedObject, place: LandingPlace, delivery: Delivery, workdir: Path
    ) -> list[Outcome]:
        if delivery.done:
            self._close_again(landed, place, delivery, workdir)
            return list(delivery.outcomes.values())
        self.failpoint("delivery opened")
        if delivery.kind is DeliveryKind.MANIFEST:
            return self._manifest(landed, place, workdir)
        return self._settle(landed, place, *self._read(landed, place, workdir))

    def _go_back(self, bucket: str, key: str) -> None:
        """The manifest that a refused one had overwritten is in force again, and may be whole."""
        before = self.landing.look(bucket, key)
        if before is not None:
            self._deliver(before.object, parse_key(key), DeliveryKind.MANIFEST)

    def _delivery(self, landed: LandedObject, place: LandingPlace, kind: DeliveryKind) -> Delivery:
        return Delivery(
            delivery_id=landed.delivery_id,
            bucket=landed.bucket,
            key=landed.key,
            source=place.source,
            filename=place.filename,
            received_at=self.clock.now(),
            kind=kind,
        )

    # --- one file ---

    def _read(self, landed: LandedObject, place: LandingPlace, workdir: Path) -> tuple[Prepared, _When]:
        if place.problem is not None:
            return Prepared(rejection=reject(place.problem, file=landed.key)), _When(self.clock.now())
        path = workdir / "delivered"
        delivered_at = self.landing.fetch(landed, path)
        self.failpoint("fetched")
        when = _When(delivered_at, order_of(landed, self.landing.versions(landed.bucket, landed.key)))
        return self._preparing(place.tenant)(path, place.filename, place.source, workdir), when

    def _preparing(self, tenant: TenantId) -> Prepare:
        return replace(self.prepare, promoted=self.tags.settings(tenant).promoted)

    # --- several files ---

    def _part(self, landed: LandedObject, place: LandingPlace) -> list[Outcome]:
        keys = manifests_of(landed.key, self.forms)
        part = self.bills.open_delivery(place.tenant, self._delivery(landed, place, DeliveryKind.PART))
        if part.done:
            return self._whole_again(place, part)
        if part.waiting is None:
            waiting = no_manifest(part.received_at, keys)
            self._saved(place.tenant, landed, lambda stored: replace(stored, waiting=waiting))
        self.failpoint("part noted")
        outcomes: list[Outcome] = []
        for key in keys:
            manifest = self.landing.look(landed.bucket, key)
            if manifest is not None:
                outcomes += self._deliver(manifest.object, parse_key(key), DeliveryKind.MANIFEST)
                self._end_late_part(landed, place, manifest)
        return outcomes

    def _whole_again(self, place: LandingPlace, part: Delivery) -> list[Outcome]:
        """Who died while it closed a delivery had a part in hand, perhaps this one."""
        whole = None if part.part_of is None else self.bills.delivery(place.tenant, part.part_of)
        if whole is None or (whole.closed and not whole.refused):
            return []
        for seen in self.landing.versions(whole.bucket, whole.key):
            if seen.object.delivery_id == whole.delivery_id:
                return self._deliver(seen.object, parse_key(whole.key), DeliveryKind.MANIFEST)
        self._go_back(whole.bucket, whole.key)
        return []

    def _end_late_part(self, landed: LandedObject, place: LandingPlace, manifest: Seen) -> None:
        """A part that a closed delivery does not have, and is older than: it was overwritten."""
        whole = self.bills.delivery(place.tenant, manifest.object.delivery_id)
        if whole is None or not whole.closed:
            return
        there = self.landing.look(landed.bucket, landed.key, landed.version_id)
        if there is None or there.modified <= manifest.modified:
            self._saved(place.tenant, landed, lambda stored: stored.ended())

    def _manifest(self, landed: LandedObject, place: LandingPlace, workdir: Path) -> list[Outcome]:
        gather = self._gather()
        try:
            found = gather(landed, place, workdir)
        except Rejected as rejection:
            return self._settle(landed, place, Prepared(rejection=rejection), _When(self.clock.now()))
        if isinstance(found, Over):
            ended = self._saved(place.tenant, landed, lambda stored: stored.ended(found.part_of))
            # The newer one may be refused by now, by one who looked here before this was over.
            if not reopened(self.landing, self.rows, place.tenant, ended).done:
                return self._manifest(landed, place, workdir)
            return list(ended.outcomes.values())
        if isinstance(found, Waiting):
            self._saved(
                place.tenant,
                landed,
                lambda stored: replace(stored, waiting=still(found, stored.waiting)),
            )
            self.failpoint("delivery waiting")
            return []
        self._saved(
            place.tenant,
            landed,
            lambda stored: replace(stored, files=found.identity),
        )
        self.failpoint("delivery gathered")
        prepared = self._preparing(place.tenant).delivery(
            self._fetched(found, workdir), place.source, workdir, found.manifest
        )
        when = _When(found.delivered_at, order_of(landed, landed_at=found.landed_at))
        return self._settle(landed, place, prepared, when, found)

    def _fetched(self, gathered: Gathered, workdir: Path) -> Iterator[DeliveredFile]:
        """Each file when its turn has come; the one before has gone by then."""
        for number, each in enumerate(gathered.files):
            folder = workdir / f"{number:05d}"
            folder.mkdir()
            path = folder / "delivered"
            self.landing.fetch(each.object, path)
            self.failpoint("fetched")
            yield DeliveredFile(each.name, path, folder, each.rows)
            path.unlink(missing_ok=True)

    # --- what becomes of it ---

    def _settle(
        self,
        landed: LandedObject,
        place: LandingPlace,
        prepared: Prepared,
        when: _When,
        gathered: Gathered | None = None,
    ) -> list[Outcome]:
        self.failpoint("prepared")
        if prepared.rejection is not None:
            outcomes = refuse(self.bills, landed, place, prepared)
        else:
            outcomes = self._publish(landed, place, prepared, when)
        delivery = self.bills.delivery(place.tenant, landed.delivery_id)
        if delivery is not None and delivery.done and not delivery.closed:
            files = [] if gathered is None else [each.object for each in gathered.files]
            self._close()(place.tenant, landed, files, None if gathered is None else gathered.digest)
        return outcomes

    def _publish(
        self, landed: LandedObject, place: LandingPlace, prepared: Prepared, when: _When
    ) -> list[Outcome]:
        self.lake.ensure_database(place.tenant)
        names = {bill_id(place.source, bill.billing_period): bill for bill in prepared.bills}
        outcomes = []
        for name, bill in names.items():
            publish = Publish(
                bills=self.bills,
                lake=self.lake,
                changes=self.changes,
                clock=self.clock,
                ids=self.ids,
                failpoint=self.failpoint,
                place=place,
                prepared=prepared,
                bill=bill,
                bill_id=name,
                delivered_at=when.at,
                order=when.order,
                all_bills=frozenset(names),
                of_accounts=self.prepare.of_accounts,
            )
            outcomes.append(settle(self.bills, place.tenant, landed.delivery_id, name, publish))
        return outcomes

    def _close_again(
        self, landed: LandedObject, place: LandingPlace, delivery: Delivery, workdir: Path
    ) -> None:
        files: list[LandedObject] = []
        digest = None
        if delivery.files is not None:
            files, digest = self._gather().again(landed, place, delivery, workdir)
        self._close()(place.tenant, landed, files, digest)

    def _gather(self) -> Gather:
        return Gather(self.landing, self.bills, self.rows, self.clock, self.forms)

    def _close(self) -> Close:
        return Close(self.landing, self.bills, self.rows, self.clock, self.failpoint, self.forms)

    def _saved(self, tenant: TenantId, landed: LandedObject, change: Change) -> Delivery:
        return saved(self.bills, self.rows, tenant, landed.delivery_id, change)
