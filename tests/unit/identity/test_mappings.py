import pytest

from services.identity.events import SsoMappingCreated, SsoMappingDeleted
from shared.errors import BadRequest, Conflict, NotFound

ACME, RIVAL = "acme", "rival"
ISSUER, CLIENT = "https://login.example.com/", "client-1"


def test_a_mapping_points_to_the_callers_tenant_and_is_told_of(world):
    mapping = world.mapping_service.create(ACME, ISSUER, CLIENT, ["analyst"], by="a")

    assert mapping.tenant == ACME
    assert world.mappings.events == [
        SsoMappingCreated(
            tenant=ACME,
            issuer=ISSUER,
            client_id=CLIENT,
            roles=["analyst"],
            created_at=world.clock.now(),
            by="a",
        )
    ]


def test_another_tenants_mapping_cannot_be_taken_nor_is_its_owner_named(world):
    world.mapping_service.create(ACME, ISSUER, CLIENT, ["analyst"], by="a")
    with pytest.raises(Conflict) as refused:
        world.mapping_service.create(RIVAL, ISSUER, CLIENT, ["admin"], by="r")

    assert refused.value.code == "MAPPING_EXISTS"
    assert ACME not in str(refused.value.to_problem())
    assert world.mappings.get(ISSUER, CLIENT).tenant == ACME


def test_another_tenants_mapping_is_neither_listed_nor_deleted(world):
    world.mapping_service.create(ACME, ISSUER, CLIENT, ["analyst"], by="a")

    assert world.mapping_service.list(RIVAL).rows == []
    with pytest.raises(NotFound) as theirs:
        world.mapping_service.delete(RIVAL, ISSUER, CLIENT, by="r")
    with pytest.raises(NotFound) as nobodys:
        world.mapping_service.delete(RIVAL, ISSUER, "client-2", by="r")
    assert theirs.value.to_problem() == nobodys.value.to_problem()
    assert world.mappings.get(ISSUER, CLIENT) is not None


def test_a_deleted_mapping_is_free_again(world):
    world.mapping_service.create(ACME, ISSUER, CLIENT, ["analyst"], by="a")
    world.mapping_service.delete(ACME, ISSUER, CLIENT, by="b")
    assert world.mapping_service.create(RIVAL, ISSUER, CLIENT, ["viewer"], by="r").tenant == RIVAL
    assert world.mappings.events[1] == SsoMappingDeleted(
        tenant=ACME, issuer=ISSUER, client_id=CLIENT, deleted_at=world.clock.now(), by="b"
    )


@pytest.mark.parametrize(
    ("issuer", "client"),
    [("", "c"), ("a b", "c"), ("x#CLIENT#y", "c"), ("é", "c"), ("x", ""), ("x", "a#b"), ("x", "a b")],
)
def test_what_would_blur_keys_is_refused(world, issuer, client):
    with pytest.raises(BadRequest):
        world.mapping_service.create(ACME, issuer, client, ["viewer"], by="a")
    assert world.mappings.rows == {}
