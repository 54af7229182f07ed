"""The index `by_open` of the execution table: runs and approvals of all tenants that are not settled, oldest
first, over 8 shards. Only reconciling reads across tenants, and only keys: rows are then read by tenant."""

import json
from typing import Any

from shared.table import TenantTable
from shared.tenancy import TenantId

INDEX = "by_open"


class OpenIndex:
    """The index of one execution table."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def page(
        self, shard: int, *, prefix: str, after: str | None, limit: int
    ) -> tuple[list[tuple[TenantId, str]], str | None]:
        """Tenant and sort key of up to `limit` rows of the shard, of which those whose sort key begins with
        `prefix` are returned; and where the next page begins (None: this was the last)."""
        request: dict[str, Any] = {
            "TableName": self._table.name,
            "IndexName": INDEX,
            "KeyConditionExpression": "#open = :shard",
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": {":shard": {"S": str(shard)}},
            "Limit": limit,
        }
        if after is not None:
            request["ExclusiveStartKey"] = json.loads(after)
        answer = self._table.client.query(**request)
        keys = [(_tenant(row["pk"]["S"]), row["sk"]["S"]) for row in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        following = None if last is None else json.dumps(last)
        return [key for key in keys if key[1].startswith(prefix)], following


class JobMarks:
    """Where a job has stopped: pk `MARKS`, which is no tenant's."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def get(self, name: str) -> str | None:
        row = self._table.client.get_item(TableName=self._table.name, Key=_mark_key(name)).get("Item")
        return None if row is None or "at" not in row else row["at"]["S"]

    def put(self, name: str, at: str | None) -> None:
        item: dict[str, Any] = _mark_key(name)
        if at is not None:
            item["at"] = {"S": at}
        self._table.client.put_item(TableName=self._table.name, Item=item)


def _mark_key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "MARKS"}, "sk": {"S": name}}


def _tenant(partition: str) -> TenantId:
    return TenantId(partition.split("#")[1])
