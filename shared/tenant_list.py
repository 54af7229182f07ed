"""The tenants that a domain knows of, for what runs over all of them: one partition of one of its tables.

Rows: pk `TENANTS`, sk <tenant id>; and pk `SWEEPS`, sk <sweep>: the tenant whose turn came last. These two
partitions are not a tenant's, so they are read and written here and nowhere else.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared import aws
from shared.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TENANTS = {"S": "TENANTS"}
_SWEEPS = {"S": "SWEEPS"}
_PAGE = 100


class TenantList:
    """One environment's tenants."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._given = client

    @property
    def _client(self) -> "DynamoDBClient":
        return self._given or aws.dynamodb()

    def add(self, tenant: TenantId) -> None:
        """Know the tenant from now on; again makes no difference."""
        self._client.put_item(TableName=self._table, Item={"pk": _TENANTS, "sk": {"S": tenant_id(tenant)}})

    def turns(self, sweep: str) -> Iterator[TenantId]:
        """Every tenant once, from the one after whom the sweep's last run ended."""
        key = {"pk": _SWEEPS, "sk": {"S": sweep}}
        row = self._client.get_item(TableName=self._table, Key=key).get("Item")
        last = row["last"]["S"] if row else ""
        yield from self._after(last)
        if last:
            for tenant in self._after(""):
                if tenant > last:
                    return
                yield tenant

    def ended(self, sweep: str, last: TenantId) -> None:
        """The sweep's run ended with this tenant: the next one's turn is first."""
        item: dict[str, Any] = {"pk": _SWEEPS, "sk": {"S": sweep}, "last": {"S": last}}
        self._client.put_item(TableName=self._table, Item=item)

    def _after(self, last: str) -> Iterator[TenantId]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :tenants",
            "ExpressionAttributeValues": {":tenants": _TENANTS},
            "Limit": _PAGE,
        }
        if last:
            request["ExclusiveStartKey"] = {"pk": _TENANTS, "sk": {"S": last}}
        while True:
            answer = self._client.query(**request)
            yield from (TenantId(row["sk"]["S"]) for row in answer["Items"])
            if not (following := answer.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = following
