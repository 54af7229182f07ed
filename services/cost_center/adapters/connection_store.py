"""Connections in DynamoDB. Rows: `EXTERNAL_ID`, `CONNECTION#<source>`, `PULL#<source>#<nonce>#<period>`."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.cost_center.domain.connection import Connection, Kind, LastPull, Place, Status
from services.cost_center.domain.connection_ports import ConnectionPage
from services.cost_center.domain.pull import Progress
from shared.clock import Clock, iso
from shared.errors import Conflict, Unavailable
from shared.events import Event, envelope
from shared.ids import Ids
from shared.observability import logger
from shared.outbox import Outbox
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_EXTERNAL_ID = "EXTERNAL_ID"
CONNECTION_PREFIX = "CONNECTION#"


class ConnectionStore:
    """One environment's connections. `random_text` makes a tenant's external id."""

    def __init__(
        self, table: TenantTable, outbox: Outbox, clock: Clock, ids: Ids, random_text: Callable[[], str]
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._clock = clock
        self._ids = ids
        self._random_text = random_text

    def external_id(self, tenant: TenantId) -> str:
        """Whoever writes first decides, for good: roles in customers' accounts hold it."""
        found = self._table.get(tenant, _EXTERNAL_ID)
        if found is None:
            with suppress(Conflict):
                row = {"external_id": self._random_text(), "created_at": iso(self._clock.now())}
                self._table.put_new(tenant, _EXTERNAL_ID, row)
            found = self._table.get(tenant, _EXTERNAL_ID)
        if found is None:
            raise Unavailable("the tenant's external id was stored and cannot be read")
        return str(found["external_id"])

    def get(self, tenant: TenantId, source: str) -> Connection | None:
        item = self._table.get(tenant, CONNECTION_PREFIX + source)
        return None if item is None else connection_of(item)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ConnectionPage:
        page = self._table.query(tenant, prefix=CONNECTION_PREFIX, limit=limit, cursor=cursor)
        return ConnectionPage([connection_of(item) for item in page.items], page.cursor)

    def every(self, tenant: TenantId) -> list[Connection]:
        return [connection_of(item) for item in self._table.query_all(tenant, prefix=CONNECTION_PREFIX)]

    def save(self, tenant: TenantId, connection: Connection, event: Event | None) -> Connection:
        key = CONNECTION_PREFIX + connection.source
        write = self._table.tx_put(
            tenant, key, connection_item(connection), expected_version=connection.version
        )
        self._commit(tenant, write, event)
        return replace(connection, version=(connection.version or 0) + 1)

    def remove(self, tenant: TenantId, connection: Connection, event: Event) -> None:
        write = self._table.tx_delete(
            tenant, CONNECTION_PREFIX + connection.source, expected_version=connection.version
        )
        self._commit(tenant, write, event)
        # A row that a crash leaves here is of a nonce that never comes again.
        for period in self.progress(tenant, connection):
            self._table.delete(tenant, _progress_prefix(connection) + period)

    def progress(self, tenant: TenantId, connection: Connection) -> Mapping[str, Progress]:
        rows = self._table.query_all(tenant, prefix=_progress_prefix(connection))
        return {row["period"]: progress_of(row) for row in rows}

    def save_progress(self, tenant: TenantId, connection: Connection, progress: Progress) -> Progress:
        version = self._table.put(
            tenant,
            _progress_prefix(connection) + progress.period,
            progress_item(progress),
            expected_version=progress.version,
        )
        return replace(progress, version=version)

    def _commit(self, tenant: TenantId, write: "TransactWriteItemTypeDef", event: Event | None) -> None:
        if event is None:
            transact(self._table.client, [write])
            return
        told = envelope(event, tenant=tenant, id=self._ids.new(), time=self._clock.now())
        transact(self._table.client, [write, self._outbox.item(told)])
        # The event is the record; the line is for whoever reads logs.
        logger.info("audit", extra={"act": event.detail_type(), "event_id": told.id, "facts": told.data})


def _progress_prefix(connection: Connection) -> str:
    return f"PULL#{connection.source}#{connection.nonce}#"


def connection_item(connection: Connection) -> dict[str, Any]:
    place, pulled = connection.place, connection.last_pull
    return {
        "source": connection.source,
        "account_id": connection.account_id,
        "kind": connection.kind.value,
        "role_arn": place.role_arn,
        "bucket": place.bucket,
        "prefix": place.prefix,
        "export_name": place.export_name,
        "region": place.region,
        "nonce": connection.nonce,
        "created_at": iso(connection.created_at),
        "created_by": connection.created_by,
        "status": connection.status.value,
        "reason": connection.reason,
        "verified_at": None if connection.verified_at is None else iso(connection.verified_at),
        "last_pull": None
        if pulled is None
        else {"at": iso(pulled.at), "files": pulled.files, "size": pulled.size},
    }


def connection_of(item: Mapping[str, Any]) -> Connection:
    verified, pulled = item["verified_at"], item["last_pull"]
    return Connection(
        source=item["source"],
        account_id=item["account_id"],
        kind=Kind(item["kind"]),
        place=Place(
            role_arn=item["role_arn"],
            bucket=item["bucket"],
            prefix=item["prefix"],
            export_name=item["export_name"],
            region=item["region"],
        ),
        nonce=item["nonce"],
        created_at=datetime.fromisoformat(item["created_at"]),
        created_by=item["created_by"],
        status=Status(item["status"]),
        reason=item["reason"],
        verified_at=None if verified is None else datetime.fromisoformat(verified),
        last_pull=None
        if pulled is None
        else LastPull(datetime.fromisoformat(pulled["at"]), int(pulled["files"]), int(pulled["size"])),
        version=int(item["version"]),
    )


def progress_item(progress: Progress) -> dict[str, Any]:
    return {
        "period": progress.period,
        "manifest": progress.manifest,
        "etag": progress.etag,
        "copied": progress.copied,
        "size": progress.size,
        "done": progress.done,
    }


def progress_of(item: Mapping[str, Any]) -> Progress:
    return Progress(
        period=item["period"],
        manifest=item["manifest"],
        etag=item["etag"],
        copied=int(item["copied"]),
        size=int(item["size"]),
        done=bool(item["done"]),
        version=int(item["version"]),
    )
