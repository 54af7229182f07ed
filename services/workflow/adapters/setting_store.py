"""What a tenant's admin decides: `LIMITS`, `CHANNEL#<name>` (where notifications may go)."""

from collections.abc import Sequence
from typing import Any

from services.workflow.domain.runtime_ports import Channel
from services.workflow.domain.workflow import TenantLimits
from shared.table import TenantTable
from shared.tenancy import TenantId

_LIMITS = "LIMITS"
_CHANNEL = "CHANNEL#"


class SettingStore:
    """One environment's settings of tenants. Notifications find a channel by `get`."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def limits(self, tenant: TenantId) -> TenantLimits:
        row = self._table.get(tenant, _LIMITS)
        if row is None:
            return TenantLimits()
        return TenantLimits(int(row["starts_per_second"]))

    def save_limits(self, tenant: TenantId, limits: TenantLimits) -> None:
        self._replace(tenant, _LIMITS, {"starts_per_second": limits.starts_per_second})

    def get(self, tenant: TenantId, name: str) -> Channel | None:
        row = self._table.get(tenant, _CHANNEL + name)
        return None if row is None else _channel_of(row)

    def channels(self, tenant: TenantId) -> Sequence[Channel]:
        return [_channel_of(row) for row in self._table.query_all(tenant, prefix=_CHANNEL)]

    def save_channel(self, tenant: TenantId, channel: Channel) -> None:
        row = {
            "name": channel.name,
            "kind": channel.kind,
            "url": channel.url,
            "credential": channel.credential,
            "addresses": list(channel.addresses),
        }
        self._replace(tenant, _CHANNEL + channel.name, row)

    def remove_channel(self, tenant: TenantId, name: str) -> None:
        self._table.delete(tenant, _CHANNEL + name)

    def _replace(self, tenant: TenantId, key: str, row: dict[str, Any]) -> None:
        found = self._table.get(tenant, key)
        self._table.put(tenant, key, row, expected_version=None if found is None else int(found["version"]))


def _channel_of(row: dict[str, Any]) -> Channel:
    return Channel(row["name"], row["kind"], row["url"], row["credential"], tuple(row["addresses"]))
