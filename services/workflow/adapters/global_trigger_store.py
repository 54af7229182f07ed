"""The operators' triggers: pk `GLOBAL`, sk `TRIGGER#<name>` and `GENERATION`. They are no tenant's, so they
are read and written here and nowhere else."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.workflow.adapters.workflow_items import global_trigger_item, global_trigger_of
from services.workflow.domain.workflow import GlobalTrigger
from shared import aws
from shared.dynamo_items import from_attributes, to_attributes
from shared.transactions import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_GLOBAL = {"S": "GLOBAL"}
_GENERATION = {"pk": _GLOBAL, "sk": {"S": "GENERATION"}}
_PREFIX = "TRIGGER#"


class GlobalTriggerStore:
    """One environment's global triggers."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._given = client

    @property
    def _client(self) -> "DynamoDBClient":
        return self._given or aws.dynamodb()

    def generation(self) -> int:
        row = self._client.get_item(TableName=self._table, Key=_GENERATION, ConsistentRead=True).get("Item")
        return 0 if row is None else int(row["generation"]["N"])

    def every(self) -> Sequence[GlobalTrigger]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :global AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":global": _GLOBAL, ":prefix": {"S": _PREFIX}},
            ConsistentRead=True,
        )
        return [global_trigger_of(from_attributes(row)) for page in pages for row in page["Items"]]

    def put(self, trigger: GlobalTrigger) -> None:
        item = to_attributes(global_trigger_item(trigger)) | _key(trigger.name)
        self._change({"Put": {"TableName": self._table, "Item": item}})

    def remove(self, name: str) -> None:
        self._change({"Delete": {"TableName": self._table, "Key": _key(name)}})

    def _change(self, write: "TransactWriteItemTypeDef") -> None:
        grow: Any = {
            "TableName": self._table,
            "Key": _GENERATION,
            "UpdateExpression": "ADD generation :one",
            "ExpressionAttributeValues": to_attributes({":one": 1}),
        }
        transact(self._client, [write, {"Update": grow}])


def _key(name: str) -> dict[str, Any]:
    return {"pk": _GLOBAL, "sk": {"S": _PREFIX + name}}
