"""Tenants, users and SSO mappings in DynamoDB.

Tenant table     TENANT#<t> / TENANT                      the tenant
                 TENANT#onyx-platform#DIRECTORY / <t>      the same again, so that all can be listed
User table       TENANT#<t> / USER#<username>
Mapping table    ISSUER#<issuer> / CLIENT#<client id>      what yields the tenant, so it is not keyed by it
                 TENANT#<t> / MAPPING#<issuer>#<client>    the same again, so that a tenant can list its own
Both rows of a pair are written by one transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from services.identity.adapters.transactions import Transactions
from services.identity.domain.mappings import SsoMapping
from services.identity.domain.ports import Page
from services.identity.domain.tenants import Tenant, TenantStatus
from services.identity.domain.users import User, UserStatus, role_names
from shared.clock import iso
from shared.dynamo_items import from_attributes, to_attributes
from shared.events import Event
from shared.table import Page as TablePage
from shared.table import TenantTable
from shared.tenancy import Role, TenantId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

T = TypeVar("T")
Item = Mapping[str, Any]

PLATFORM, DIRECTORY = TenantId("onyx-platform"), "DIRECTORY"
TENANT_ROW, USER_PREFIX, MAPPING_PREFIX = "TENANT", "USER#", "MAPPING#"


class TenantReader:
    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def get(self, tenant: TenantId) -> Tenant | None:
        item = self._table.get(tenant, TENANT_ROW)
        return None if item is None else _tenant(item)


class UserReader:
    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def get(self, tenant: TenantId, username: str) -> User | None:
        item = self._table.get(tenant, USER_PREFIX + username)
        return None if item is None else _user(item)


class MappingReader:
    """The one read by a key that is no tenant's: issuer and client are all that is known of a token."""

    def __init__(self, table: TenantTable) -> None:
        self._table = table

    def get(self, issuer: str, client_id: str) -> SsoMapping | None:
        found = self._table.client.get_item(
            TableName=self._table.name, Key=_key(issuer, client_id), ConsistentRead=True
        )
        return _mapping(from_attributes(found["Item"])) if "Item" in found else None


class TenantRows(TenantReader):
    def __init__(self, table: TenantTable, transactions: Transactions) -> None:
        super().__init__(table)
        self._transactions = transactions

    def add(self, tenant: Tenant, event: Event) -> None:
        self._write(tenant, event)

    def save(self, tenant: Tenant, event: Event) -> None:
        self._write(tenant, event)

    def all(self) -> Sequence[Tenant]:
        return [_tenant(item) for item in self._table.query_all(PLATFORM, partition=DIRECTORY)]

    def _write(self, tenant: Tenant, event: Event) -> None:
        """Both rows have been written together since the first time, so that they have one version."""
        item = {
            "tenant": tenant.id,
            "name": tenant.name,
            "status": tenant.status.value,
            "created_at": iso(tenant.created_at),
        }
        row = self._table.tx_put(tenant.id, TENANT_ROW, item, expected_version=tenant.version)
        copy = self._table.tx_put(
            PLATFORM, tenant.id, item, expected_version=tenant.version, partition=DIRECTORY
        )
        self._transactions.commit(tenant.id, [row, copy], event)


class UserRows(UserReader):
    def __init__(self, table: TenantTable, transactions: Transactions) -> None:
        super().__init__(table)
        self._transactions = transactions

    def add(self, user: User, event: Event) -> None:
        self._write(user, event)

    def save(self, user: User, event: Event) -> None:
        self._write(user, event)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[User]:
        return _page(self._table.query(tenant, prefix=USER_PREFIX, limit=limit, cursor=cursor), _user)

    def _write(self, user: User, event: Event) -> None:
        item = {
            "tenant": user.tenant,
            "username": user.username,
            "roles": role_names(user.roles),
            "status": user.status.value,
            "created_at": iso(user.created_at),
        }
        row = self._table.tx_put(
            user.tenant, USER_PREFIX + user.username, item, expected_version=user.version
        )
        self._transactions.commit(user.tenant, [row], event)


class MappingRows(MappingReader):
    def __init__(self, table: TenantTable, transactions: Transactions) -> None:
        super().__init__(table)
        self._transactions = transactions

    def add(self, mapping: SsoMapping, event: Event) -> None:
        item = {
            "tenant": mapping.tenant,
            "issuer": mapping.issuer,
            "client_id": mapping.client_id,
            "roles": role_names(mapping.roles),
            "created_at": iso(mapping.created_at),
        }
        lookup: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table.name,
                "Item": {**to_attributes(item), **_key(mapping.issuer, mapping.client_id)},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        own = self._table.tx_put(mapping.tenant, _own_key(mapping), item)
        self._transactions.commit(mapping.tenant, [lookup, own], event)

    def remove(self, mapping: SsoMapping, event: Event) -> None:
        lookup: TransactWriteItemTypeDef = {
            "Delete": {
                "TableName": self._table.name,
                "Key": _key(mapping.issuer, mapping.client_id),
                "ConditionExpression": "tenant = :tenant",
                "ExpressionAttributeValues": {":tenant": {"S": mapping.tenant}},
            }
        }
        own = self._table.tx_delete(mapping.tenant, _own_key(mapping))
        self._transactions.commit(mapping.tenant, [lookup, own], event)

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> Page[SsoMapping]:
        return _page(self._table.query(tenant, prefix=MAPPING_PREFIX, limit=limit, cursor=cursor), _mapping)


def _key(issuer: str, client_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"ISSUER#{issuer}"}, "sk": {"S": f"CLIENT#{client_id}"}}


def _own_key(mapping: SsoMapping) -> str:
    """An issuer holds no '#': the two parts cannot run into one another."""
    return f"{MAPPING_PREFIX}{mapping.issuer}#{mapping.client_id}"


def _page(page: TablePage, read: Callable[[Item], T]) -> Page[T]:
    return Page([read(item) for item in page.items], page.cursor)


def _roles(names: list[str]) -> frozenset[Role]:
    """A role that this version does not know grants nothing."""
    known = {role.value for role in Role}
    return frozenset(Role(name) for name in names if name in known)


def _tenant(item: Item) -> Tenant:
    return Tenant(
        id=TenantId(item["tenant"]),
        name=item["name"],
        status=TenantStatus(item["status"]),
        created_at=datetime.fromisoformat(item["created_at"]),
        version=int(item["version"]),
    )


def _user(item: Item) -> User:
    return User(
        tenant=TenantId(item["tenant"]),
        username=item["username"],
        roles=_roles(item["roles"]),
        status=UserStatus(item["status"]),
        created_at=datetime.fromisoformat(item["created_at"]),
        version=int(item["version"]),
    )


def _mapping(item: Item) -> SsoMapping:
    return SsoMapping(
        issuer=item["issuer"],
        client_id=item["client_id"],
        tenant=TenantId(item["tenant"]),
        roles=_roles(item["roles"]),
        created_at=datetime.fromisoformat(item["created_at"]),
    )
