"""What is left to do when the bills of a delivery are decided: its parts are told, refused files put away.

Each step may be done again: a worker that dies here leaves a delivery that is done and not closed, and
whoever gets its message next goes on.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from services.cost_center.domain.bill import Delivery, DeliveryKind
from services.cost_center.domain.gathering import DeliveryRows, ManifestNote, manifests_of
from services.cost_center.domain.landing import LandedObject, parse_key, quarantine_folder
from services.cost_center.domain.manifest import ManifestForm
from services.cost_center.domain.ports import Bills, FailPoint, Landing
from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.tenancy import TenantId


@dataclass(frozen=True)
class Close:
    """The use case's last part."""

    landing: Landing
    bills: Bills
    rows: DeliveryRows
    clock: Clock
    failpoint: FailPoint
    forms: Sequence[ManifestForm]

    def __call__(
        self, tenant: TenantId, landed: LandedObject, files: Sequence[LandedObject], digest: str | None
    ) -> Delivery:
        """Close the delivery of `landed`. `files` are those that its manifest names; of one file, none."""
        delivery = self._delivery(tenant, landed)
        for each in files:
            self._end_part(tenant, each, delivery)
        if delivery.kind is DeliveryKind.MANIFEST:
            self._end_replaced(landed, delivery, tenant)
            self.failpoint("parts noted")
        if delivery.refused:
            self._put_away_files(tenant, landed, files)
        if digest is not None:
            note = ManifestNote(landed.delivery_id, self.clock.now())
            self.rows.note_manifest(tenant, delivery.source, digest, note)
            self.failpoint("manifest noted")
        closed = replace(delivery, closed=True)
        # Another worker that closes the same delivery does the same.
        with suppress(Conflict):
            closed = self.rows.save_delivery(tenant, closed)
        if delivery.refused:
            self.put_away(tenant, landed, delivery)
        return closed

    def _delivery(self, tenant: TenantId, landed: LandedObject) -> Delivery:
        delivery = self.bills.delivery(tenant, landed.delivery_id)
        if delivery is None:
            raise NotFound(f"delivery {landed.delivery_id} is gone")
        return delivery

    def _put_away_files(self, tenant: TenantId, landed: LandedObject, files: Sequence[LandedObject]) -> None:
        folder = quarantine_folder(tenant, landed.delivery_id)
        for each in files:
            self.landing.move(each, folder + each.key.split("/", 2)[2])
            self.failpoint("file quarantined")

    def put_away(self, tenant: TenantId, landed: LandedObject, delivery: Delivery) -> None:
        """Move what was refused itself; nothing, if it is gone.

        The last of all, when nothing but this is left to do: a manifest tells which files there are, its copy
        is known by its bytes only once they are noted, and an object that is gone brings nobody back to a
        delivery that is not closed. As long as it lies there, the landing sweep is not done with it.
        """
        # Beside its files, also where an earlier try has put all of them away.
        alone = delivery.files is None
        name = landed.key.rsplit("/", 1)[-1] if alone else landed.key.split("/", 2)[-1]
        self.landing.move(landed, quarantine_folder(tenant, landed.delivery_id) + name)
        self.failpoint("quarantined")

    def _end_replaced(self, landed: LandedObject, delivery: Delivery, tenant: TenantId) -> None:
        """Parts of deliveries before this one that wait for a manifest which has been overwritten.

        They were part of none: should this one be refused, what it had overwritten is there again.
        """
        manifest = self.landing.look(landed.bucket, landed.key, landed.version_id)
        if manifest is None:
            return
        for part in self.rows.waiting_under(tenant, f"{tenant}/{delivery.source}/"):
            if part.kind is not DeliveryKind.PART or landed.key not in manifests_of(part.key, self.forms):
                continue
            versions = self.landing.versions(part.bucket, part.key)
            put = next((each for each in versions if each.object.delivery_id == part.delivery_id), None)
            if put is None or put.modified <= manifest.modified:
                with suppress(Conflict):
                    self.rows.save_delivery(tenant, part.ended())

    def _end_part(self, tenant: TenantId, part: LandedObject, delivery: Delivery) -> None:
        stored = self.bills.delivery(tenant, part.delivery_id)
        if stored is not None and stored.part_of is not None:
            return
        place = parse_key(part.key)
        ended = Delivery(
            delivery_id=part.delivery_id,
            bucket=part.bucket,
            key=part.key,
            source=place.source,
            filename=place.filename,
            received_at=self.clock.now() if stored is None else stored.received_at,
            outcomes={} if stored is None else stored.outcomes,
            version=None if stored is None else stored.version,
            kind=DeliveryKind.PART,
        ).ended(delivery.delivery_id)
        with suppress(Conflict):
            self.rows.save_delivery(tenant, ended)
