"""The writes of a tenant's rows, as parts of a DynamoDB transaction (and each alone, see `shared.table`)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.dynamo_items import to_attribute, to_attributes
from shared.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

KEYS = frozenset({"pk", "sk"})
_ABSENT = "attribute_not_exists(pk)"
_PRESENT = "attribute_exists(pk)"


def partition_key(tenant: TenantId, partition: str | None = None) -> str:
    """The partition key of a tenant's rows. Raises BadRequest for a text that is no tenant id."""
    key = f"TENANT#{tenant_id(tenant)}"
    if partition is None:
        return key
    if not partition:
        raise ValueError("a partition needs a name")
    return f"{key}#{partition}"


def row_key(tenant: TenantId, sk: str, partition: str | None = None) -> dict[str, Any]:
    """The primary key of a row, as DynamoDB takes it."""
    if not sk:
        raise ValueError("a row needs a sort key")
    return {"pk": {"S": partition_key(tenant, partition)}, "sk": {"S": sk}}


class TableWrites:
    """Makes TransactWriteItem dicts for one table; `version` counts a row's writes from 1."""

    name: str

    def tx_put(
        self,
        tenant: TenantId,
        sk: str,
        item: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        partition: str | None = None,
    ) -> "TransactWriteItemTypeDef":
        """Replace the row of that version; None: there must be none."""
        row = {**_unkeyed(item), "version": (expected_version or 0) + 1}
        put: Any = {
            "TableName": self.name,
            "Item": to_attributes(row) | row_key(tenant, sk, partition),
            **_condition(expected_version, otherwise=_ABSENT),
        }
        return {"Put": put}

    def tx_put_newer(
        self, tenant: TenantId, sk: str, item: Mapping[str, Any], *, by: str
    ) -> "TransactWriteItemTypeDef":
        """Replace the row unless its attribute `by` is as great or greater; it counts no versions."""
        put: Any = {
            "TableName": self.name,
            "Item": to_attributes(_unkeyed(item)) | row_key(tenant, sk),
            "ConditionExpression": f"{_ABSENT} OR #by < :by",
            "ExpressionAttributeNames": {"#by": by},
            "ExpressionAttributeValues": {":by": to_attribute(item[by])},
        }
        return {"Put": put}

    def tx_update(
        self,
        tenant: TenantId,
        sk: str,
        changes: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        remove: Sequence[str] = (),
        partition: str | None = None,
    ) -> "TransactWriteItemTypeDef":
        """Set `changes` and drop `remove` on an existing row (of that version, if given)."""
        if reserved := (KEYS | {"version"}) & (changes.keys() | set(remove)):
            raise ValueError(f"not the caller's to write: {sorted(reserved)}")
        condition = _condition(expected_version, otherwise=_PRESENT)
        names = {"#version": "version"}
        values: dict[str, Any] = {":one": to_attribute(1), **condition.get("ExpressionAttributeValues", {})}
        for at, (name, value) in enumerate(changes.items()):
            names[f"#s{at}"] = name
            values[f":s{at}"] = to_attribute(value, name)
        for at, name in enumerate(remove):
            names[f"#r{at}"] = name
        expression = "ADD #version :one"
        if changes:
            expression += " SET " + ", ".join(f"#s{at} = :s{at}" for at in range(len(changes)))
        if remove:
            expression += " REMOVE " + ", ".join(f"#r{at}" for at in range(len(remove)))
        return {
            "Update": {
                "TableName": self.name,
                "Key": row_key(tenant, sk, partition),
                "UpdateExpression": expression,
                "ConditionExpression": condition["ConditionExpression"],
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def tx_delete(
        self,
        tenant: TenantId,
        sk: str,
        *,
        expected_version: int | None = None,
        partition: str | None = None,
    ) -> "TransactWriteItemTypeDef":
        """Delete the row if it is there; with a version, only that one."""
        delete: Any = {
            "TableName": self.name,
            "Key": row_key(tenant, sk, partition),
            **_condition(expected_version, otherwise=None),
        }
        return {"Delete": delete}

    def tx_check(
        self,
        tenant: TenantId,
        sk: str,
        *,
        expected_version: int | None = None,
        absent: bool = False,
        partition: str | None = None,
    ) -> "TransactWriteItemTypeDef":
        """The row must be of that version; without one, it must be there (or must not, if `absent`)."""
        check: Any = {
            "TableName": self.name,
            "Key": row_key(tenant, sk, partition),
            **_condition(expected_version, otherwise=_ABSENT if absent else _PRESENT),
        }
        return {"ConditionCheck": check}


def _unkeyed(item: Mapping[str, Any]) -> Mapping[str, Any]:
    if reserved := KEYS & item.keys():
        raise ValueError(f"a row's keys are not the caller's to write: {sorted(reserved)}")
    return item


def _condition(expected_version: int | None, *, otherwise: str | None) -> Any:
    """The condition's part of a request; `transact` knows one about the version by its value's name."""
    if expected_version is not None:
        return {
            "ConditionExpression": "#version = :expected_version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":expected_version": to_attribute(expected_version)},
        }
    return {} if otherwise is None else {"ConditionExpression": otherwise}
