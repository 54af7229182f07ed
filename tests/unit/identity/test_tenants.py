import pytest

from services.identity.domain.tenants import TenantStatus
from services.identity.events import TenantCreated, TenantResumed, TenantSuspended
from shared.errors import BadRequest, Conflict, NotFound


def test_a_new_tenant_is_active_and_told_of(world):
    tenant = world.tenant_service.create("acme", "Acme Inc.")

    assert (tenant.id, tenant.name, tenant.status) == ("acme", "Acme Inc.", TenantStatus.ACTIVE)
    assert world.tenants.events == [
        TenantCreated(tenant="acme", name="Acme Inc.", created_at=world.clock.now())
    ]


def test_without_a_name_the_id_is_the_name(world):
    assert world.tenant_service.create("acme").name == "acme"


def test_the_same_tenant_twice_is_a_clear_conflict_and_changes_nothing(world):
    world.tenant_service.create("acme", "Acme Inc.")

    with pytest.raises(Conflict, match="acme exists already") as refused:
        world.tenant_service.create("acme", "Somebody else")

    assert refused.value.code == "TENANT_EXISTS"
    assert world.tenant_service.get("acme").name == "Acme Inc."
    assert len(world.tenants.events) == 1


@pytest.mark.parametrize("name", ["", "A", "acme--x", "Acme", "acme/x", "unknown", "onyx-platform", "a" * 40])
def test_an_id_that_is_none_or_the_platforms_own_is_refused(world, name):
    with pytest.raises(BadRequest):
        world.tenant_service.create(name)
    assert world.tenants.rows == {}


@pytest.mark.parametrize("label", ["   ", "line\nbreak", "x" * 201])
def test_a_name_is_printable_and_of_bounded_length(world, label):
    with pytest.raises(BadRequest, match="name"):
        world.tenant_service.create("acme", label)


def test_suspend_and_resume_are_told_of_with_who_did_it(world):
    world.tenant_service.create("acme")

    world.tenant_service.suspend("acme", "operator")
    assert not world.tenant_service.get("acme").active
    world.tenant_service.resume("acme", "operator")
    assert world.tenant_service.get("acme").active

    assert world.tenants.events[1:] == [
        TenantSuspended(tenant="acme", suspended_at=world.clock.now(), by="operator"),
        TenantResumed(tenant="acme", resumed_at=world.clock.now(), by="operator"),
    ]


def test_suspend_twice_and_resume_of_an_active_one_are_conflicts(world):
    world.tenant_service.create("acme")
    with pytest.raises(Conflict):
        world.tenant_service.resume("acme", "operator")
    world.tenant_service.suspend("acme", "operator")
    with pytest.raises(Conflict):
        world.tenant_service.suspend("acme", "operator")


def test_an_unknown_tenant_is_not_found(world):
    with pytest.raises(NotFound):
        world.tenant_service.get("nobody")


def test_all_tenants_are_listed_by_id(world):
    for name in ("beta", "acme"):
        world.tenant_service.create(name)
    assert [tenant.id for tenant in world.tenant_service.all()] == ["acme", "beta"]
