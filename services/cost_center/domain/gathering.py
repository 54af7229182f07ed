"""Deliveries of several files: what is found of them, and the rows that it is remembered in."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.cost_center.domain.bill import Delivery, DeliveryKind
from services.cost_center.domain.landing import LandedObject, Seen, uploaded_together
from services.cost_center.domain.manifest import Manifest, ManifestForm
from shared.tenancy import TenantId

SETTLED = timedelta(hours=1)
"""How long a manifest waits for files to be overwritten that an earlier delivery had: a tool that copies only
what changed leaves the others as they were."""


@dataclass(frozen=True)
class GatheredFile:
    """A named file in the version that belongs to the delivery. `name` tells it apart from its siblings."""

    name: str
    object: LandedObject
    rows: int | None = None


@dataclass(frozen=True)
class Gathered:
    """A delivery that is whole."""

    manifest: Manifest
    files: tuple[GatheredFile, ...]
    delivered_at: datetime
    landed_at: datetime
    digest: str
    """Of the manifest's bytes."""

    @property
    def identity(self) -> str:
        return identity(each.object for each in self.files)


@dataclass(frozen=True)
class ManifestNote:
    """Which delivery a manifest of these bytes was, and when it was closed but for the manifest itself."""

    delivery_id: str
    at: datetime


@dataclass(frozen=True)
class WaitingPage:
    """Waiting deliveries in order of their id, and the token of the next page."""

    deliveries: Sequence[Delivery]
    cursor: str | None


class DeliveryRows(Protocol):
    """Deliveries that wait, and those that are over."""

    def save_delivery(self, tenant: TenantId, delivery: Delivery) -> Delivery:
        """Store it in place of the version that was read; returns it with its new one. Raises Conflict."""
        ...

    def waiting(self, tenant: TenantId, *, limit: int, cursor: str | None) -> WaitingPage:
        """One page of `limit` rows; those that are done meanwhile are left out."""
        ...

    def waiting_under(self, tenant: TenantId, prefix: str) -> Sequence[Delivery]:
        """Every delivery that waits and whose key begins so."""
        ...

    def manifest_note(self, tenant: TenantId, source: str, digest: str) -> ManifestNote | None: ...

    def note_manifest(self, tenant: TenantId, source: str, digest: str, note: ManifestNote) -> None:
        """Keep it, unless a later one is kept."""
        ...


def kind_of(key: str, forms: Sequence[ManifestForm]) -> DeliveryKind:
    """What a key says of its object; a key without any export's layout is a bill by itself."""
    if any(form.is_manifest(key) for form in forms):
        return DeliveryKind.MANIFEST
    if uploaded_together(key) or any(form.manifests_of(key) for form in forms):
        return DeliveryKind.PART
    return DeliveryKind.FILE


def superseded(delivery: Delivery) -> bool:
    """Whether it is a manifest that was overwritten before any bill of it was decided."""
    ended = delivery.done and delivery.closed and delivery.part_of is None and not delivery.outcomes
    return ended and delivery.kind is DeliveryKind.MANIFEST


def manifests_of(key: str, forms: Sequence[ManifestForm]) -> list[str]:
    """The keys at which a part's manifest may lie, the likeliest first."""
    return list(dict.fromkeys(each for form in forms for each in form.manifests_of(key)))


def identity(files: Iterable[LandedObject]) -> str:
    """The same versions of the same objects are the same files, in any order."""
    digest = hashlib.sha256()
    for each in sorted(each.delivery_id for each in files):
        digest.update(each.encode())
    return digest.hexdigest()


def names(paths: Sequence[str]) -> list[str]:
    """How files are called in findings: by their base names, or their paths where two are called the same."""
    bases = [path.rsplit("/", 1)[-1] for path in paths]
    return bases if len(set(bases)) == len(bases) else list(paths)


def versions_of(manifest: Seen, found: Sequence[Seen]) -> tuple[Seen | None, list[Seen]]:
    """(the newest version that is as old as the manifest, those put after it, oldest first).

    `found` are the newest first, also those of one second: S3 lists them so.
    """
    newest = sorted(found, key=lambda each: each.modified, reverse=True)  # which leaves those of a second
    older = next((each for each in newest if each.modified <= manifest.modified), None)
    return older, [each for each in newest[::-1] if each.modified > manifest.modified]
