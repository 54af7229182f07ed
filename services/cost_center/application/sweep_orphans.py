"""The orphan sweep: data files that no published set can ever name are deleted.

An ingest uploads files before it publishes them; one that dies, or loses a race, leaves files behind. A
file goes only if all of this holds:

- it is a data file of the tenant (`<tenant>/<tier>/<table>/data/<delivery>/...`) older than the safe age;
- its delivery is not open: an open one may still publish what it uploaded;
- no published set names it, neither today's nor one of history that `as_of` promises (see `expire_sets`).

The order of reading makes this safe while others publish: first the files, then the deliveries, then the
sets. A delivery that was seen done has its sets written already; one that begins later writes new files.

An Iceberg table's head may still list such a file (a commit whose transaction lost). Readers never take a
head but bind published sets; the next commit of that bill drops the file from the head without reading it.
The bucket is versioned: what was deleted can be brought back for the lifecycle's time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from services.cost_center.domain.sweep_ports import LakeFiles, OrphanSweepRows
from services.cost_center.domain.sweeps import LakeFile, OrphanState
from shared.clock import Clock
from shared.ids import Ids
from shared.observability import logger
from shared.sweeps import healed
from shared.tenancy import TenantId

SWEEP = "orphans"


@dataclass(frozen=True)
class SweepOrphans:
    """The use case and its ports: `pages` listings per tenant and run, from where the last one stopped."""

    lake: LakeFiles
    rows: OrphanSweepRows
    bucket: str
    clock: Clock
    ids: Ids
    pages: int
    safe_age: timedelta
    time_is_up: Callable[[], bool] = lambda: False

    def __call__(self, tenant: TenantId) -> int:
        """How many files were removed."""
        before = self.rows.orphan_state(tenant)
        files, after = self._listed(tenant, before.after)
        orphans = self._orphans(tenant, files)
        state: OrphanState = replace(before, after=after)
        word = healed(SWEEP, tenant, orphans, clock=self.clock, ids=self.ids) if orphans else None
        if word is not None or state != before:
            # The word comes first: should this end here, the files are found, and told of, once more.
            self.rows.save_orphans(tenant, state, word)
        if orphans:
            logger.warning("orphaned files are removed", tenant=tenant, files=len(orphans))
            self.lake.delete(orphans)
        return len(orphans)

    def _listed(self, tenant: TenantId, after: str | None) -> tuple[list[LakeFile], str | None]:
        oldest_kept = self.clock.now() - self.safe_age
        files: list[LakeFile] = []
        for _ in range(self.pages):
            if self.time_is_up():
                break
            page = self.lake.page(tenant, after)
            files += [file for file in page.files if file.modified < oldest_kept]
            after = page.following
            if after is None:
                break
        return files, after

    def _orphans(self, tenant: TenantId, files: list[LakeFile]) -> list[str]:
        written_by = dict(_by_delivery(tenant, files))
        open_ones = self._open(tenant, set(written_by.values()))
        settled = [file for file, delivery_id in written_by.items() if delivery_id not in open_ones]
        if not settled:
            return []
        published = self.rows.published_files(tenant)
        return [file.key for file in settled if f"s3://{self.bucket}/{file.key}" not in published]

    def _open(self, tenant: TenantId, deliveries: set[str]) -> set[str]:
        found = {each: self.rows.delivery(tenant, each) for each in deliveries}
        return {each for each, delivery in found.items() if delivery is not None and not delivery.done}


def _by_delivery(tenant: TenantId, files: list[LakeFile]) -> Iterator[tuple[LakeFile, str]]:
    for file in files:
        delivery_id = file.delivery_of(tenant)
        if delivery_id is not None:
            yield file, delivery_id
