"""The functions as they are deployed (settings, wiring, tables, pool), in moto."""

import boto3
import pytest

from services.identity.handlers import api, operator, pre_token, wiring
from shared.config import load_settings
from shared.http import routes
from shared.tenancy import Role
from tests.fakes.http_calls import call, token_claims

ADA = "ada@example.com"
MAPPING = {"issuer": "https://idp.example.com", "client_id": "client-1", "roles": ["viewer"]}


def map_client(tenant: str, **changes):
    return operator.handler({"command": "map_client", "tenant": tenant, **MAPPING, **changes}, None)


class Caller:
    """One user of one tenant at the HTTP API: (status, body) of each call."""

    def __init__(self, tenant: str, roles: str, subject: str = "sub-1") -> None:
        self._claims = token_claims(tenant, roles, subject)

    def __call__(self, method, path, body=None, query=None):
        answer = call(api.handler, method, path, body=body, query=query, claims=self._claims)
        return answer.status, answer.body or None


@pytest.fixture
def functions(cloud, monkeypatch):
    secret = boto3.client("secretsmanager").create_secret(
        Name="page-key", SecretString='{"key": "a page secret of enough bytes"}'
    )["ARN"]
    for name, value in {
        "TENANT_TABLE": "tenant",
        "USER_TABLE": "user",
        "SSO_TENANT_MAPPING_TABLE": "mapping",
        "OUTBOX_TABLE": "outbox",
        "USER_POOL_ID": cloud.pool_id,
        "USER_POOL_CLIENT_ID": cloud.client_id,
        "PAGE_TOKEN_SECRET_ARN": secret,
    }.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    wiring.clear()
    for tenant in ("acme", "rival"):
        assert operator.handler({"command": "create_tenant", "tenant": tenant}, None)["ok"]
    yield cloud
    load_settings.cache_clear()
    wiring.clear()


@pytest.fixture
def acme(functions):
    return Caller("acme", "admin")


@pytest.fixture
def rival(functions):
    return Caller("rival", "admin")


def test_the_operator_creates_lists_suspends_and_resumes_tenants(functions):
    again = operator.handler({"command": "create_tenant", "tenant": "acme"}, None)
    assert not again["ok"]
    assert again["problem"]["code"] == "TENANT_EXISTS"

    suspended = operator.handler({"command": "suspend_tenant", "tenant": "acme"}, None)
    assert suspended["tenant"]["status"] == "suspended"
    rows = operator.handler({"command": "list_tenants"}, None)["rows"]
    assert [(row["tenant"], row["status"]) for row in rows] == [("acme", "suspended"), ("rival", "active")]
    refused = operator.handler({"command": "issue_token", "tenant": "acme"}, None)
    assert refused["problem"]["code"] == "TENANT_SUSPENDED"
    assert (
        operator.handler({"command": "resume_tenant", "tenant": "acme"}, None)["tenant"]["status"] == "active"
    )


def test_the_operator_gets_a_fresh_token_each_time_and_no_secret_is_logged(functions, log):
    answer = operator.handler({"command": "issue_token", "tenant": "acme"}, None)

    assert answer["ok"]
    assert answer["expires_in"] > 0
    assert answer["token_type"] == "Bearer"
    assert "token issued" in log.getvalue()
    assert answer["access_token"] not in log.getvalue()
    again = operator.handler({"command": "issue_token", "tenant": "acme"}, None)
    assert again["ok"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({}, "UNKNOWN_COMMAND"),
        ({"command": "drop_tenant"}, "UNKNOWN_COMMAND"),
        ({"command": "create_tenant"}, "UNPROCESSABLE"),
        ({"command": "create_tenant", "tenant": "ok-id", "admin": True}, "UNPROCESSABLE"),
        ({"command": "create_tenant", "tenant": 7}, "UNPROCESSABLE"),
        ({"command": "create_tenant", "tenant": "Not An Id"}, "INVALID_TENANT"),
        ({"command": "issue_token", "tenant": "nobody"}, "TENANT_NOT_FOUND"),
        ({"command": "issue_token", "tenant": "acme", "role": "root"}, "UNPROCESSABLE"),
        (
            {"command": "create_user", "tenant": "nobody", "username": ADA, "roles": ["viewer"]},
            "TENANT_NOT_FOUND",
        ),
    ],
)
def test_a_command_that_is_wrong_is_answered_with_a_problem(functions, command, code):
    answer = operator.handler(command, None)
    assert not answer["ok"]
    assert answer["problem"]["code"] == code


def test_the_operator_creates_users(functions):
    command = {"command": "create_user", "tenant": "acme", "username": ADA, "roles": ["viewer"]}
    assert operator.handler(command, None)["created"]
    assert not operator.handler(command, None)["created"]


def test_the_trigger_reads_what_the_other_functions_wrote(functions):
    operator.handler(
        {"command": "create_user", "tenant": "acme", "username": ADA, "roles": ["analyst"]}, None
    )
    event = {
        "triggerSource": "TokenGeneration_Authentication",
        "region": "us-east-1",
        "userPoolId": functions.pool_id,
        "userName": ADA,
        "callerContext": {"clientId": functions.client_id},
        "request": {"userAttributes": {"custom:tenant": "acme"}},
        "response": {},
    }
    details = pre_token.handler(event, None)["response"]["claimsAndScopeOverrideDetails"]
    assert details["accessTokenGeneration"]["claimsToAddOrOverride"] == {"tenant": "acme", "roles": "analyst"}


