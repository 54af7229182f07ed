"""What exports need from outside, as Protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from services.cost_center.domain.exports import Export, ExportFormat, Written
from services.cost_center.events import ExportRequested
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ExportPage:
    """Jobs in order of their id, and the token of the next page."""

    exports: Sequence[Export]
    cursor: str | None


@dataclass(frozen=True)
class Link:
    """An address from which anybody who has it may read one object, and until when."""

    url: str
    expires_at: datetime


class Exports(Protocol):
    """The export table and the outbox."""

    def get(self, tenant: TenantId, export_id: str) -> Export | None: ...

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ExportPage: ...

    def request(self, tenant: TenantId, export: Export, event: ExportRequested) -> None:
        """Store the job and its event: both or none. Raises Conflict when somebody else wrote the job."""
        ...

    def save(self, tenant: TenantId, export: Export) -> Export:
        """Replace the job of that version; returns it with the new one. Raises VersionConflict."""
        ...


class ExportWriter(Protocol):
    """Writes FOCUS. See `adapters/polars_export.py`."""

    def write(self, sources: Sequence[Path], target: Path, format: ExportFormat) -> Written:
        """The charges of `sources` as one file. Raises Unprocessable for files that are no charges."""
        ...

    def columns(self) -> list[Mapping[str, Any]]:
        """The ColumnDefinition of FOCUS metadata: each column with its type, in the order of the file."""
        ...


class ExportFiles(Protocol):
    """The lake's files and the exports', under one tenant's rights."""

    def fetch(self, tenant: TenantId, uri: str, target: Path) -> None:
        """Download a file of the lake. Raises NotFound (LAKE_FILE_GONE)."""
        ...

    def put(self, tenant: TenantId, key: str, path: Path, content_type: str) -> None: ...


class ExportLinks(Protocol):
    """Signs addresses of results."""

    def sign(self, key: str) -> Link: ...
