"""The routes of a bill's history over ports in memory: what was published, what changed, and whose it is."""

from dataclasses import replace
from typing import Any

import pytest

from services.cost_center.application.history import ReadHistory
from services.cost_center.domain.changes import of_document
from services.cost_center.events import ChargeChange
from services.cost_center.handlers import api, history_api
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, World
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows
from tests.fakes.http_calls import Answer, call, token_claims

BILL = "/v1/cost-center/bills/aws.2026-09"


class FakeDocuments:
    def __init__(self, world: World) -> None:
        self._world = world

    def signed(self, tenant: TenantId, uri: str) -> str:
        return f"https://signed/{tenant}?{uri}"

    def read(self, tenant: TenantId, uri: str) -> list[ChargeChange]:
        assert uri.startswith(f"s3://lake/{tenant}/changes/")
        return of_document(self._world.changes.documents[uri])


@pytest.fixture
def deployed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    services = ReadHistory(world.bills, FakeDocuments(world))
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


def test_changes_between_any_two_sets_are_those_of_all_restatements_between(deployed: World) -> None:
    """One charge goes and comes back, one stays changed, one is new: what is as it was has not changed."""

    def bill(**costs: str) -> bytes:
        rows = [
            {**CUR_ROW, "lineItem/UsageAccountId": account, "lineItem/UnblendedCost": cost}
            for account, cost in costs.items()
        ]
        return csv_bytes(rows)

    for number, costs in enumerate(
        ({"1": "5", "2": "1"}, {"1": "5", "2": "2"}, {"2": "3", "3": "7"}, {"1": "5", "2": "4", "3": "7"})
    ):
        deployed.deliver(f"acme/aws/{number}.csv", bill(**costs))
    newest, third, second, first = get(f"{BILL}/history").body["rows"]

    def changed(**query: str) -> Any:
        answer = get(f"{BILL}/changes", query=query)
        assert answer.status == 200, answer.body
        return answer.body

    def told(body: Any) -> list[tuple[str, str, str]]:
        return [(each["sub_account_id"], each["before"], each["after"]) for each in body["largest"]]

    whole = changed(**{"from": first["published_at"]})
    assert told(whole) == [("3", "0", "7"), ("2", "1", "4")]
    assert (whole["current"], whole["previous"]) == (newest, first)
    assert whole["totals"] == [{"currency": "USD", "before": "6", "after": "16", "difference": "10"}]
    assert (whole["count"], whole["others"], whole["known"], whole["document_url"]) == (2, [], True, None)

    part = changed(**{"from": first["published_at"], "to": third["published_at"]})
    assert told(part) == [("3", "0", "7"), ("1", "5", "0"), ("2", "1", "3")]

    near = changed(**{"from": second["published_at"], "to": third["published_at"]})
    assert near == changed(to=third["published_at"])
    assert near["document_url"].startswith("https://signed/acme?")


def test_sets_that_are_none_or_the_wrong_way_round(deployed: World) -> None:
    for rows in (1, 2):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))
    newest, oldest = (each["published_at"] for each in get(f"{BILL}/history").body["rows"])
    never = "2020-01-01T00:00:00Z"

    for query, status, code in (
        ({"from": newest, "to": oldest}, 400, "INVALID_RANGE"),
        ({"from": newest}, 400, "INVALID_RANGE"),
        ({"from": never}, 404, "NO_SUCH_SET"),
        ({"from": oldest, "to": never}, 404, "NO_SUCH_SET"),
        ({"to": never}, 404, "NO_RESTATEMENT"),
    ):
        answer = get(f"{BILL}/changes", query=query)
        assert (answer.status, answer.body["code"]) == (status, code), query


def test_a_set_between_that_could_not_be_read_leaves_the_totals(deployed: World) -> None:
    for rows in (1, 2, 3):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))
    sets = deployed.bills.sets[ACME, "aws.2026-09"]
    told = sets[1].changes
    assert told is not None
    sets[1] = replace(sets[1], changes=told.model_copy(update={"document": None, "largest": [], "count": 0}))
    first = get(f"{BILL}/history").body["rows"][-1]["published_at"]

    body = get(f"{BILL}/changes", query={"from": first}).body

    assert (body["known"], body["largest"], body["count"], body["document_url"]) == (False, [], 0, None)
    assert [each["difference"] for each in body["totals"]] == ["0.387"]


def test_more_restatements_than_are_added_up(deployed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cost_center.application.history.MAX_STEPS", 1)
    for rows in (1, 2, 3):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))
    first = get(f"{BILL}/history").body["rows"][-1]["published_at"]

    refused = get(f"{BILL}/changes", query={"from": first})

    assert (refused.status, refused.body["code"]) == (400, "INVALID_RANGE")
    assert "2 sets are between" in refused.body["detail"]


def test_history_comes_in_pages(deployed: World) -> None:
    for rows in (1, 2, 3):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))

    first = get(f"{BILL}/history", query={"limit": "2"}).body
    rest = get(f"{BILL}/history", query={"limit": "2", "cursor": first["cursor"]}).body

    assert [each["rows"] for each in first["rows"] + rest["rows"]] == [3, 2, 1]
    assert (len(first["rows"]), rest["cursor"]) == (2, None)
    assert get(f"{BILL}/history", query={"limit": "0"}).status == 422


def test_a_bill_that_was_published_once_or_never(deployed: World) -> None:
    deployed.deliver("acme/aws/1.csv", csv_bytes(cur_rows(1)))
    [rejected] = deployed.deliver("acme/gcp/bad.csv", b"nothing known")
    assert get(f"{BILL}/changes").body["code"] == "NO_RESTATEMENT"
    assert get(f"/v1/cost-center/bills/{rejected.bill_id}/history").body == {
        "rows": [],
        "cursor": None,
    }
    assert get("/v1/cost-center/bills/no.2026-09/history").status == 404


def test_another_tenant_sees_nothing(deployed: World) -> None:
    for rows in (1, 2):
        deployed.deliver(f"acme/aws/{rows}.csv", csv_bytes(cur_rows(rows)))
    first = get(f"{BILL}/history").body["rows"][-1]["published_at"]
    for path in ("history", "history?limit=1", "changes", f"changes?from={first}"):
        route, _, given = path.partition("?")
        query = dict([given.split("=", 1)]) if given else None
        assert get(f"{BILL}/{route}", query=query, tenant="globex").status == 404
        assert get(f"{BILL}/{route}", query=query, roles="").status == 403
