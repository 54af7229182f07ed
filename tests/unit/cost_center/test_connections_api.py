"""The routes of connections over ports in memory: who may call, what is answered, whose they are."""

from typing import Any

import pytest

from services.cost_center.handlers import api, connections_api
from shared.http import routes
from shared.tenancy import Role
from tests.fakes.connections import ACCOUNT, ACME, World
from tests.fakes.http_calls import Answer, call, token_claims

BASE = "/v1/cost-center/connections"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(connections_api, "connection_services", lambda: made.manage)
    return made


def ask(method: str, path: str = "", *, tenant: str = "acme", roles: str = "admin", **more: Any) -> Answer:
    return call(api.handler, method, BASE + path, claims=token_claims(tenant, roles, "ada"), **more)


def connect(**body: Any) -> Answer:
    return ask("POST", body={"account_id": ACCOUNT, **body})


def test_admins_change_and_viewers_look() -> None:
    assert {
        (route.method, route.path.removeprefix(BASE), route.role)
        for route in routes(api.app)
        if route.path.startswith(BASE)
    } == {
        ("POST", "", Role.ADMIN),
        ("GET", "", Role.VIEWER),
        ("GET", "/{source}", Role.VIEWER),
        ("GET", "/{source}/template", Role.ADMIN),
        ("POST", "/{source}/verify", Role.ADMIN),
        ("DELETE", "/{source}", Role.ADMIN),
    }


def test_a_connection_from_its_making_to_its_end(world: World) -> None:
    made = connect(source="shop", kind="focus")
    assert made.status == 201
    assert connect(source="shop", kind="focus").status == 200
    nonce = world.manage.get(ACME, "shop").nonce
    assert made.body == {
        "source": "shop",
        "account_id": ACCOUNT,
        "kind": "focus",
        "status": "pending",
        "reason": None,
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/onyx-bills-{nonce}",
        "bucket": f"onyx-bills-{ACCOUNT}-{nonce}",
        "prefix": "acme/shop",
        "export_name": "onyx-shop",
        "region": "us-east-1",
        "created_at": "2026-10-01T00:00:00Z",
        "created_by": "ada",
        "verified_at": None,
        "last_pull": None,
        "template_url": f"{BASE}/shop/template",
        "launch": "aws cloudformation deploy --region us-east-1 --stack-name onyx-bills-shop "
        "--template-file template.json --capabilities CAPABILITY_NAMED_IAM",
    }
    template = ask("GET", "/shop/template").body
    assert template["Resources"]["Role"]["Properties"]["RoleName"] == f"onyx-bills-{nonce}"

    world.deploy(world.manage.get(ACME, "shop"))
    assert ask("POST", "/shop/verify", body={}).body["status"] == "verified"
    assert [row["status"] for row in ask("GET", roles="viewer").body["rows"]] == ["verified"]
    assert ask("GET", "/shop", roles="viewer").body["verified_at"] == "2026-10-01T00:00:00Z"
    assert ask("DELETE", "/shop").body["source"] == "shop"
    assert ask("GET", "/shop").status == 404


def test_the_source_is_named_after_the_account_unless_named(world: World) -> None:
    assert connect().body["source"] == f"aws-{ACCOUNT}"


def test_connections_are_paged(world: World) -> None:
    for source in ("a", "b", "c"):
        connect(source=source)
    first = ask("GET", query={"limit": 2}).body
    second = ask("GET", query={"limit": 2, "cursor": first["cursor"]}).body
    assert [row["source"] for row in first["rows"] + second["rows"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"account_id": "12"}, 400, "INVALID_ACCOUNT"),
        ({"account_id": ACCOUNT, "source": "../globex"}, 400, "INVALID_SOURCE"),
        ({"account_id": ACCOUNT, "kind": "invoice"}, 422, "UNPROCESSABLE"),
        ({}, 422, "UNPROCESSABLE"),
    ],
)
def test_a_bad_request_is_a_problem(world: World, body: dict[str, str], status: int, code: str) -> None:
    answer = ask("POST", body=body)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_a_place_in_another_account_is_refused(world: World) -> None:
    connect(source="shop")
    answer = ask("POST", "/shop/verify", body={"role_arn": "arn:aws:iam::210987654321:role/onyx-bills-x"})
    assert (answer.status, answer.body["code"]) == (400, "INVALID_PLACE")


def test_nobody_but_an_admin_connects_or_sees_the_external_id(world: World) -> None:
    connect(source="shop")
    for method, path in (
        ("POST", ""),
        ("GET", "/shop/template"),
        ("POST", "/shop/verify"),
        ("DELETE", "/shop"),
    ):
        for roles in ("viewer", "analyst operator approver"):
            assert ask(method, path, roles=roles, body={"account_id": ACCOUNT}).status == 403
        assert call(api.handler, method, BASE + path, body={}).status == 401


def test_another_tenant_sees_and_changes_nothing(world: World) -> None:
    connect(source="shop")
    assert ask("GET", tenant="globex").body == {"rows": [], "cursor": None}
    for method, path in (
        ("GET", "/shop"),
        ("GET", "/shop/template"),
        ("POST", "/shop/verify"),
        ("DELETE", "/shop"),
    ):
        assert ask(method, path, tenant="globex", body={}).status == 404
    assert world.manage.get(ACME, "shop").version == 1
    # The same name is another connection for another tenant.
    theirs = ask("POST", tenant="globex", body={"account_id": ACCOUNT, "source": "shop"})
    assert theirs.status == 201
    ours = ask("GET", "/shop/template").body["Resources"]["Role"]["Properties"]
    other = ask("GET", "/shop/template", tenant="globex").body["Resources"]["Role"]["Properties"]
    assert ours["RoleName"] != other["RoleName"]
    assert ours["AssumeRolePolicyDocument"] != other["AssumeRolePolicyDocument"]


def test_the_external_id_is_in_the_template_and_in_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    connect(source="shop")
    secret = world.connections.external_id(ACME)
    world.deploy(world.manage.get(ACME, "shop"))
    answers = [ask("POST", "/shop/verify", body={}), ask("GET", "/shop"), ask("GET")]
    assert secret in str(ask("GET", "/shop/template").body)
    assert secret not in str([answer.body for answer in answers])
    assert secret not in str([event.model_dump() for event in world.connections.told])
    assert caplog.records
    assert secret not in str([vars(record) for record in caplog.records])
