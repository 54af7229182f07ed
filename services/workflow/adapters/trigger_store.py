"""Tenants' triggers. Rows: `TRIGGERS#<workflow>`, `GENERATION`, `CRON#<workflow>#<trigger>` (up to which time
a schedule was seen to), `HOOK#<hook>` (a webhook's secrets: nothing but the webhook's route reads them)."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.workflow.adapters.workflow_items import trigger_set_item, trigger_set_of
from services.workflow.domain.workflow import Hook, HookSecret, TriggerSet
from shared.clock import iso
from shared.dynamo_items import to_attributes
from shared.table import TenantTable
from shared.table_writes import row_key
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_PREFIX = "TRIGGERS#"
_GENERATION = "GENERATION"


class TriggerStore:
    """One environment's triggers."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def generation(self, tenant: TenantId) -> int:
        row = self._table.get(tenant, _GENERATION)
        return 0 if row is None else int(row["generation"])

    def every(self, tenant: TenantId) -> Sequence[TriggerSet]:
        return [trigger_set_of(row) for row in self._table.query_all(tenant, prefix=_PREFIX)]

    def get(self, tenant: TenantId, workflow: str) -> TriggerSet | None:
        row = self._table.get(tenant, _PREFIX + workflow)
        return None if row is None else trigger_set_of(row)

    def seen(self, tenant: TenantId, workflow: str, trigger: str) -> datetime | None:
        row = self._table.get(tenant, _seen_key(workflow, trigger))
        return None if row is None else datetime.fromisoformat(row["seen"])

    def saw(self, tenant: TenantId, workflow: str, trigger: str, at: datetime) -> None:
        self._table.put_newer(tenant, _seen_key(workflow, trigger), {"seen": iso(at)}, by="seen")

    def writes(self, tenant: TenantId, triggers: TriggerSet) -> "list[TransactWriteItemTypeDef]":
        """For the transaction that moves the workflow's row, whose condition is the one that counts."""
        item = to_attributes(trigger_set_item(triggers)) | row_key(tenant, _PREFIX + triggers.workflow)
        grow: Any = {
            "TableName": self._table.name,
            "Key": row_key(tenant, _GENERATION),
            "UpdateExpression": "ADD generation :one",
            "ExpressionAttributeValues": to_attributes({":one": 1}),
        }
        return [{"Put": {"TableName": self._table.name, "Item": item}}, {"Update": grow}]


class HookStore:
    """Webhooks' secrets, in the trigger table."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def get(self, tenant: TenantId, hook: str) -> Hook | None:
        row = self._table.get(tenant, _hook_key(hook))
        if row is None:
            return None
        secrets = tuple(
            HookSecret(
                each["secret"],
                datetime.fromisoformat(each["created_at"]),
                None if each["expires_at"] is None else datetime.fromisoformat(each["expires_at"]),
            )
            for each in row["secrets"]
        )
        return Hook(row["hook"], row["workflow"], row["trigger"], secrets, int(row["version"]))

    def of(self, tenant: TenantId, workflow: str) -> Sequence[str]:
        rows = self._table.query_all(tenant, prefix=_hook_key(""))
        return [row["hook"] for row in rows if row["workflow"] == workflow]

    def save(self, tenant: TenantId, hook: Hook) -> Hook:
        secrets = [
            {
                "secret": each.secret,
                "created_at": iso(each.created_at),
                "expires_at": None if each.expires_at is None else iso(each.expires_at),
            }
            for each in hook.secrets
        ]
        row = {"hook": hook.id, "workflow": hook.workflow, "trigger": hook.trigger, "secrets": secrets}
        version = self._table.put(tenant, _hook_key(hook.id), row, expected_version=hook.rowversion)
        return Hook(hook.id, hook.workflow, hook.trigger, hook.secrets, version)

    def remove(self, tenant: TenantId, hook: str) -> None:
        self._table.delete(tenant, _hook_key(hook))


def _seen_key(workflow: str, trigger: str) -> str:
    return f"CRON#{workflow}#{trigger}"


def _hook_key(hook: str) -> str:
    return f"HOOK#{hook}"
