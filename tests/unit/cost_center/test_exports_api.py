"""Exports over HTTP: who may ask, what is answered, and whose exports are seen."""

from typing import Any

import pytest

from services.cost_center.handlers import api, exports_api
from services.cost_center.handlers.export_wiring import ExportServices
from shared.http import routes
from shared.tenancy import Role
from tests.fakes.cost_center import World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.cost_center_exports import ExportWorld
from tests.fakes.http_calls import Answer, call, token_claims

BASE = "/v1/cost-center/exports"


@pytest.fixture
def exporting(world: World, monkeypatch: pytest.MonkeyPatch) -> ExportWorld:
    world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    made = ExportWorld(world)
    monkeypatch.setattr(exports_api, "export_services", lambda: ExportServices(made.ask, made.read))
    return made


def asked(
    method: str = "GET", path: str = "", *, tenant: str = "acme", roles: str = "analyst", **more: Any
) -> Answer:
    return call(api.handler, method, BASE + path, claims=token_claims(tenant, roles), **more)


def test_every_route_is_for_analysts() -> None:
    """An export is all of a tenant's cost in one file, which a link hands on to anybody."""
    found = {(each.method, each.path, each.role) for each in routes(api.app) if each.path.startswith(BASE)}
    assert found == {
        ("POST", BASE, Role.ANALYST),
        ("GET", BASE, Role.ANALYST),
        ("GET", f"{BASE}/{{export_id}}", Role.ANALYST),
    }


def test_an_export_from_the_request_to_the_link(exporting: ExportWorld) -> None:
    begun = asked("POST", body={"period": "2026-09"})
    export_id = begun.body["export_id"]

    assert begun.status == 202
    assert begun.body == asked("POST", body={"from": "2026-09", "to": "2026-09", "format": "csv"}).body
    assert begun.body == {
        "export_id": export_id,
        "status": "pending",
        "first_period": "2026-09",
        "last_period": "2026-09",
        "format": "csv",
        "version": "1.2",
        "filename": "focus-1.2-2026-09.csv",
        "bills": ["aws.2026-09"],
        "rows": 0,
        "bytes": 0,
        "totals": [],
        "requested_at": "2026-10-02T12:00:01Z",
        "updated_at": "2026-10-02T12:00:01Z",
        "expires_at": None,
        "reason": None,
        "file": None,
        "metadata": None,
    }

    exporting.run()
    done = asked(path=f"/{export_id}").body
    assert (done["status"], done["rows"], done["expires_at"]) == ("done", 3, "2026-10-08T12:00:01Z")
    assert done["totals"] == [
        {
            "currency": "USD",
            "billed_cost": "0.579",
            "effective_cost": "0.579",
            "list_cost": "0.576",
            "contracted_cost": "0.579",
        }
    ]
    folder = f"https://results.test/acme/exports/{export_id}"
    assert done["file"] == {
        "url": f"{folder}/focus-1.2-2026-09.csv?signed",
        "expires_at": "2026-10-02T12:15:01Z",
    }
    assert done["metadata"]["url"] == f"{folder}/metadata.json?signed"
    assert asked().body["rows"] == [{**done, "file": None, "metadata": None}]


def test_another_tenant_sees_nothing_and_gets_its_own(exporting: ExportWorld) -> None:
    exporting.bills.deliver("globex/aws/bill.csv", csv_bytes(cur_rows(2)))
    body = {"period": "2026-09"}
    mine, theirs = (asked("POST", body=body, tenant=name).body["export_id"] for name in ("acme", "globex"))
    exporting.run(exporting.exports.events[0])

    assert mine != theirs
    assert asked(path=f"/{mine}", tenant="globex").status == 404
    assert [row["export_id"] for row in asked(tenant="globex").body["rows"]] == [theirs]
    assert asked("POST", body=body, tenant="initech").body["code"] == "NOTHING_TO_EXPORT"


def test_what_is_over_has_no_link(exporting: ExportWorld) -> None:
    from services.cost_center.domain.exports import KEPT

    export_id = asked("POST", body={"period": "2026-09"}).body["export_id"]
    exporting.run()
    exporting.bills.clock.advance(KEPT)
    assert asked(path=f"/{export_id}").body["file"] is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "INVALID_PERIOD"),
        ({"period": "2026-9"}, 422, "UNPROCESSABLE"),
        ({"period": "2026-09", "format": "xlsx"}, 422, "UNPROCESSABLE"),
        ({"period": "2026-09", "version": "1.0"}, 400, "INVALID_VERSION"),
        ({"from": "2026-10", "to": "2026-09"}, 400, "INVALID_PERIOD"),
        ({"period": "2026-08"}, 404, "NOTHING_TO_EXPORT"),
    ],
)
def test_a_bad_request_is_a_problem(
    exporting: ExportWorld, body: dict[str, str], status: int, code: str
) -> None:
    answer = asked("POST", body=body)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert exporting.exports.events == []


def test_a_viewer_may_not(exporting: ExportWorld) -> None:
    assert asked("POST", body={"period": "2026-09"}, roles="viewer").status == 403
    assert asked(roles="viewer").status == 403
