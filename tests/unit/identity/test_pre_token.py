"""The trigger over Cognito's own events (shape: the developer guide, trigger version V3_0)."""

import copy
import json
from pathlib import Path

import pytest

from services.identity.domain.logins import ClientLogin, UserLogin
from services.identity.handlers import pre_token, wiring
from shared.errors import Forbidden

EVENTS = Path(__file__).with_name("events")
POOL = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE"


def event(name: str):
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def acme(world, monkeypatch):
    monkeypatch.setattr(wiring, "grants", lambda: world.grants)
    world.tenant_service.create("acme")
    world.user_service.create("acme", "ada@example.com", ["analyst"], by="a")
    return world


def access_token(answer):
    return answer["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"]


def test_a_login_gets_tenant_roles_and_scope(acme):
    sent = event("user_login")
    answer = pre_token.handler(copy.deepcopy(sent), None)

    assert access_token(answer) == {
        "claimsToAddOrOverride": {"tenant": "acme", "roles": "analyst"},
        "scopesToAdd": ["onyx/api"],
    }
    del answer["response"], sent["response"]
    assert answer == sent, "the trigger must hand the request back as it came"


@pytest.mark.parametrize(
    "trigger",
    [
        "TokenGeneration_NewPasswordChallenge",
        "TokenGeneration_AuthenticateDevice",
        "TokenGeneration_RefreshTokens",
    ],
)
def test_every_way_to_a_users_token_is_the_same(acme, trigger):
    answer = pre_token.handler({**event("user_login"), "triggerSource": trigger}, None)
    assert access_token(answer)["claimsToAddOrOverride"]["tenant"] == "acme"


def test_a_refresh_after_the_end_of_a_user_is_refused(acme):
    acme.user_service.disable("acme", "ada@example.com", by="a")
    with pytest.raises(Forbidden):
        pre_token.handler({**event("user_login"), "triggerSource": "TokenGeneration_RefreshTokens"}, None)


def test_a_machine_client_gets_the_tenant_of_its_mapping(acme):
    acme.mapping_service.create("acme", POOL, "machine23456789", ["operator"], by="a")
    assert access_token(pre_token.handler(event("client_credentials"), None)) == {
        "claimsToAddOrOverride": {"tenant": "acme", "roles": "operator"},
        "scopesToAdd": [],
    }


def test_a_federated_user_is_its_mappings_and_not_what_its_attributes_say(acme):
    with pytest.raises(Forbidden):
        pre_token.handler(event("federated_login"), None)
    acme.mapping_service.create(
        "acme", "https://okta.example.com/saml", "1example23456789", ["viewer"], by="a"
    )
    answer = access_token(pre_token.handler(event("federated_login"), None))
    assert answer["claimsToAddOrOverride"] == {"tenant": "acme", "roles": "viewer"}


def test_client_metadata_changes_nothing(acme):
    acme.tenant_service.create("rival")
    sent = event("user_login")
    sent["request"]["clientMetadata"] = {"tenant": "rival", "custom:tenant": "rival", "roles": "admin"}
    answer = pre_token.handler(sent, None)
    assert access_token(answer)["claimsToAddOrOverride"] == {"tenant": "acme", "roles": "analyst"}

    machine = event("client_credentials")
    machine["request"]["clientMetadata"] = {"tenant": "acme", "issuer": POOL}
    with pytest.raises(Forbidden):
        pre_token.handler(machine, None)


def test_a_machine_clients_event_cannot_pass_for_a_user(acme):
    sent = event("client_credentials")
    sent["userName"] = "ada@example.com"
    sent["request"]["userAttributes"] = {"custom:tenant": "acme"}
    with pytest.raises(Forbidden):
        pre_token.handler(sent, None)


def test_a_suspended_tenant_gets_none(acme):
    acme.tenant_service.suspend("acme", "operator")
    with pytest.raises(Forbidden):
        pre_token.handler(event("user_login"), None)


def test_who_is_asking_is_read_from_what_cognito_vouches_for():
    assert pre_token.parse(event("user_login")) == UserLogin("ada@example.com", "acme")
    assert pre_token.parse(event("client_credentials")) == ClientLogin(
        POOL, "machine23456789", federated=False
    )
    oidc = event("federated_login")
    oidc["request"]["userAttributes"]["identities"] = json.dumps(
        [{"userId": "1", "providerName": "Google", "providerType": "Google", "issuer": None}]
    )
    assert pre_token.parse(oidc) == ClientLogin("Google", "1example23456789", federated=True)


@pytest.mark.parametrize(
    "damage",
    [
        {"triggerSource": "PreSignUp_SignUp"},
        {"callerContext": {}},
        {"callerContext": {"clientId": ""}},
        {"request": None},
        {"request": {"userAttributes": {"identities": "no json"}}},
        {"request": {"userAttributes": {"identities": "[]x"}}},
    ],
)
def test_an_event_of_another_kind_is_refused(damage):
    with pytest.raises(Forbidden):
        pre_token.parse({**event("user_login"), **damage})
