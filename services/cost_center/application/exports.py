"""Asking for exports, and reading what became of them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from services.cost_center.domain.bill import Bill
from services.cost_center.domain.export_ports import ExportLinks, ExportPage, Exports, Link
from services.cost_center.domain.exports import Export, ExportRequest, ExportStatus, again, bind
from services.cost_center.domain.ports import Bills
from services.cost_center.events import ExportRequested
from shared.clock import Clock
from shared.errors import Conflict, NotFound, Unavailable
from shared.tenancy import TenantId

_PAGE = 1000


@dataclass(frozen=True)
class RequestExport:
    """The use case: binds what is published, and asks the data plane for the file."""

    exports: Exports
    bills: Bills
    clock: Clock

    def __call__(self, tenant: TenantId, request: ExportRequest) -> Export:
        """The job: the one that answers the same request already, or a new one.

        Raises NotFound (NOTHING_TO_EXPORT).
        """
        now = self.clock.now()
        export = bind(tenant, request, self._bills(tenant), now)
        known = self.exports.get(tenant, export.export_id)
        if known is not None:
            if known.answers(now):
                return known
            export = again(export, known)
        # Where somebody asked for the same at the same time, theirs is the job.
        with suppress(Conflict):
            self.exports.request(tenant, export, _event(export))
        stored = self.exports.get(tenant, export.export_id)
        if stored is None:
            raise Unavailable(f"export {export.export_id} was stored and cannot be read")
        return stored

    def _bills(self, tenant: TenantId) -> Iterator[Bill]:
        cursor = None
        while True:
            page = self.bills.bills(tenant, limit=_PAGE, cursor=cursor)
            yield from page.bills
            if not (cursor := page.cursor):
                return


@dataclass(frozen=True)
class Links:
    """Where the file of an export that is done can be read, and its metadata."""

    file: Link
    metadata: Link


@dataclass(frozen=True)
class ReadExports:
    """The use cases that change nothing."""

    exports: Exports
    links: ExportLinks
    clock: Clock

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ExportPage:
        return self.exports.page(tenant, limit=limit, cursor=cursor)

    def export(self, tenant: TenantId, export_id: str) -> Export:
        found = self.exports.get(tenant, export_id)
        if found is None:
            raise NotFound(f"there is no export {export_id}")
        return found

    def links_of(self, tenant: TenantId, export: Export) -> Links | None:
        """Signed anew each time, below the caller's own prefix; None while there is nothing to fetch."""
        if export.status is not ExportStatus.DONE or export.is_expired(self.clock.now()):
            return None
        return Links(
            file=self.links.sign(export.key(tenant)), metadata=self.links.sign(export.metadata_key(tenant))
        )


def _event(export: Export) -> ExportRequested:
    request = export.request
    return ExportRequested(
        export_id=export.export_id,
        attempt=export.attempt,
        format=request.format.value,
        focus_version=request.version,
        first_period=request.first,
        last_period=request.last,
        bills=[each.bill_id for each in export.sets],
        requested_at=export.requested_at,
    )
