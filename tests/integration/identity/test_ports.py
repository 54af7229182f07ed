"""One suite per port, over the fake and over DynamoDB and Cognito: what the use cases rely on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from services.identity.adapters.tables import MappingRows, TenantRows, UserRows
from services.identity.adapters.transactions import Transactions
from services.identity.adapters.user_pool import CognitoDirectory
from services.identity.domain.mappings import SsoMapping
from services.identity.domain.ports import Directory, Mappings, Tenants, Users
from services.identity.domain.tenants import new_tenant
from services.identity.domain.users import new_user
from services.identity.events import (
    SsoMappingCreated,
    SsoMappingDeleted,
    TenantCreated,
    TenantSuspended,
    UserCreated,
    UserDisabled,
)
from shared.clock import FixedClock
from shared.errors import BadRequest, Conflict, Forbidden, NotFound, VersionConflict
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.page_keys import PageKeys
from shared.table import TenantTable
from shared.tenancy import Role, TenantId
from tests.fakes.identity import FakeDirectory, FakeMappings, FakeTenants, FakeUsers

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ACME, RIVAL = TenantId("acme"), TenantId("rival")


@dataclass(frozen=True)
class Ports:
    """`told` is the events that were written, by detail type."""

    tenants: Tenants
    users: Users
    mappings: Mappings
    directory: Directory
    told: Callable[[], list[str]]


def _fakes() -> Ports:
    events: list = []
    return Ports(
        FakeTenants(events),
        FakeUsers(events),
        FakeMappings(events),
        FakeDirectory(),
        lambda: [event.detail_type() for event in events],
    )


@pytest.fixture(params=["fake", "aws"])
def ports(request: pytest.FixtureRequest) -> Ports:
    if request.param == "fake":
        return _fakes()
    cloud = request.getfixturevalue("cloud")
    keys = PageKeys(b"a page secret of enough bytes")
    written = Transactions(Outbox("outbox"), SequenceIds(), FixedClock(NOW))
    return Ports(
        TenantRows(TenantTable("tenant"), written),
        UserRows(TenantTable("user", page_keys=keys), written),
        MappingRows(TenantTable("mapping", page_keys=keys), written),
        CognitoDirectory(cloud.pool_id, cloud.client_id),
        cloud.outbox,
    )


def tenant_created(tenant: TenantId) -> TenantCreated:
    return TenantCreated(tenant=tenant, name="x", created_at=NOW)


def user_created(tenant: TenantId, username: str) -> UserCreated:
    return UserCreated(tenant=tenant, username=username, roles=["viewer"], created_at=NOW, by="a")


def mapping_created(mapping: SsoMapping) -> SsoMappingCreated:
    return SsoMappingCreated(
        tenant=mapping.tenant,
        issuer=mapping.issuer,
        client_id=mapping.client_id,
        roles=["viewer"],
        created_at=NOW,
        by="a",
    )


def mapping_deleted(mapping: SsoMapping) -> SsoMappingDeleted:
    return SsoMappingDeleted(
        tenant=mapping.tenant, issuer=mapping.issuer, client_id=mapping.client_id, deleted_at=NOW, by="a"
    )


def user(tenant: TenantId, username: str):
    return new_user(tenant, username, frozenset({Role.VIEWER}), NOW)


def mapping(tenant: TenantId, issuer: str = "https://idp", client: str = "c"):
    return SsoMapping(issuer, client, tenant, frozenset({Role.VIEWER}), NOW)


def test_a_tenant_is_read_as_it_was_written_and_listed(ports):
    for name in (RIVAL, ACME):
        ports.tenants.add(new_tenant(name, "Some name", NOW), tenant_created(name))

    assert ports.tenants.get(ACME) == replace(new_tenant("acme", "Some name", NOW), version=1)
    assert [tenant.id for tenant in ports.tenants.all()] == ["acme", "rival"]
    assert ports.told() == ["TenantCreated.v1"] * 2


def test_a_tenant_that_exists_is_not_written_over_and_tells_nothing(ports):
    ports.tenants.add(new_tenant("acme", "first", NOW), tenant_created(ACME))
    with pytest.raises(Conflict):
        ports.tenants.add(new_tenant("acme", "second", NOW), tenant_created(ACME))
    assert ports.tenants.get(ACME).name == "first"
    assert len(ports.told()) == 1


def test_a_tenant_is_saved_at_the_version_that_was_read_only(ports):
    ports.tenants.add(new_tenant("acme", None, NOW), tenant_created(ACME))
    read = ports.tenants.get(ACME)
    suspended = TenantSuspended(tenant=ACME, suspended_at=NOW, by="o")
    ports.tenants.save(read.suspend(), suspended)
    with pytest.raises(VersionConflict):
        ports.tenants.save(read.suspend(), suspended)

    assert not ports.tenants.get(ACME).active
    assert not ports.tenants.all()[0].active
    assert ports.told() == ["TenantCreated.v1", "TenantSuspended.v1"]


def test_a_user_is_the_tenants_own(ports):
    ports.users.add(user(ACME, "ada@x.io"), user_created(ACME, "ada@x.io"))
    ports.users.add(user(RIVAL, "ada@x.io"), user_created(RIVAL, "ada@x.io"))
    with pytest.raises(Conflict):
        ports.users.add(user(ACME, "ada@x.io"), user_created(ACME, "ada@x.io"))

    read = ports.users.get(ACME, "ada@x.io")
    assert read == replace(user(ACME, "ada@x.io"), version=1)
    event = UserDisabled(tenant=ACME, username="ada@x.io", disabled_at=NOW, by="a")
    ports.users.save(read.disable(), event)
    assert not ports.users.get(ACME, "ada@x.io").active
    assert ports.users.get(RIVAL, "ada@x.io").active
    with pytest.raises(VersionConflict):
        ports.users.save(read.disable(), event)


def test_users_are_paged_by_name(ports):
    for name in ("c@x.io", "a@x.io", "b@x.io"):
        ports.users.add(user(ACME, name), user_created(ACME, name))
    ports.users.add(user(RIVAL, "r@x.io"), user_created(RIVAL, "r@x.io"))

    first = ports.users.page(ACME, limit=2, cursor=None)
    second = ports.users.page(ACME, limit=2, cursor=first.cursor)
    assert [row.username for row in (*first.rows, *second.rows)] == ["a@x.io", "b@x.io", "c@x.io"]
    assert second.cursor is None
    with pytest.raises(BadRequest):
        ports.users.page(ACME, limit=2, cursor="forged")


def test_a_mapping_belongs_to_the_first_who_takes_it(ports):
    ports.mappings.add(mapping(ACME), mapping_created(mapping(ACME)))
    for tenant in (ACME, RIVAL):
        with pytest.raises(Conflict):
            ports.mappings.add(mapping(tenant), mapping_created(mapping(tenant)))

    assert ports.mappings.get("https://idp", "c") == mapping(ACME)
    assert ports.mappings.page(RIVAL, limit=10, cursor=None).rows == []
    assert len(ports.told()) == 1


def test_a_mapping_is_removed_by_its_holder_only(ports):
    ports.mappings.add(mapping(ACME), mapping_created(mapping(ACME)))
    with pytest.raises(Conflict):
        ports.mappings.remove(mapping(RIVAL), mapping_deleted(mapping(RIVAL)))
    assert ports.mappings.get("https://idp", "c") is not None

    ports.mappings.remove(mapping(ACME), mapping_deleted(mapping(ACME)))
    assert ports.mappings.get("https://idp", "c") is None
    assert ports.mappings.page(ACME, limit=10, cursor=None).rows == []
    with pytest.raises(Conflict):
        ports.mappings.remove(mapping(ACME), mapping_deleted(mapping(ACME)))
    assert ports.told() == ["SsoMappingCreated.v1", "SsoMappingDeleted.v1"]


def test_mappings_are_paged(ports):
    for client in ("b", "a", "c"):
        one = mapping(ACME, client=client)
        ports.mappings.add(one, mapping_created(one))
    first = ports.mappings.page(ACME, limit=2, cursor=None)
    second = ports.mappings.page(ACME, limit=2, cursor=first.cursor)
    assert [row.client_id for row in (*first.rows, *second.rows)] == ["a", "b", "c"]


def test_the_pool_knows_whose_a_user_is(ports):
    assert ports.directory.tenant_of("ada@x.io") is None
    ports.directory.create(ACME, "ada@x.io", invite=True)
    assert ports.directory.tenant_of("ada@x.io") == ACME
    with pytest.raises(Conflict):
        ports.directory.create(RIVAL, "ada@x.io", invite=False)
    assert ports.directory.tenant_of("ada@x.io") == ACME


def test_the_pool_issues_tokens_until_the_user_is_disabled(ports):
    ports.directory.create(ACME, "ada@x.io", invite=False)
    first, second = ports.directory.issue("ada@x.io"), ports.directory.issue("ada@x.io")
    assert first.value
    assert first.expires_in > 0
    assert second.value

    ports.directory.disable("ada@x.io")
    ports.directory.disable("ada@x.io")
    with pytest.raises(Forbidden):
        ports.directory.issue("ada@x.io")


def test_the_pool_says_when_a_user_is_not_there(ports):
    with pytest.raises(NotFound):
        ports.directory.issue("nobody@x.io")
    with pytest.raises(NotFound):
        ports.directory.disable("nobody@x.io")
