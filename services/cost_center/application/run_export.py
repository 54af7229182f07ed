"""Writing an export. Idempotent: a second run writes the same file under the same name."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from services.cost_center.domain.export_ports import ExportFiles, Exports, ExportWriter
from services.cost_center.domain.exports import (
    KEPT,
    Export,
    ExportFormat,
    ExportStatus,
    Written,
    difference,
)
from services.cost_center.domain.focus_metadata import metadata
from services.cost_center.domain.ports import FailPoint, no_failpoint
from services.cost_center.events import ExportRequested
from shared.clock import Clock
from shared.errors import NotFound, OnyxError, Unavailable, Unprocessable, VersionConflict
from shared.json_text import dumps
from shared.tenancy import TenantId

_TRIES = 5
_CONTENT = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class RunExport:
    """The use case and its ports. `workspace` yields an empty folder that is gone afterwards."""

    exports: Exports
    files: ExportFiles
    writer: ExportWriter
    clock: Clock
    workspace: Callable[[], AbstractContextManager[Path]]
    failpoint: FailPoint = no_failpoint

    def __call__(self, tenant: TenantId, event: ExportRequested) -> Export:
        """The job as it is afterwards: done, or failed with a reason that trying again does not change.

        Raises what may pass (the queue tries again), and NotFound for a job that nobody stored.
        """
        export = self._change(tenant, event, status=ExportStatus.RUNNING)
        if export.is_finished or export.attempt != event.attempt:
            return export
        self.failpoint("started")
        try:
            with self.workspace() as folder:
                written, size = self._write(tenant, export, folder)
        except OnyxError as error:
            if error.status >= 500:
                raise
            return self._change(tenant, event, status=ExportStatus.FAILED, reason=error.detail)
        self.failpoint("uploaded")
        done = self._change(
            tenant,
            event,
            status=ExportStatus.DONE,
            rows=written.rows,
            bytes=size,
            totals=written.totals,
            expires_at=self.clock.now() + KEPT,
            reason=None,
        )
        self.failpoint("done")
        return done

    def _write(self, tenant: TenantId, export: Export, folder: Path) -> tuple[Written, int]:
        sources = []
        for number, uri in enumerate(uri for each in export.sets for uri in each.files):
            sources.append(folder / f"{number:05d}.parquet")
            self.files.fetch(tenant, uri, sources[-1])
        self.failpoint("fetched")
        path = folder / export.request.filename
        written = self.writer.write(sources, path, export.request.format)
        if problem := difference(export, written):
            raise Unprocessable(problem, code="EXPORT_DIFFERS")
        self.failpoint("written")
        described = folder / "metadata.json"
        described.write_text(dumps(metadata(export, written, path.stat().st_size, self.writer.columns())))
        self.files.put(tenant, export.key(tenant), path, _CONTENT[export.request.format])
        self.failpoint("file uploaded")
        self.files.put(tenant, export.metadata_key(tenant), described, "application/json")
        return written, path.stat().st_size

    def _change(self, tenant: TenantId, event: ExportRequested, **changes: object) -> Export:
        """Write the changes, unless the job is finished or begun anew meanwhile; returns what is stored."""
        for _ in range(_TRIES):
            stored = self.exports.get(tenant, event.export_id)
            if stored is None:
                raise NotFound(f"there is no export {event.export_id}")
            if stored.is_finished or stored.attempt != event.attempt:
                return stored
            changed = replace(stored, updated_at=self.clock.now(), **changes)  # type: ignore[arg-type]
            try:
                return self.exports.save(tenant, changed)
            except VersionConflict:
                continue  # another task works on the same job: both write the same
        raise Unavailable(f"export {event.export_id} is changed faster than it can be written")
