"""What can be queried: a tenant's tables, their columns, and the very files that hold their rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.query_engine.domain.errors import UNSAFE_PATH
from services.query_engine.domain.types import canonical_type
from shared.errors import Forbidden
from shared.tenancy import TenantId

_GLOB = frozenset("*?[]{}")


@dataclass(frozen=True)
class Column:
    """`name` as the bill writes it (FOCUS casing); `type` is Trino's name for it."""

    name: str
    type: str


@dataclass(frozen=True)
class FileGroup:
    """Files that hold the same columns."""

    files: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Version:
    """What one published bill holds of a table, as a reader of the Iceberg table finds it: the rows of
    `partition` (columns in lower case, and their values) in the snapshot. `files` hold the same rows."""

    database: str
    table: str
    snapshot_id: int
    partition: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table of one tenant: the union, by column name, of what each published bill holds of it.

    As it was at a moment it is called `<table>@<moment>`."""

    name: str
    columns: tuple[Column, ...]
    groups: tuple[FileGroup, ...] = ()
    rows: int = 0
    snapshots: tuple[int, ...] = ()
    published_at: datetime | None = None
    versions: tuple[Version, ...] = ()

    @property
    def base(self) -> str:
        """The table's name, whenever it is."""
        return self.name.partition("@")[0].lower()

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(path for group in self.groups for path in group.files)


class Catalog(Protocol):
    """The tables of a tenant."""

    def tables(self, tenant: TenantId, as_of: datetime | None = None) -> dict[str, Table]:
        """As published now, or as they were published at that moment: bills of later are absent.

        Raises BadRequest (AS_OF_NOT_KEPT) where a bill's set of that moment is no longer kept.
        """
        ...


def union_columns(*layers: tuple[Column, ...]) -> tuple[Column, ...]:
    """Columns by name without regard to case, in order of first sight; the first name and type hold.

    Two types of one name become varchar: nothing narrower holds both without a guess.
    """
    found: dict[str, Column] = {}
    for layer in layers:
        for column in layer:
            kind = canonical_type(column.type)
            seen = found.get(column.name.casefold())
            if seen is None:
                found[column.name.casefold()] = Column(column.name, kind)
            elif seen.type != kind:
                found[column.name.casefold()] = Column(seen.name, "varchar")
    return tuple(found.values())


def require_own_path(path: str, bucket: str, tenant: TenantId) -> str:
    """`path`, when it is a plain object under the tenant's own prefix of the lake.

    The binding of files is what isolates tenants, so it does not trust the row that names them.
    Raises Forbidden (UNSAFE_PATH) otherwise.
    """
    prefix = f"s3://{bucket}/{tenant}/"
    rest = path.removeprefix(prefix)
    if rest == path or not rest:
        raise Forbidden(f"a published file lies outside the lake prefix of {tenant}", code=UNSAFE_PATH)
    segments = rest.split("/")
    if any(each in ("", ".", "..") for each in segments) or _GLOB & set(rest) or "%2e" in rest.lower():
        raise Forbidden("a published file has a name that is not a plain path", code=UNSAFE_PATH)
    return path
