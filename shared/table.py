"""The gateway to a tenant's rows: no operation without a tenant, no key that a caller writes.

Every table has the keys `pk` and `sk` and may use `ttl` (epoch seconds; DynamoDB deletes an expired row
within days, so a reader that cares compares it itself). `pk` is always `TENANT#<tenant>`, or
`TENANT#<tenant>#<partition>` for a part of the tenant's rows that would make one partition hot. Rows carry
`version`, which counts writes from 1. Values: see `shared.dynamo_items`; money is canonical text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import aws
from shared.dynamo_items import Item, from_attributes
from shared.errors import BadRequest, ConfigurationError, Conflict, Unavailable, VersionConflict
from shared.page_keys import PageKeys
from shared.table_writes import KEYS, TableWrites, partition_key, row_key
from shared.tenancy import TenantId
from shared.transactions import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["MAX_LIMIT", "Item", "Page", "PageKeys", "TenantTable", "partition_key", "transact"]

MAX_LIMIT = 1000


@dataclass(frozen=True)
class Page:
    """Rows in key order, and the token of the next page (None on the last)."""

    items: list[Item]
    cursor: str | None


class TenantTable(TableWrites):
    """One DynamoDB table, seen one tenant at a time. (`tx_put` and its like: see `TableWrites`.)"""

    def __init__(
        self, name: str, client: "DynamoDBClient | None" = None, page_keys: PageKeys | None = None
    ) -> None:
        self.name = name
        self._given = client
        self._page_keys = page_keys

    @property
    def client(self) -> "DynamoDBClient":
        return self._given or aws.dynamodb()

    # --- one row ---

    def get(
        self, tenant: TenantId, sk: str, *, partition: str | None = None, consistent: bool = True
    ) -> Item | None:
        """The row without its keys, or None."""
        found = self.client.get_item(
            TableName=self.name, Key=row_key(tenant, sk, partition), ConsistentRead=consistent
        ).get("Item")
        return None if found is None else _stripped(found)

    def put_new(
        self, tenant: TenantId, sk: str, item: Mapping[str, Any], *, partition: str | None = None
    ) -> int:
        """Create the row; returns its version, 1. Raises Conflict when it exists."""
        try:
            return self.put(tenant, sk, item, expected_version=None, partition=partition)
        except VersionConflict as error:
            raise Conflict(f"{sk} exists already") from error

    def put(
        self,
        tenant: TenantId,
        sk: str,
        item: Mapping[str, Any],
        *,
        expected_version: int | None,
        partition: str | None = None,
    ) -> int:
        """Replace the row of that version (None: there must be none); returns the new version.

        Raises VersionConflict when the row is of another version, exists or is gone.
        """
        write = self.tx_put(tenant, sk, item, expected_version=expected_version, partition=partition)
        self._conditional(self.client.put_item, write["Put"], sk)
        return (expected_version or 0) + 1

    def put_newer(self, tenant: TenantId, sk: str, item: Mapping[str, Any], *, by: str) -> bool:
        """Replace the row unless the one there is as new or newer; whether it was replaced.

        `by` names an attribute whose text order is its time order (`shared.clock.iso`). Such a row is
        written in no other way, so it counts no versions. Raises Unavailable while a transaction holds the
        row: whether that makes it newer is not yet known.
        """
        write = self.tx_put_newer(tenant, sk, item, by=by)
        try:
            self._conditional(self.client.put_item, write["Put"], sk)
        except VersionConflict:
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionConflictException":
                raise
            raise Unavailable(f"{sk} is being changed by somebody else", retry_after=1) from error
        return True

    def update(
        self,
        tenant: TenantId,
        sk: str,
        changes: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        remove: Sequence[str] = (),
        partition: str | None = None,
    ) -> None:
        """Set some attributes of an existing row (of that version, if given). Raises VersionConflict."""
        write = self.tx_update(
            tenant, sk, changes, expected_version=expected_version, remove=remove, partition=partition
        )
        self._conditional(self.client.update_item, write["Update"], sk)

    def delete(
        self,
        tenant: TenantId,
        sk: str,
        *,
        expected_version: int | None = None,
        partition: str | None = None,
    ) -> None:
        """Delete the row if it is there; with a version, only that one (else VersionConflict)."""
        write = self.tx_delete(tenant, sk, expected_version=expected_version, partition=partition)
        self._conditional(self.client.delete_item, write["Delete"], sk)

    # --- many rows ---

    def query(
        self,
        tenant: TenantId,
        *,
        prefix: str = "",
        limit: int = 100,
        cursor: str | None = None,
        newest_first: bool = False,
        partition: str | None = None,
        consistent: bool = True,
    ) -> Page:
        """One page of the rows whose sort key starts with `prefix`, in key order (or its reverse).

        `limit` is 1 to 1000 (else BadRequest INVALID_LIMIT); `cursor` is a token of an earlier page of the
        same listing (else BadRequest INVALID_CURSOR).
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise BadRequest(f"limit is 1 to {MAX_LIMIT}", code="INVALID_LIMIT")
        scope = {"partition": partition or "", "order": "newest" if newest_first else "oldest"}
        after = None
        if cursor is not None:
            after = self._keys().verify(self.name, tenant, prefix, cursor, **scope)
        # One row more than asked for tells whether there is a next page.
        rows = self._rows(tenant, prefix, partition, newest_first, consistent, after, limit + 1)
        found = list(islice(rows, limit + 1))
        more = len(found) > limit
        found = found[:limit]
        token = None
        if more:
            token = self._keys().sign(self.name, tenant, prefix, found[-1]["sk"]["S"], **scope)
        return Page([_stripped(row) for row in found], token)

    def query_all(
        self,
        tenant: TenantId,
        *,
        prefix: str = "",
        newest_first: bool = False,
        partition: str | None = None,
        consistent: bool = True,
    ) -> Iterator[Item]:
        """Every row whose sort key starts with `prefix`, fetched as they are taken."""
        rows = self._rows(tenant, prefix, partition, newest_first, consistent, None, MAX_LIMIT)
        return (_stripped(row) for row in rows)

    def versions(self, tenant: TenantId, *, prefix: str) -> dict[str, int]:
        """Which rows there are whose sort key starts with `prefix`, and of which version (0: it counts none).

        A consistent read of all of them, of which these few bytes are sent.
        """
        rows = self._rows(tenant, prefix, None, False, True, None, MAX_LIMIT, only=("sk", "version"))
        return {row["sk"]["S"]: int(row.get("version", {"N": "0"})["N"]) for row in rows}

    # --- inside ---

    def _keys(self) -> PageKeys:
        if self._page_keys is None:
            raise ConfigurationError(f"PAGE_TOKEN_SECRET_ARN: {self.name} has more than one page and no key")
        return self._page_keys

    def _rows(
        self,
        tenant: TenantId,
        prefix: str,
        partition: str | None,
        newest_first: bool,
        consistent: bool,
        after: str | None,
        page_size: int,
        only: Sequence[str] = (),
    ) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": partition_key(tenant, partition)}},
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
            "Limit": page_size,
        }
        if prefix:
            request["KeyConditionExpression"] += " AND begins_with(sk, :prefix)"
            request["ExpressionAttributeValues"][":prefix"] = {"S": prefix}
        if only:
            request["ProjectionExpression"] = ", ".join(f"#{name}" for name in only)
            request["ExpressionAttributeNames"] = {f"#{name}": name for name in only}
        if after is not None:
            request["ExclusiveStartKey"] = row_key(tenant, after, partition)
        while True:
            answer = self.client.query(**request)
            yield from answer["Items"]
            if not (last := answer.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = last

    def _conditional(self, write: Any, request: Mapping[str, Any], sk: str) -> None:
        try:
            write(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise VersionConflict(f"{sk} was changed by somebody else") from error


def _stripped(attributes: Mapping[str, Any]) -> Item:
    return from_attributes({name: value for name, value in attributes.items() if name not in KEYS})
