"""Finding the files of a manifest: all of them in the versions that belong together, or what is missing."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from services.cost_center.domain.bill import MOST_TOLD, Delivery, Status, Waiting
from services.cost_center.domain.findings import Rejected, reject
from services.cost_center.domain.gathering import (
    SETTLED,
    DeliveryRows,
    Gathered,
    GatheredFile,
    identity,
    names,
    versions_of,
)
from services.cost_center.domain.landing import LandedObject, LandingPlace, Seen
from services.cost_center.domain.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    ManifestForm,
    NamedFile,
    places,
    read_manifest,
)
from services.cost_center.domain.ports import Bills, Landing
from services.cost_center.events import Finding
from shared.clock import Clock
from shared.errors import NotFound
from shared.tenancy import TenantId


@dataclass(frozen=True)
class Over:
    """There is nothing to do: a newer manifest took its place (None), or it is a copy of that delivery's."""

    part_of: str | None


@dataclass(frozen=True)
class _Case:
    """A manifest that was read, and what it was read from."""

    tenant: TenantId
    landed: LandedObject
    there: Seen
    form: ManifestForm
    manifest: Manifest
    digest: str
    delivered_at: datetime
    own: frozenset[str]
    """Deliveries whose files are this one's: itself, and that of the same manifest before."""


