import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRequest, Forbidden, Unauthenticated
from shared.tenancy import UNKNOWN_TENANT, Principal, Role, principal_from_claims, tenant_id

CLAIMS = {"sub": "user-1", "tenant": "acme", "roles": "analyst approver"}


@pytest.mark.parametrize("value", ["acme", "a-1", "abc", "a" * 32, "acme-prod-2"])
def test_tenant_ids(value: str) -> None:
    assert tenant_id(value) == value


@pytest.mark.parametrize(
    "value",
    ["", "a", "ab", "Acme", "1acme", "-acme", "acme-", "ac--me", "acme_x", "a" * 33, "acme\n", "acme#OUTBOX",
     "acme/x", "ácme", "ac me", UNKNOWN_TENANT, None, 7],
)  # fmt: skip
def test_what_is_no_tenant_id(value: object) -> None:
    with pytest.raises(BadRequest) as caught:
        tenant_id(value)  # type: ignore[arg-type]
    assert caught.value.code == "INVALID_TENANT"


@given(st.from_regex(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True))
def test_tenant_ids_are_safe_in_keys_prefixes_and_database_names(value: str) -> None:
    try:
        valid = tenant_id(value)
    except BadRequest:
        assert "--" in value or value == UNKNOWN_TENANT
        return
    assert re.fullmatch(r"[a-z0-9_]+", valid.replace("-", "_"))
    assert not {"#", "/", "%"} & set(valid)


def test_admin_implies_every_role_and_every_role_implies_viewer() -> None:
    for held in Role:
        caller = Principal(tenant_id("acme"), "u", frozenset({held}))
        for wanted in Role:
            may = held is Role.ADMIN or wanted in (held, Role.VIEWER)
            assert caller.has(wanted) is may
            if may:
                caller.require(wanted)
            else:
                with pytest.raises(Forbidden, match=wanted.value):
                    caller.require(wanted)


def test_no_role_is_not_even_a_viewer() -> None:
    with pytest.raises(Forbidden):
        Principal(tenant_id("acme"), "u", frozenset()).require(Role.VIEWER)


def test_principal_of_claims() -> None:
    caller = principal_from_claims(CLAIMS | {"scope": "onyx/api"})
    assert (caller.tenant, caller.subject) == ("acme", "user-1")
    assert caller.roles == {Role.ANALYST, Role.APPROVER}


def test_an_unknown_role_grants_nothing() -> None:
    assert principal_from_claims(CLAIMS | {"roles": "emperor  viewer"}).roles == {Role.VIEWER}
    assert principal_from_claims(CLAIMS | {"roles": ""}).roles == frozenset()


@pytest.mark.parametrize("claim", ["sub", "tenant", "roles"])
@pytest.mark.parametrize("value", [None, 7, ["acme"]])
def test_a_missing_or_odd_claim_is_no_authentication(claim: str, value: object) -> None:
    with pytest.raises(Unauthenticated):
        principal_from_claims({**CLAIMS, claim: value})


def test_a_claim_that_is_no_tenant_is_no_authentication() -> None:
    with pytest.raises(Unauthenticated):
        principal_from_claims({**CLAIMS, "tenant": "acme#OUTBOX"})
    with pytest.raises(Unauthenticated):
        principal_from_claims({**CLAIMS, "sub": ""})
