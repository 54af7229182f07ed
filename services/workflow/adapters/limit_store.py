"""Counters over windows of time, in the execution table's partition `LIMITS`: `RATE#<workflow>#<minute>` and
`STARTS#<second>`. They go with their time to live."""

from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from shared.clock import iso
from shared.dynamo_items import to_attributes
from shared.table import TenantTable
from shared.table_writes import row_key
from shared.tenancy import TenantId

LIMITS = "LIMITS"
_KEPT = timedelta(hours=1)


class LimitStore:
    """One environment's counters."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def in_minute(self, tenant: TenantId, workflow: str, now: datetime, most: int) -> bool:
        return self._count(tenant, f"RATE#{workflow}#{iso(now)[:16]}", now, most)

    def in_second(self, tenant: TenantId, now: datetime, most: int) -> bool:
        return self._count(tenant, f"STARTS#{iso(now)[:19]}", now, most)

    def _count(self, tenant: TenantId, sk: str, now: datetime, most: int) -> bool:
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key=row_key(tenant, sk, LIMITS),
                UpdateExpression="ADD #count :one SET #ttl = :ttl",
                ConditionExpression="attribute_not_exists(#count) OR #count < :most",
                ExpressionAttributeNames={"#count": "count", "#ttl": "ttl"},
                ExpressionAttributeValues=to_attributes(
                    {":one": 1, ":ttl": int((now + _KEPT).timestamp()), ":most": most}
                ),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return most > 0
