"""Exports in memory: jobs with versions, files by their keys, and bills to export."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from services.cost_center.adapters.polars_export import PolarsExport
from services.cost_center.application.exports import ReadExports, RequestExport
from services.cost_center.application.run_export import RunExport
from services.cost_center.domain.export_ports import ExportPage, Link
from services.cost_center.domain.exports import Export, ExportFormat, ExportRequest
from services.cost_center.events import ExportRequested
from shared.errors import NotFound, VersionConflict
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, CrashAt, World

SEPTEMBER = ExportRequest("2026-09", "2026-09", ExportFormat.CSV)


class FakeExports:
    """Jobs with versions, and the events that left with them."""

    def __init__(self) -> None:
        self.stored: dict[tuple[TenantId, str], Export] = {}
        self.events: list[ExportRequested] = []

    def get(self, tenant: TenantId, export_id: str) -> Export | None:
        return self.stored.get((tenant, export_id))

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ExportPage:
        found = [each for (owner, _), each in sorted(self.stored.items()) if owner == tenant]
        found = [each for each in found if cursor is None or each.export_id > cursor]
        return ExportPage(found[:limit], found[limit - 1].export_id if len(found) > limit else None)

    def request(self, tenant: TenantId, export: Export, event: ExportRequested) -> None:
        self.save(tenant, export)
        self.events.append(event)

    def save(self, tenant: TenantId, export: Export) -> Export:
        held = self.get(tenant, export.export_id)
        if (None if held is None else held.version) != export.version:
            raise VersionConflict("the export was changed")
        saved = replace(export, version=(export.version or 0) + 1)
        self.stored[tenant, export.export_id] = saved
        return saved


@dataclass
class FakeExportFiles:
    """The lake's files are where the fake lake put them; results are bytes by key."""

    results: dict[str, bytes] = field(default_factory=dict)
    puts: int = 0
    error: Exception | None = None

    def fetch(self, tenant: TenantId, uri: str, target: Path) -> None:
        if self.error is not None:
            raise self.error
        if not Path(uri).is_file():
            raise NotFound(f"{uri} is gone", code="LAKE_FILE_GONE")
        target.write_bytes(Path(uri).read_bytes())

    def put(self, tenant: TenantId, key: str, path: Path, content_type: str) -> None:
        assert key.startswith(f"{tenant}/exports/")
        self.puts += 1
        self.results[key] = path.read_bytes()


class FakeLinks:
    def __init__(self, world: World) -> None:
        self._world = world

    def sign(self, key: str) -> Link:
        return Link(f"https://results.test/{key}?signed", self._world.clock.now() + timedelta(minutes=15))


class ExportWorld:
    """A `World` whose bills can be exported; files are written as in production."""

    def __init__(self, world: World) -> None:
        self.bills = world
        self.exports = FakeExports()
        self.files = FakeExportFiles()
        self.failpoint = CrashAt()
        self.writer = PolarsExport()
        self.ask = RequestExport(self.exports, world.bills, world.clock)
        self.read = ReadExports(self.exports, FakeLinks(world), world.clock)
        self._runs = 0

    def run(self, event: ExportRequested | None = None, tenant: TenantId = ACME) -> Export:
        """What the task does at an event; the last one, unless one is given."""
        return RunExport(
            exports=self.exports,
            files=self.files,
            writer=self.writer,
            clock=self.bills.clock,
            workspace=self._workspace,
            failpoint=self.failpoint,
        )(tenant, event or self.exports.events[-1])

    @contextmanager
    def _workspace(self) -> Iterator[Path]:
        self._runs += 1
        folder = self.bills.folder / f"export-{self._runs}"
        folder.mkdir()
        yield folder


def billed(export: Export) -> Sequence[tuple[str, Decimal]]:
    return [(total.currency, total.billed_cost) for total in export.totals]
