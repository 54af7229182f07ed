"""Row policies in DynamoDB: TENANT#<tenant>, POLICY#<subject>; the tenant's own settings in SETTINGS.

Each change moves the version of SETTINGS in its own transaction, and adds a row CHANGE#<time>#<version> that
says who, when and what. So one consistent read of that small row tells a query whether what is known of its
caller still holds: a policy that was set before the query was sent binds it.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from services.query_engine.domain.policies import (
    NOTHING,
    Binding,
    Match,
    PolicyPage,
    PolicySettings,
    RowPolicy,
    SetPolicy,
)
from shared.clock import iso
from shared.errors import VersionConflict
from shared.observability import logger
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

PREFIX = "POLICY#"
SETTINGS = "SETTINGS"
CHANGE = "CHANGE#"
_TRIES = 5
_TENANTS = 128
_SUBJECTS = 1024


class PolicyTable:
    """For many threads."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table
        self._lock = threading.Lock()
        self._known: OrderedDict[TenantId, tuple[PolicySettings, dict[str, RowPolicy | None]]] = OrderedDict()

    # --- of a query ---

    def binding(self, tenant: TenantId, subject: str) -> Binding | None:
        settings = self.settings(tenant)
        if settings.version is None:
            return None
        policy = self._policy(tenant, subject, settings)
        if policy is None:
            return Binding(NOTHING, settings.cost_center_tag) if settings.deny_unnamed else None
        return None if policy.everything else Binding(policy, settings.cost_center_tag)

    def _policy(self, tenant: TenantId, subject: str, settings: PolicySettings) -> RowPolicy | None:
        with self._lock:
            known = self._known.get(tenant)
            if known is not None and known[0] == settings and subject in known[1]:
                self._known.move_to_end(tenant)
                return known[1][subject]
        # After the settings: what is kept is of that version or newer, and the next look tells.
        found = self.find(tenant, subject)
        policy = None if found is None else found.policy
        with self._lock:
            known = self._known.get(tenant)
            if known is None or known[0] != settings or len(known[1]) >= _SUBJECTS:
                known = (settings, {})
            known[1][subject] = policy
            self._known[tenant] = known
            self._known.move_to_end(tenant)
            while len(self._known) > _TENANTS:
                self._known.popitem(last=False)
        return policy

    # --- of administrators ---

    def settings(self, tenant: TenantId) -> PolicySettings:
        item = self._table.get(tenant, SETTINGS)
        if item is None:
            return PolicySettings()
        return PolicySettings(item["deny_unnamed"], item["cost_center_tag"], int(item["version"]))

    def find(self, tenant: TenantId, subject: str) -> SetPolicy | None:
        item = self._table.get(tenant, PREFIX + subject)
        return None if item is None else _set_policy(item)

    def page(self, tenant: TenantId, limit: int, cursor: str | None) -> PolicyPage:
        rows = self._table.query_all(tenant, prefix=PREFIX)
        later = (row for row in rows if cursor is None or row["subject"] > cursor)
        found = [_set_policy(row) for row in islice(later, limit + 1)]
        return PolicyPage(tuple(found[:limit]), found[limit - 1].subject if len(found) > limit else None)

    def save(self, tenant: TenantId, given: SetPolicy) -> None:
        before = given.version - 1 or None
        row = {"subject": given.subject, **_item(given.policy), **_who(given.set_by, given.set_at)}
        write = self._table.tx_put(tenant, PREFIX + given.subject, row, expected_version=before)
        self._write(tenant, given.subject, before, write, {"act": "set", **row}, given.set_at)

    def remove(self, tenant: TenantId, found: SetPolicy, by: str, at: datetime) -> None:
        write = self._table.tx_delete(tenant, PREFIX + found.subject, expected_version=found.version)
        change = {"act": "removed", "subject": found.subject, **_who(by, at)}
        self._write(tenant, found.subject, found.version, write, change, at)

    def configure(self, tenant: TenantId, settings: PolicySettings, by: str, at: datetime) -> None:
        change = {"act": "configured", **_settings_item(settings), **_who(by, at)}
        self._commit(tenant, settings, [], change, at)

    def _write(
        self,
        tenant: TenantId,
        subject: str,
        version: int | None,
        write: Any,
        change: Mapping[str, Any],
        at: datetime,
    ) -> None:
        """Changes of other subjects move the settings too: only one of this subject is a race lost."""
        for left in reversed(range(_TRIES)):
            try:
                self._commit(tenant, self.settings(tenant), [write], change, at)
            except VersionConflict:
                found = self.find(tenant, subject)
                if left == 0 or (found.version if found else None) != version:
                    raise
            else:
                return

    def _commit(
        self,
        tenant: TenantId,
        settings: PolicySettings,
        writes: Sequence[Any],
        change: Mapping[str, Any],
        at: datetime,
    ) -> None:
        moved = self._table.tx_put(
            tenant, SETTINGS, _settings_item(settings), expected_version=settings.version
        )
        version = (settings.version or 0) + 1
        told = self._table.tx_put(tenant, f"{CHANGE}{iso(at)}#{version:09}", change)
        transact(self._table.client, [*writes, moved, told])
        # The row is the record; the line is for whoever reads logs.
        logger.info("audit", extra={"act": f"row policy {change['act']}", "facts": dict(change)})


def _who(by: str, at: datetime) -> dict[str, Any]:
    return {"set_by": by, "set_at": iso(at)}


def _settings_item(settings: PolicySettings) -> dict[str, Any]:
    return {"deny_unnamed": settings.deny_unnamed, "cost_center_tag": settings.cost_center_tag}


def _item(policy: RowPolicy) -> dict[str, Any]:
    return {
        "match": policy.match.value,
        "sub_accounts": list(policy.sub_accounts),
        # Not a map: a tag's key may be any text.
        "tags": [{"key": key, "values": list(values)} for key, values in policy.tags],
        "cost_centers": list(policy.cost_centers),
        "everything": policy.everything,
    }


def _set_policy(item: Mapping[str, Any]) -> SetPolicy:
    policy = RowPolicy(
        Match(item["match"]),
        tuple(item["sub_accounts"]),
        tuple((each["key"], tuple(each["values"])) for each in item["tags"]),
        tuple(item["cost_centers"]),
        item["everything"],
    )
    set_at = datetime.fromisoformat(item["set_at"])
    return SetPolicy(item["subject"], policy, item["set_by"], set_at, int(item["version"]))
