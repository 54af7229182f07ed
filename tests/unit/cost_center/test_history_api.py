"""The routes of a bill's history over ports in memory: what was published, what changed, and whose it is."""

from typing import Any

import pytest

from services.cost_center.application.history import ReadHistory
from services.cost_center.handlers import api, history_api
from shared.tenancy import TenantId
from tests.fakes.cost_center import World
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows
from tests.fakes.http_calls import Answer, call, token_claims

BILL = "/v1/cost-center/bills/aws.2026-09"


class FakeDocuments:
    def signed(self, tenant: TenantId, uri: str) -> str:
        return f"https://signed/{tenant}?{uri}"


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    services = ReadHistory(world.bills, FakeDocuments())
    monkeypatch.setattr(history_api, "history_services", lambda: services)
    return world


def get(path: str, *, tenant: str = "acme", roles: str = "viewer", **more: Any) -> Answer:
    return call(api.handler, "GET", path, claims=token_claims(tenant, roles), **more)


def test_history_lists_every_set_and_changes_are_those_of_the_last_or_a_named_one(deployed: World) -> None:
    for rows in (1, 2, 3):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))
    deployed.deliver("acme/aws/again.csv", csv_bytes(cur_rows(3)))
    deployed.deliver("acme/aws/bad.csv", csv_bytes([{**CUR_ROW, "lineItem/UnblendedCost": "x"}]))

    sets = get(f"{BILL}/history").body["rows"]
    assert [(each["status"], each["rows"], each["files"], each["kept"]) for each in sets] == [
        ("restated", 3, ["3.csv"], True),
        ("restated", 2, ["2.csv"], True),
        ("ingested", 1, ["1.csv"], True),
    ]
    assert sets[0]["totals"] == [
        {"currency": "USD", "raw_total": "0.579", "curated_total": "0.579", "difference": "0"}
    ]

    last = get(f"{BILL}/changes").body
    assert (last["bill_id"], last["current"], last["previous"]) == ("aws.2026-09", sets[0], sets[1])
    assert last["totals"] == [{"currency": "USD", "before": "0.385", "after": "0.579", "difference": "0.194"}]
    assert [each["difference"] for each in last["largest"]] == ["0.194"]
    assert last["document_url"].startswith("https://signed/acme?s3://lake/acme/changes/aws.2026-09/")

    first = get(f"{BILL}/changes", query={"to": sets[1]["published_at"]}).body
    assert (first["current"], first["previous"]) == (sets[1], sets[2])
    refused = get(f"{BILL}/changes", query={"to": sets[2]["published_at"]})
    assert (refused.status, refused.body["code"]) == (404, "NO_RESTATEMENT")
    assert get(f"{BILL}/changes", query={"to": "soon"}).status == 422


def test_a_bill_that_was_published_once_or_never(deployed: World) -> None:
    deployed.deliver("acme/aws/1.csv", csv_bytes(cur_rows(1)))
    [rejected] = deployed.deliver("acme/gcp/bad.csv", b"nothing known")
    assert get(f"{BILL}/changes").body["code"] == "NO_RESTATEMENT"
    assert get(f"/v1/cost-center/bills/{rejected.bill_id}/history").body == {"rows": []}
    assert get("/v1/cost-center/bills/no.2026-09/history").status == 404


def test_another_tenant_sees_nothing(deployed: World) -> None:
    for rows in (1, 2):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))
    for path in ("history", "changes"):
        assert get(f"{BILL}/{path}", tenant="globex").status == 404
        assert get(f"{BILL}/{path}", roles="").status == 403