@dataclass(frozen=True)
class Gather:
    """The use case's part that reads manifests. It writes nothing."""

    landing: Landing
    bills: Bills
    rows: DeliveryRows
    clock: Clock
    forms: Sequence[ManifestForm]

    def __call__(self, landed: LandedObject, place: LandingPlace, workdir: Path) -> Gathered | Waiting | Over:
        """Raises Rejected for a manifest that cannot be right, NotFound when it is gone."""
        there = self.landing.look(landed.bucket, landed.key)
        if there is None:
            raise NotFound(f"{landed.key} is gone", code="OBJECT_GONE")
        if there.object.delivery_id != landed.delivery_id:
            return Over(None)
        case = self._read(landed, there, place, workdir)
        found, missing = self._find(case)
        whole = None if missing else self._whole(case, found)
        if (twin := self._twin(case, place, whole)) is not None:
            return Over(twin)
        return whole or self._waiting(case, missing)

    def again(
        self, landed: LandedObject, place: LandingPlace, delivery: Delivery, workdir: Path
    ) -> tuple[list[LandedObject], str | None]:
        """(the data files of a delivery that is decided as far as they are still in landing, its digest).

        Those of the identity that it was decided by, or that a note says were part of it: what lies under
        their keys now may be another delivery's.
        """
        there = self.landing.look(landed.bucket, landed.key, landed.version_id)
        if there is None:
            return [], None
        try:
            case = self._read(landed, there, place, workdir)
        except (NotFound, Rejected):
            return [], None
        current = [seen for each in case.manifest.files if (seen := self._current(case, each)) is not None]
        # Where the next delivery has begun, those that are chosen as they were then.
        for files in (current, self._find(case)[0]):
            if identity(each.object for each in files) == delivery.files:
                return [each.object for each in files], case.digest
        noted = [each.object for named in case.manifest.files for each in self._noted(case, named)]
        return noted, case.digest

    def _read(self, landed: LandedObject, there: Seen, place: LandingPlace, workdir: Path) -> _Case:
        if landed.size > MAX_MANIFEST_BYTES:
            raise reject(
                f"the manifest has {landed.size} bytes",
                file=place.filename,
                expected=f"at most {MAX_MANIFEST_BYTES}",
            )
        path = workdir / "manifest"
        landed_at = self.landing.fetch(landed, path)
        text = path.read_bytes()
        path.unlink()
        form, manifest = read_manifest(place.filename, text, self.forms)
        digest = hashlib.sha256(text).hexdigest()
        note = self.rows.manifest_note(place.tenant, place.source, digest)
        own = {landed.delivery_id, *([note.delivery_id] if note else [])}
        return _Case(
            tenant=place.tenant,
            landed=landed,
            there=there,
            form=form,
            manifest=manifest,
            digest=digest,
            delivered_at=manifest.created or landed_at,
            own=frozenset(own),
        )

    def _find(self, case: _Case) -> tuple[list[Seen], list[str]]:
        """(the files in the versions that belong to the manifest, the paths of those that are not there)."""
        found, missing, late, under_way = [], [], [], False
        for named in case.manifest.files:
            current = self._current(case, named)
            if current is None:
                missing.append(named.path)
                continue
            chosen, newer = self._version(case, current)
            if chosen is None:
                missing.append(named.path)
                continue
            under_way = under_way or (newer and chosen.object != current.object)
            if newer and chosen.modified > case.there.modified:
                late.append(named.path)
            found.append(chosen)
        # What came after the manifest is late, or of the next delivery: known once that has begun.
        return found, [*missing, *late] if under_way else missing

    def _current(self, case: _Case, named: NamedFile) -> Seen | None:
        for key in places(case.form, case.landed.key, named.path):
            seen = self.landing.look(case.landed.bucket, key)
            if seen is not None:
                return seen
        return None

    def _version(self, case: _Case, current: Seen) -> tuple[Seen | None, bool]:
        """(the version of the file that is the manifest's, whether a newer one than the manifest is there).

        Where deliveries overwrite each other, a file may be the one before's, not replaced yet, or the next
        one's already.
        """
        newer = current.modified > case.there.modified
        if case.manifest.own_files or (not newer and self._fresh(case, current)):
            return current, False
        older, later = versions_of(
            case.there, self.landing.versions(current.object.bucket, current.object.key)
        )
        for each in [*([older] if older else []), *later]:
            if self._fresh(case, each):
                return each, bool(later)
        settled = self.clock.now() - case.there.modified >= SETTLED
        return (older if settled and not later else None), bool(later)

    def _fresh(self, case: _Case, seen: Seen) -> bool:
        """Whether no other delivery had this very version."""
        row = self.bills.delivery(case.tenant, seen.object.delivery_id)
        return row is None or row.part_of is None or row.part_of in case.own

    def _noted(self, case: _Case, named: NamedFile) -> Iterator[Seen]:
        for key in places(case.form, case.landed.key, named.path):
            for seen in self.landing.versions(case.landed.bucket, key):
                row = self.bills.delivery(case.tenant, seen.object.delivery_id)
                if row is not None and row.part_of == case.landed.delivery_id:
                    yield seen

    def _whole(self, case: _Case, found: Sequence[Seen]) -> Gathered:
        called = names([each.path for each in case.manifest.files])
        keys: dict[str, str] = {}
        wrong = []
        for name, named, seen in zip(called, case.manifest.files, found, strict=True):
            other = keys.setdefault(seen.object.key, named.path)
            if other != named.path:
                wrong.append(
                    Finding(
                        file=case.there.object.key.rsplit("/", 1)[-1],
                        message=f"the manifest names one file twice: {other!r} and {named.path!r}",
                    )
                )
            if named.size is not None and named.size != seen.object.size:
                wrong.append(
                    Finding(
                        file=name,
                        expected=f"{named.size} bytes, as the manifest says",
                        found=f"{seen.object.size} bytes",
                        message="the file is not what its manifest says",
                    )
                )
        if wrong:
            raise Rejected(wrong)
        files = tuple(
            GatheredFile(name, seen.object, named.rows)
            for name, named, seen in zip(called, case.manifest.files, found, strict=True)
        )
        return Gathered(case.manifest, files, case.delivered_at, case.there.modified, case.digest)

    def _twin(self, case: _Case, place: LandingPlace, whole: Gathered | None) -> str | None:
        """The delivery of which this manifest is but a copy: AWS writes one beside the files, too."""
        note = self.rows.manifest_note(place.tenant, place.source, case.digest)
        if note is None or note.delivery_id == case.landed.delivery_id:
            return None
        other = self.bills.delivery(place.tenant, note.delivery_id)
        if other is None or not other.closed:
            return None
        refused = any(each.status is Status.REJECTED for each in other.outcomes.values())
        # The files of a refused one are gone. What was put later is another try, unless it is the copy.
        copy = case.manifest.own_files and case.landed.key != other.key
        gone = whole is None and refused and (copy or case.there.modified <= note.at)
        same = whole is not None and whole.identity == other.files and not refused
        return other.delivery_id if gone or same else None

    def _waiting(self, case: _Case, missing: Sequence[str]) -> Waiting:
        named = len(case.manifest.files)
        return Waiting(
            since=case.there.modified,
            reason=f"{len(missing)} of {named} files that the manifest names are not there",
            missing=tuple(missing[:MOST_TOLD]),
            missing_count=len(missing),
            named=named,
            billing_period=case.manifest.period,
        )


def no_manifest(since: datetime, keys: Sequence[str]) -> Waiting:
    """What a part waits for whose manifest has not come."""
    return Waiting(since, "its manifest is not there", tuple(keys[:1]), 1)


def still(waiting: Waiting, before: Waiting | None) -> Waiting:
    """The same wait, if there was one."""
    return waiting if before is None else replace(waiting, since=min(before.since, waiting.since))
