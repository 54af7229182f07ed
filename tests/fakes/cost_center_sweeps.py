"""The sweeps' ports in memory: a bucket as a sorted sequence of any length, which counts what is listed."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.cost_center.domain.bill import Delivery
from services.cost_center.domain.landing import LandedObject
from services.cost_center.domain.sweeps import (
    LakeFile,
    LakePage,
    Landed,
    LandedPage,
    LandingState,
    OrphanState,
    Position,
    Resent,
)
from shared.events import Envelope
from shared.tenancy import TenantId
from tests.fakes.cost_center import BUCKET, NOW, FakeBills, FakeLake, FakeLanding

PAGE = 1000
LAKE = "lake"


class FakeVersions:
    """Lists `keys` (sorted, of any length, made when looked at) as S3 lists versions, page by page."""

    def __init__(self, keys: Sequence[str], modified: Callable[[str], datetime], page: int = PAGE) -> None:
        self.keys = keys
        self.modified = modified
        self.pages = 0
        self.largest = 0
        self._page = page

    def sources(self, tenant: TenantId) -> list[str]:
        found: list[str] = []
        at = bisect_left(self.keys, f"{tenant}/")
        while at < len(self.keys) and self.keys[at].startswith(f"{tenant}/"):
            source = self.keys[at].split("/")[1]
            found.append(source)
            at = bisect_left(self.keys, f"{tenant}/{source}0")  # "0" is the character after "/"
        return found

    def page(self, prefix: str, after: Position | None) -> LandedPage:
        self.pages += 1
        start = bisect_left(self.keys, prefix)
        if after is not None:
            start = max(start, bisect_right(self.keys, after.key))
        found = []
        for at in range(start, min(start + self._page, len(self.keys))):
            key = self.keys[at]
            if not key.startswith(prefix):
                break
            found.append(Landed(LandedObject(BUCKET, key, 1, "etag", "v1"), self.modified(key)))
        self.largest = max(self.largest, len(found))
        end = start + len(found)
        more = end < len(self.keys) and self.keys[end].startswith(prefix)
        return LandedPage(found, found[-1].position if found and more else None)


class WorldVersions:
    """The fake landing bucket of `World` as a list."""

    def __init__(self, landing: FakeLanding) -> None:
        self._landing = landing

    def _all(self) -> list[Landed]:
        return sorted(
            (
                Landed(LandedObject(BUCKET, key, len(content), f"etag{(version or 'v0')[1:]}", version), at)
                for (key, version), (content, at) in self._landing.objects.items()
            ),
            key=lambda each: (each.object.key, each.object.version_id or ""),
        )

    def sources(self, tenant: TenantId) -> list[str]:
        keys = [each.object.key for each in self._all() if each.object.key.startswith(f"{tenant}/")]
        return sorted({key.split("/")[1] for key in keys})

    def page(self, prefix: str, after: Position | None) -> LandedPage:
        found = [each for each in self._all() if each.object.key.startswith(prefix)]
        if after is not None:
            # Without a version the listing begins after the key, as S3's does.
            marker = (after.key, after.version_id or "\uffff")
            found = [each for each in found if (each.object.key, each.object.version_id or "") > marker]
        return LandedPage(found, None)


class FakeQueue:
    def __init__(self) -> None:
        self.sent: list[LandedObject] = []

    def send(self, landed: LandedObject) -> None:
        self.sent.append(landed)


class FakeSweepRows:
    """What both sweeps read and remember, beside the rows of `FakeBills`."""

    def __init__(self, bills: FakeBills | None = None, lake: FakeLake | None = None) -> None:
        self.bills = bills or FakeBills()
        self._lake = lake
        self.landing: dict[TenantId, LandingState] = {}
        self.orphans: dict[TenantId, OrphanState] = {}
        self.notes: dict[str, Resent] = {}
        self.words: list[Envelope] = []
        self.reads = 0
        self.settled: Callable[[str], bool] = lambda delivery_id: False
        """Deliveries that are done without a row in `bills`."""

    def delivery(self, tenant: TenantId, delivery_id: str) -> Delivery | None:
        self.reads += 1
        if self.settled(delivery_id):
            return Delivery(delivery_id, BUCKET, "k", "s", "f", NOW, done=True, closed=True)
        return self.bills.delivery(tenant, delivery_id)

    def resent(self, tenant: TenantId, delivery_id: str) -> Resent | None:
        return self.notes.get(delivery_id)

    def landing_state(self, tenant: TenantId) -> LandingState:
        return self.landing.get(tenant, LandingState())

    def save_landing(
        self, tenant: TenantId, state: LandingState, resent: Mapping[str, Resent], word: Envelope | None
    ) -> None:
        assert state.version == self.landing_state(tenant).version
        self.landing[tenant] = replace(state, version=(state.version or 0) + 1)
        self.notes |= resent
        self.words += [word] if word else []

    def published_files(self, tenant: TenantId) -> set[str]:
        sets = [bill.published for (owner, _), bill in self.bills.stored.items() if owner == tenant]
        keys = {str(path): key for key, path in self._lake.keys.items()} if self._lake else {}
        return {
            f"s3://{LAKE}/{keys[file]}" if file in keys else file
            for each in [*sets, *self.bills.history]
            if each is not None
            for table in each.tables.values()
            for file in table.files
        }

    def orphan_state(self, tenant: TenantId) -> OrphanState:
        return self.orphans.get(tenant, OrphanState())

    def save_orphans(self, tenant: TenantId, state: OrphanState, word: Envelope | None) -> None:
        self.orphans[tenant] = replace(state, version=(state.version or 0) + 1)
        self.words += [word] if word else []


class FakeLakeFiles:
    """Files of the lake with their age, listed `page` at a time."""

    def __init__(self, files: Mapping[str, datetime], page: int = PAGE) -> None:
        self.files = dict(files)
        self.pages = 0
        self._page = page

    def page(self, tenant: TenantId, after: str | None) -> LakePage:
        self.pages += 1
        keys = sorted(key for key in self.files if key.startswith(f"{tenant}/") and key > (after or ""))
        found = [LakeFile(key, self.files[key]) for key in keys[: self._page]]
        return LakePage(found, found[-1].key if len(keys) > self._page else None)

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            del self.files[key]


class WorldLakeFiles:
    """The files that `FakeLake` keeps, all of them old enough to be looked at."""

    def __init__(self, lake: FakeLake, now: Callable[[], datetime]) -> None:
        self._lake = lake
        self._now = now

    def page(self, tenant: TenantId, after: str | None) -> LakePage:
        old = self._now() - timedelta(days=2)
        return LakePage([LakeFile(key, old) for key in sorted(self._lake.keys) if key > (after or "")], None)

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._lake.keys.pop(key).unlink()
