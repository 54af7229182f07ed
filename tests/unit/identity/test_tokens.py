import pytest

from services.identity.domain.logins import ClientLogin, UserLogin
from shared.errors import Conflict, Forbidden, NotFound
from shared.tenancy import API_SCOPE, Role

ADA = "ada@example.com"
MACHINE = ClientLogin(issuer="https://pool", client_id="m2m", federated=False)


@pytest.fixture
def acme(world):
    world.tenant_service.create("acme")
    world.user_service.create("acme", ADA, ["viewer", "analyst"], by="a")
    return world


def test_a_users_token_says_tenant_and_roles_and_gets_the_scope(acme):
    grant = acme.grants.grant(UserLogin(ADA, "acme"))
    assert grant.claims == {"tenant": "acme", "roles": "analyst viewer"}
    assert grant.scopes == [API_SCOPE]


def test_a_machine_clients_token_comes_from_its_mapping_and_keeps_the_scopes_it_was_allowed(acme):
    acme.mapping_service.create("acme", MACHINE.issuer, MACHINE.client_id, ["operator"], by="a")
    grant = acme.grants.grant(MACHINE)
    assert grant.claims == {"tenant": "acme", "roles": "operator"}
    assert grant.scopes == []


def test_a_federated_users_token_comes_from_the_mapping_and_gets_the_scope(acme):
    acme.mapping_service.create("acme", "okta", "app", ["viewer"], by="a")
    grant = acme.grants.grant(ClientLogin("okta", "app", federated=True))
    assert (grant.claims["tenant"], grant.scopes) == ("acme", [API_SCOPE])


@pytest.mark.parametrize(
    "login",
    [
        UserLogin(ADA, ""),
        UserLogin(ADA, "no tenant!"),
        UserLogin(ADA, "rival"),
        UserLogin("eve@example.com", "acme"),
        MACHINE,
        ClientLogin(MACHINE.issuer, "other", federated=True),
    ],
)
def test_whoever_is_unknown_gets_no_token(acme, login):
    acme.tenant_service.create("rival")
    with pytest.raises(Forbidden):
        acme.grants.grant(login)


def test_a_disabled_user_gets_no_token(acme):
    acme.user_service.disable("acme", ADA, by="a")
    with pytest.raises(Forbidden):
        acme.grants.grant(UserLogin(ADA, "acme"))


def test_a_suspended_tenant_gets_no_token_of_any_kind_until_it_is_resumed(acme):
    acme.mapping_service.create("acme", MACHINE.issuer, MACHINE.client_id, ["operator"], by="a")
    acme.tenant_service.suspend("acme", "operator")
    for login in (UserLogin(ADA, "acme"), MACHINE):
        with pytest.raises(Forbidden):
            acme.grants.grant(login)
    with pytest.raises(Forbidden, match="suspended"):
        acme.tokens.issue("acme")
    assert acme.directory.issued == 0

    acme.tenant_service.resume("acme", "operator")
    assert acme.grants.grant(MACHINE).tenant == "acme"


def test_the_operator_gets_a_token_of_the_tenants_internal_admin(acme):
    token = acme.tokens.issue("acme")

    assert token.value == "token-1-of-operator@acme.onyx.internal"
    assert acme.users.get("acme", "operator@acme.onyx.internal").roles == {Role.ADMIN}
    assert "operator@acme.onyx.internal" not in acme.directory.invited
    assert "token-1" not in repr(token)


def test_a_second_token_uses_the_same_user(acme):
    acme.tokens.issue("acme")
    events = len(acme.users.events)
    acme.tokens.issue("acme")
    assert len(acme.users.events) == events


def test_a_token_with_one_role_is_of_a_user_that_has_just_this_role(acme):
    acme.tokens.issue("acme", Role.VIEWER)
    assert acme.users.get("acme", "role-viewer@acme.onyx.internal").roles == {Role.VIEWER}


def test_a_pool_that_lost_the_user_is_healed(acme):
    acme.tokens.issue("acme")
    del acme.directory.pool["operator@acme.onyx.internal"]
    assert acme.tokens.issue("acme").value.endswith("operator@acme.onyx.internal")


def test_no_token_for_a_tenant_that_is_not_there(world):
    with pytest.raises(NotFound):
        world.tokens.issue("nobody")
    assert world.directory.pool == {}


def test_an_internal_name_that_another_tenant_holds_in_the_pool_is_not_used(acme):
    acme.directory.pool["operator@acme.onyx.internal"] = "rival"
    with pytest.raises(Conflict):
        acme.tokens.issue("acme")
    assert acme.directory.issued == 0