def test_me_and_my_tenant(functions):
    viewer = Caller("acme", "viewer", subject="sub-7")
    assert viewer("GET", "/v1/identity/me") == (
        200,
        {"subject": "sub-7", "tenant": "acme", "roles": ["viewer"]},
    )
    status, tenant = viewer("GET", "/v1/identity/tenant")
    assert (status, tenant["tenant"], tenant["status"]) == (200, "acme", "active")


def test_users_from_their_first_day_to_their_last(functions, acme):
    new = {"username": ADA, "roles": ["analyst"]}
    assert acme("POST", "/v1/identity/users", new)[0] == 201
    status, user = acme("POST", "/v1/identity/users", new)
    assert (status, user["username"], user["roles"], user["status"]) == (200, ADA, ["analyst"], "active")

    status, changed = acme("PUT", f"/v1/identity/users/{ADA}/roles", {"roles": ["viewer", "approver"]})
    assert (status, changed["roles"]) == (200, ["approver", "viewer"])
    status, disabled = acme("POST", "/v1/identity/users/ada%40example.com/disable")
    assert (status, disabled["status"]) == (200, "disabled")

    status, page = acme("GET", "/v1/identity/users")
    assert [(row["username"], row["status"]) for row in page["rows"]] == [(ADA, "disabled")]
    assert functions.outbox()[2:] == ["UserCreated.v1", "UserRolesChanged.v1", "UserDisabled.v1"]


def test_every_admin_act_is_logged_with_who_and_what(acme, log):
    acme("POST", "/v1/identity/users", {"username": ADA, "roles": ["analyst"]})
    lines = [line for line in log.getvalue().splitlines() if '"audit"' in line]
    assert len(lines) == 1
    for part in (
        '"act":"UserCreated.v1"',
        '"by":"sub-1"',
        f'"username":"{ADA}"',
        '"tenant":"acme"',
        '"timestamp"',
    ):
        assert part in lines[0]


def test_sso_mappings_from_first_to_last(functions, acme):
    mapping = map_client("acme")["mapping"]
    assert mapping["client_id"] == "client-1"
    assert acme("GET", "/v1/identity/sso-mappings")[1]["rows"] == [mapping]
    query = {"issuer": MAPPING["issuer"], "client_id": "client-1"}
    assert acme("DELETE", "/v1/identity/sso-mappings", query=query) == (204, None)
    assert acme("GET", "/v1/identity/sso-mappings")[1]["rows"] == []
    assert acme("DELETE", "/v1/identity/sso-mappings", query=query)[0] == 404


def test_only_the_operator_maps_clients_and_each_only_once(functions, acme):
    assert acme("POST", "/v1/identity/sso-mappings", MAPPING)[0] == 405
    assert map_client("acme")["ok"]
    for tenant in ("acme", "rival"):
        refused = map_client(tenant)
        assert refused["problem"]["code"] == "MAPPING_EXISTS"
        assert "acme" not in refused["problem"]["detail"]
    assert map_client("nobody", client_id="c2")["problem"]["status"] == 404
    pool = map_client("rival", client_id="c2", issuer=None)["mapping"]["issuer"]
    assert pool.startswith("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_")


def test_another_tenant_sees_and_changes_nothing(acme, rival):
    for name in ("a@x.io", "b@x.io"):
        acme("POST", "/v1/identity/users", {"username": name, "roles": ["admin"]})
    map_client("acme")

    assert rival("GET", "/v1/identity/users")[1]["rows"] == []
    assert rival("GET", "/v1/identity/sso-mappings")[1]["rows"] == []
    assert rival("PUT", "/v1/identity/users/a@x.io/roles", {"roles": ["viewer"]})[0] == 404
    assert rival("POST", "/v1/identity/users/a@x.io/disable")[0] == 404
    query = {"issuer": MAPPING["issuer"], "client_id": MAPPING["client_id"]}
    assert rival("DELETE", "/v1/identity/sso-mappings", query=query)[0] == 404
    status, problem = rival("POST", "/v1/identity/users", {"username": "a@x.io", "roles": ["admin"]})
    assert status == 409
    assert "acme" not in str(problem)

    cursor = acme("GET", "/v1/identity/users", query={"limit": "1"})[1]["cursor"]
    assert cursor
    status, problem = rival("GET", "/v1/identity/users", query={"limit": "1", "cursor": cursor})
    assert (status, problem["code"]) == (400, "INVALID_CURSOR")
    assert acme("GET", "/v1/identity/users")[1]["rows"][0]["roles"] == ["admin"]


def test_only_an_admin_administers_and_nobody_without_a_token(functions):
    by_role = {(route.method, route.path): route.role for route in routes(api.app)}
    assert by_role.pop(("GET", "/v1/identity/me")) is Role.VIEWER
    assert by_role.pop(("GET", "/v1/identity/tenant")) is Role.VIEWER
    assert len(by_role) == 6
    assert set(by_role.values()) == {Role.ADMIN}

    everything_else = Caller("acme", "viewer analyst operator approver")
    for method, path in by_role:
        status, problem = everything_else(method, path.replace("{username}", ADA), {})
        assert (status, problem["code"]) == (403, "FORBIDDEN"), (method, path)
    assert call(api.handler, "GET", "/v1/identity/me").status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "no address", "roles": ["viewer"]}, 400),
        ({"username": ADA, "roles": ["root"]}, 422),
        ({"username": ADA, "roles": []}, 422),
        ({"username": ADA, "roles": ["viewer"], "tenant": "rival"}, 422),
        ({"username": "operator@acme.onyx.internal", "roles": ["viewer"]}, 403),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_a_problem(acme, body, status):
    answered, problem = acme("POST", "/v1/identity/users", body)
    assert answered == status
    assert problem["type"].startswith("urn:onyx:problem:")
