"""Troubles of deliveries in the bill table: `TROUBLE#<delivery id>`, each of the delivery's own tenant."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.cost_center.domain.trouble import Trouble, TroublePage
from shared.clock import iso
from shared.table import TenantTable
from shared.tenancy import TenantId

PREFIX = "TROUBLE#"
RESOLVED_KEPT = timedelta(days=7)
"""An open trouble has no end: it is gone when somebody has mended it."""


class TroubleRows:
    """One environment's troubles."""

    def __init__(self, bills: TenantTable) -> None:
        self._bills = bills

    def trouble(self, tenant: TenantId, delivery_id: str) -> Trouble | None:
        item = self._bills.get(tenant, PREFIX + delivery_id)
        return None if item is None else _of(item)

    def troubles(self, tenant: TenantId, *, limit: int, cursor: str | None) -> TroublePage:
        page = self._bills.query(tenant, prefix=PREFIX, limit=limit, cursor=cursor)
        found = [_of(item) for item in page.items]
        return TroublePage([each for each in found if each.resolved is None], page.cursor)

    def open(self, tenant: TenantId) -> Iterator[Trouble]:
        """Every trouble of the tenant that is not resolved, for operators."""
        found = (_of(item) for item in self._bills.query_all(tenant, prefix=PREFIX))
        return (each for each in found if each.resolved is None)

    def save_trouble(self, tenant: TenantId, trouble: Trouble) -> Trouble:
        key = PREFIX + trouble.delivery_id
        version = self._bills.put(tenant, key, _item(trouble), expected_version=trouble.version)
        return _of({**_item(trouble), "version": version})


def _item(trouble: Trouble) -> dict[str, Any]:
    item: dict[str, Any] = {
        "delivery_id": trouble.delivery_id,
        "key": trouble.key,
        "source": trouble.source,
        "filename": trouble.filename,
        "message_id": trouble.message_id,
        "attempts": trouble.attempts,
        "receive": trouble.receive,
        "receives": trouble.receives,
        "since": iso(trouble.since),
        "code": trouble.code,
        "reason": trouble.reason,
        "alive_until": iso(trouble.alive_until),
        "ended": None if trouble.ended is None else iso(trouble.ended),
        "resolved": None if trouble.resolved is None else iso(trouble.resolved),
    }
    if trouble.resolved is not None:
        item["ttl"] = int((trouble.resolved + RESOLVED_KEPT).timestamp())
    return item


def _of(item: Mapping[str, Any]) -> Trouble:
    ended, resolved = item["ended"], item["resolved"]
    return Trouble(
        delivery_id=item["delivery_id"],
        key=item["key"],
        source=item["source"],
        filename=item["filename"],
        message_id=item["message_id"],
        attempts=int(item["attempts"]),
        receive=int(item["receive"]),
        receives=int(item["receives"]),
        since=datetime.fromisoformat(item["since"]),
        code=item["code"],
        reason=item["reason"],
        alive_until=datetime.fromisoformat(item["alive_until"]),
        ended=None if ended is None else datetime.fromisoformat(ended),
        resolved=None if resolved is None else datetime.fromisoformat(resolved),
        version=int(item["version"]),
    )
