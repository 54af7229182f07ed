"""A TenantTable in memory, and DynamoDB tables of the domains' shape for moto."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.dynamo_items import Item, from_attributes, to_attributes
from shared.errors import BadRequest, Conflict, VersionConflict
from shared.page_keys import PageKeys
from shared.table import MAX_LIMIT, Page
from shared.table_writes import KEYS, partition_key
from shared.tenancy import TenantId


class FakeTenantTable:
    """Rows in a dict; behaves as `shared.table.TenantTable` does, which one suite proves of both."""

    def __init__(self, name: str = "fake", page_keys: PageKeys | None = None) -> None:
        self.name = name
        self.rows: dict[tuple[str, str], Item] = {}
        self._page_keys = page_keys or PageKeys(b"a secret of the fake table only!")

    def get(
        self, tenant: TenantId, sk: str, *, partition: str | None = None, consistent: bool = True
    ) -> Item | None:
        row = self.rows.get((partition_key(tenant, partition), sk))
        return None if row is None else _copy(row)

    def put_new(
        self, tenant: TenantId, sk: str, item: Mapping[str, Any], *, partition: str | None = None
    ) -> int:
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
        if KEYS & item.keys():
            raise ValueError("a row's keys are not the caller's to write")
        key = (partition_key(tenant, partition), sk)
        self._expect(key, expected_version, absent=expected_version is None)
        version = (expected_version or 0) + 1
        self.rows[key] = _copy({**item, "version": version})
        return version

    def put_newer(self, tenant: TenantId, sk: str, item: Mapping[str, Any], *, by: str) -> bool:
        if KEYS & item.keys():
            raise ValueError("a row's keys are not the caller's to write")
        key = (partition_key(tenant), sk)
        if key in self.rows and self.rows[key][by] >= item[by]:
            return False
        self.rows[key] = _copy(item)
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
        if (KEYS | {"version"}) & (changes.keys() | set(remove)):
            raise ValueError("not the caller's to write")
        key = (partition_key(tenant, partition), sk)
        self._expect(key, expected_version, absent=False)
        kept = {name: value for name, value in self.rows[key].items() if name not in remove}
        self.rows[key] = _copy({**kept, **changes, "version": kept["version"] + 1})

    def delete(
        self,
        tenant: TenantId,
        sk: str,
        *,
        expected_version: int | None = None,
        partition: str | None = None,
    ) -> None:
        key = (partition_key(tenant, partition), sk)
        if expected_version is not None:
            self._expect(key, expected_version, absent=False)
        self.rows.pop(key, None)

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
        if not 1 <= limit <= MAX_LIMIT:
            raise BadRequest(f"limit is 1 to {MAX_LIMIT}", code="INVALID_LIMIT")
        scope = {"partition": partition or "", "order": "newest" if newest_first else "oldest"}
        keys = self._sort_keys(tenant, prefix, newest_first, partition)
        if cursor is not None:
            after = self._page_keys.verify(self.name, tenant, prefix, cursor, **scope)
            keys = [key for key in keys if (key < after if newest_first else key > after)]
        found = keys[:limit]
        token = None
        if len(keys) > limit:
            token = self._page_keys.sign(self.name, tenant, prefix, found[-1], **scope)
        pk = partition_key(tenant, partition)
        return Page([_copy(self.rows[pk, key]) for key in found], token)

    def query_all(
        self,
        tenant: TenantId,
        *,
        prefix: str = "",
        newest_first: bool = False,
        partition: str | None = None,
        consistent: bool = True,
    ) -> Iterator[Item]:
        pk = partition_key(tenant, partition)
        for key in self._sort_keys(tenant, prefix, newest_first, partition):
            yield _copy(self.rows[pk, key])

    def _sort_keys(
        self, tenant: TenantId, prefix: str, newest_first: bool, partition: str | None
    ) -> list[str]:
        pk = partition_key(tenant, partition)
        found = [sk for row_pk, sk in self.rows if row_pk == pk and sk.startswith(prefix)]
        return sorted(found, reverse=newest_first)

    def _expect(self, key: tuple[str, str], version: int | None, *, absent: bool) -> None:
        row = self.rows.get(key)
        if absent:
            refused = row is not None
        else:
            refused = row is None or (version is not None and row["version"] != version)
        if refused:
            raise VersionConflict(f"{key[1]} was changed by somebody else")


def create_table(client: Any, name: str, *, outbox: bool = False) -> None:
    """A table of the domains' shape: keys pk and sk, and for an outbox its stream and indexes."""
    attributes = ["pk", "sk", *(["pending", "created_at"] if outbox else [])]
    request: dict[str, Any] = {
        "TableName": name,
        "KeySchema": _keys("pk", "sk"),
        "AttributeDefinitions": [{"AttributeName": each, "AttributeType": "S"} for each in attributes],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if outbox:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": "by_pending",
                "KeySchema": _keys("pending", "created_at"),
                "Projection": {"ProjectionType": "ALL"},
            },
            {
                "IndexName": "by_time",
                "KeySchema": _keys("pk", "created_at"),
                "Projection": {"ProjectionType": "ALL"},
            },
        ]
    client.create_table(**request)


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _copy(row: Mapping[str, Any]) -> Item:
    """Through DynamoDB's form and back: the fake refuses what DynamoDB would, and shares nothing."""
    return from_attributes(to_attributes(row))
