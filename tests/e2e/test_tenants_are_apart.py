"""A token of one tenant sees nothing of another: every published route, ids, lists, cursors, SQL."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill

MARK = "zq7secret"
"""Stands in every value of tenant A that could leak: service, account, source, user, query text."""
PUBLIC = {"/v1/health", "/v1/openapi.json", "/v1/docs"}
CONNECTIONS = "/v1/cost-center/connections"
INVOICES = "/v1/cost-center/invoices"
POLICIES = "/v1/query/policies"
WORKFLOWS = "/v1/workflows"
WORKFLOW = f"""
id: {MARK}-flow
title: {MARK}
triggers: [{{name: {MARK}-hook, webhook: true}}, {{name: by-hand, manual: true}}]
steps: [{{id: {MARK}, approval: {{message: "{MARK}?", roles: [approver], expires: 1h}}}}]
"""
BODIES = {
    "/identity/": {"roles": ["admin"]},
    "/v1/query": {"sql": "SELECT * FROM charges"},
    "/decision": {"approve": True},
    "/resolve": {"done": False},
    "/channels/": {},
    "/credentials/": {},
    "/runs": {},
    "/hooks/": {},
    "/pause": {},
    "/resume": {},
    "/v1/workflows": {"source": "nothing"},
}
"""A field that a route does not know is refused before anything is looked for: each gets its own only. The
first part that a path holds says."""
INVOICE = {"billing_account": f"{MARK}-payer", "billing_period": "2026-08", "currency": "USD"}


@dataclass(frozen=True)
class Apart:
    platform: Platform
    a: str
    b: str
    token_a: str
    token_b: str
    ids: dict[str, str]
    """Tenant A's own id for each path parameter of the API."""
    cursors: dict[str, str]
    """Tenant A's own, by what it is a list of."""


def ingest(platform: Platform, tenant: str, folder: Path, service: str, month: str) -> dict[str, Any]:
    path = focus_bill(
        folder, ["11.5"], name=f"{month}.csv", account=f"{service}-acct", service=service, month=month
    )
    (bill,) = platform.rows("ingest", str(path), "--tenant", tenant, "--source", service)
    return bill


@pytest.fixture(scope="module")
def apart(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Apart:
    folder = tmp_path_factory.mktemp("apart")
    a, b = "apart-a", "apart-b"
    for name in (a, b):
        assert platform.onyx("tenant", "create", name).returncode == 0
    bill = ingest(platform, a, folder, MARK, "2026-08")
    ingest(platform, a, folder, MARK, "2026-09")
    ingest(platform, b, folder, "plain", "2026-08")
    token_a, token_b = platform.token(a), platform.token(b)

    asked = platform.http(
        "POST", "/v1/query", token_a, json={"sql": f"SELECT '{MARK}' AS x, count(*) AS n FROM charges"}
    ).json()
    export = platform.http("POST", "/v1/cost-center/exports", token_a, json={"period": "2026-08"})
    assert export.status_code == 202, export.text
    user = f"{MARK}@example.com"
    made = platform.http("POST", "/v1/identity/users", token_a, json={"username": user, "roles": ["viewer"]})
    assert made.status_code in (200, 201), made.text
    connected = platform.http(
        "POST", CONNECTIONS, token_a, json={"account_id": "111122223333", "source": f"{MARK}-shop"}
    )
    assert connected.status_code == 201, connected.text
    invoice = f"{MARK}-42"
    entered = platform.http("PUT", f"{INVOICES}/{invoice}", token_a, json=INVOICE | {"total": "11.5"})
    assert entered.status_code == 201, entered.text
    promoted = platform.http("PUT", "/v1/cost-center/settings/tags", token_a, json={"promoted": [MARK]})
    assert promoted.status_code == 200, promoted.text
    subject = f"{MARK}-user"
    bound = platform.http("PUT", f"{POLICIES}/{subject}", token_a, json={"sub_accounts": [MARK]})
    assert bound.status_code == 200, bound.text
    delivery = platform.http("GET", f"/v1/cost-center/bills/{bill['bill_id']}", token_a).json()["delivery_id"]
    ids = {
        "bill_id": bill["bill_id"],
        "delivery_id": delivery,
        "query_id": asked["query_id"],
        "export_id": export.json()["export_id"],
        "username": made.json()["username"],
        "source": connected.json()["source"],
        "invoice": invoice,
        "subject": subject,
        "client": f"{MARK}client",
        "client_id": f"{MARK}client",
        **flows(platform, token_a),
    }
    cursors = {
        path: platform.http("GET", f"{path}?limit=1", token_a).json()["cursor"]
        for path in ("/v1/cost-center/bills", WORKFLOWS, f"{WORKFLOWS}/runs", f"{WORKFLOWS}/approvals")
    }
    return Apart(platform, a, b, token_a, token_b, ids, cursors)


def flows(platform: Platform, token: str) -> dict[str, str]:
    """Two workflows, runs and approvals, a channel and a credential; the ids of one each."""

    def done(method: str, path: str, **body: Any) -> Any:
        answer = platform.http(method, WORKFLOWS + path, token, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    other = f"{MARK}-two"
    done("PUT", f"/{other}", source=WORKFLOW.replace(f"{MARK}-flow", other))
    (hook,) = done("PUT", f"/{MARK}-flow", source=WORKFLOW)["hooks"]
    for workflow in (other, f"{MARK}-flow"):
        run = done("POST", f"/{workflow}/runs")["run"]
    done("PUT", f"/channels/{MARK}", kind="webhook", url=f"https://{MARK}.example.com/")
    done("PUT", f"/credentials/{MARK}", host=f"{MARK}.example.com", headers={"authorization": MARK})

    def waiting() -> list[dict[str, Any]] | None:
        rows = platform.http("GET", f"{WORKFLOWS}/approvals", token).json()["rows"]
        return rows if len(rows) == 2 else None

    approval = next(row for row in wait_for(waiting, "both approvals") if row["run"] == run)
    return {
        "workflow": f"{MARK}-flow",
        "run": run,
        "step": MARK,
        "approval": approval["approval"],
        "hook": hook["path"].rpartition("/")[2],
        "trigger": f"{MARK}-hook",
        "name": MARK,
        "template": f"{MARK}template",
    }


def operations(platform: Platform) -> list[tuple[str, str, list[str]]]:
    document = platform.http("GET", "/v1/openapi.json").json()
    return [
        (method.upper(), path, [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


def call(apart: Apart, method: str, path: str, token: str | None) -> httpx.Response:
    filled = path
    for name, value in apart.ids.items():
        filled = filled.replace("{" + name + "}", value)
    if method in ("GET", "DELETE"):
        return apart.platform.http(method, filled, token, params=INVOICE if "/invoices/" in path else None)
    body = next((body for part, body in BODIES.items() if part in path), {})
    return apart.platform.http(method, filled, token, json=body)


def test_every_route_needs_a_token(apart: Apart) -> None:
    walked = operations(apart.platform)
    assert len(walked) >= 15
    for method, path, _ in walked:
        if path in PUBLIC:
            assert call(apart, method, path, None).status_code == 200
            continue
        for token in (None, "not-a-token", apart.token_a[:-6] + "AAAAAA"):
            assert call(apart, method, path, token).status_code == 401, (method, path, token)


def test_no_route_shows_or_changes_what_is_anothers(apart: Apart) -> None:
    for method, path, parameters in operations(apart.platform):
        if path in PUBLIC:
            continue
        unknown = [name for name in parameters if name not in apart.ids]
        assert not unknown, f"{path} has a new parameter {unknown}: give this test tenant A's value of it"
        answer = call(apart, method, path, apart.token_b)
        assert answer.status_code < 500, (method, path, answer.text)
        said = answer.text
        # An error may repeat what the caller asked for.
        for value in (*apart.ids.values(), INVOICE["billing_account"]):
            said = said.replace(value, "")
        assert MARK not in said, (method, path, answer.text)
        if parameters:
            # A webhook asks for no token: it is signed.
            expected = (401,) if path == f"{WORKFLOWS}/hooks/{{hook}}" else (400, 404, 405, 422)
            assert answer.status_code in expected, (method, path, answer.text)
    mine = apart.platform.http("GET", "/v1/identity/users", apart.token_a).json()["rows"]
    (user,) = [row for row in mine if row["username"] == apart.ids["username"]]
    assert user["roles"] == ["viewer"]
    assert invoices(apart, apart.token_a) == [(apart.ids["invoice"], "11.5")]
    (policy,) = apart.platform.http("GET", POLICIES, apart.token_a).json()["rows"]
    assert (policy["subject"], policy["sub_accounts"]) == (apart.ids["subject"], [MARK])
    (connection,) = apart.platform.http("GET", CONNECTIONS, apart.token_a).json()["rows"]
    assert (connection["source"], connection["status"]) == (apart.ids["source"], "pending")
    run = apart.platform.http("GET", f"{WORKFLOWS}/runs/{apart.ids['run']}", apart.token_a).json()
    assert (run["status"], run["cancelled_by"]) == ("running", None)
    rows = apart.platform.http("GET", f"{WORKFLOWS}/approvals", apart.token_a).json()["rows"]
    assert [(row["status"], row["decided"]) for row in rows] == [("open", 0)] * 2
    flow = apart.platform.http("GET", WORKFLOWS, apart.token_a).json()["rows"]
    assert {(row["workflow"], row["state"]) for row in flow} == {
        (apart.ids["workflow"], "active"),
        (f"{MARK}-two", "active"),
    }


def invoices(apart: Apart, token: str) -> list[tuple[str, str]]:
    """(number, total) of each."""
    rows = apart.platform.http("GET", INVOICES, token).json()["rows"]
    return [(row["invoice"], row["total"]) for row in rows]


def test_an_invoice_of_the_same_number_is_each_tenants_own(apart: Apart) -> None:
    path, number = f"{INVOICES}/{apart.ids['invoice']}", apart.ids["invoice"]
    made = apart.platform.http("PUT", path, apart.token_b, json=INVOICE | {"total": "7"})
    assert made.status_code == 201, made.text
    assert invoices(apart, apart.token_b) == [(number, "7")]
    assert invoices(apart, apart.token_a) == [(number, "11.5")]
    assert apart.platform.http("DELETE", path, apart.token_b, params=INVOICE).status_code == 200
    assert invoices(apart, apart.token_b) == []
    assert invoices(apart, apart.token_a) == [(number, "11.5")]


def test_a_workflow_of_the_same_name_is_each_tenants_own(apart: Apart) -> None:
    """And so are its channel, its hook and its runs."""
    path, name = f"{WORKFLOWS}/{apart.ids['workflow']}", apart.ids["name"]

    def said(method: str, to: str, token: str, **body: Any) -> Any:
        answer = apart.platform.http(method, to, token, **({"json": body} if body else {}))
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    (hook,) = said("PUT", path, apart.token_b, source=WORKFLOW.replace(f"title: {MARK}", "title: b"))["hooks"]
    assert hook["path"].rpartition("/")[2] != apart.ids["hook"]
    said("PUT", f"{WORKFLOWS}/channels/{name}", apart.token_b, kind="webhook", url="https://b.example.com/")
    said("POST", f"{path}/pause", apart.token_b)
    assert said("GET", path, apart.token_a)["source"] == WORKFLOW
    (channel,) = said("GET", f"{WORKFLOWS}/channels", apart.token_a)["rows"]
    assert channel["url"] == f"https://{MARK}.example.com/…"
    assert said("GET", f"{WORKFLOWS}/runs", apart.token_b)["rows"] == []
    said("DELETE", path, apart.token_b)
    assert said("GET", path, apart.token_a)["version"] == 1


def test_a_cursor_is_of_no_use_to_another_tenant(apart: Apart) -> None:
    for path, given in apart.cursors.items():
        assert given, path
        mine = apart.platform.http("GET", path, apart.token_a, params={"limit": 1, "cursor": given})
        assert mine.status_code == 200
        assert len(mine.json()["rows"]) == 1
        for cursor in (given, given[:-3] + "abc"):
            theirs = apart.platform.http("GET", path, apart.token_b, params={"limit": 1, "cursor": cursor})
            assert theirs.status_code == 400
            assert theirs.json()["code"] == "INVALID_CURSOR"


def test_a_tenant_named_by_the_caller_is_of_no_use(apart: Apart) -> None:
    for name in ("tenant", "tenantid", "tenant_id"):
        answer = apart.platform.http("GET", "/v1/cost-center/bills", apart.token_b, params={name: apart.a})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == f"query.{name}"
        assert MARK not in answer.text
    answer = httpx.get(
        apart.platform.url + "/v1/cost-center/costs?group_by=ServiceName",
        headers={"authorization": f"Bearer {apart.token_b}", "x-onyx-tenant": apart.a, "tenant": apart.a},
        timeout=60,
    )
    assert answer.status_code == 200
    assert [row["ServiceName"] for row in answer.json()["rows"]] == ["plain"]


def attacks(apart: Apart) -> list[str]:
    lake, landing = (
        apart.platform.output("lake", "LakeBucket"),
        apart.platform.output("lake", "LandingBucket"),
    )
    files = f"s3://{lake}/{apart.a}/curated/charges/**/*.parquet"
    database = f"onyx_local_{apart.a.replace('-', '_')}"
    return [
        f"SELECT * FROM {database}.charges",
        f'SELECT * FROM "{database}"."charges"',
        f"SELECT * FROM awsdatacatalog.{database}.charges",
        f"SELECT * FROM '{files}'",
        f'SELECT * FROM "{files}"',
        f"SELECT * FROM read_parquet('{files}')",
        f"SELECT * FROM scan_parquet('{files}')",
        f"SELECT * FROM parquet_scan('{files}')",
        f"SELECT * FROM read_csv('s3://{landing}/{apart.a}/**')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/**')",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM charges WHERE x_Source = (SELECT max(x_Source) FROM " + database + ".charges)",
        f"WITH charges AS (SELECT * FROM {database}.charges) SELECT * FROM charges",
        f"SELECT * FROM charges UNION ALL SELECT * FROM {database}.charges",
        f"SELECT * FROM charges; SELECT * FROM {database}.charges",
        f"SELECT * FROM charges /* */ JOIN {database}.charges c ON true",
        f"COPY charges TO '/tmp/{MARK}'",
        f"ATTACH '/tmp/{MARK}.db'",
        "INSERT INTO charges SELECT * FROM charges",
        "SHOW TABLES",
        "DESCRIBE charges",
        f"SELECT * FROM charges FOR VERSION AS OF '{apart.a}'",
        "SELECT * FROM charges TABLESAMPLE SYSTEM (100)",
        f"EXECUTE IMMEDIATE 'SELECT * FROM {database}.charges'",
        "SELECT * FROM ＣＨＡＲＧＥＳ",
        "SELECT * FROM charges WHERE 1=1 OR ServiceName <> ''",
    ]


def test_sql_reaches_nothing_but_the_tenants_own_rows(apart: Apart) -> None:
    tried = attacks(apart)
    for sql in tried:
        answer = apart.platform.http("POST", "/v1/query", apart.token_b, json={"sql": sql})
        assert answer.status_code < 500, (sql, answer.text)
        said = json.dumps(answer.json().get("rows", []))
        assert MARK not in said, (sql, said)
        assert "root:" not in answer.text
    (row,) = apart.platform.query("SELECT count(*) AS n, sum(BilledCost) AS c FROM charges", apart.token_b)
    assert row == {"n": 1, "c": "11.5"}


def test_uploads_and_datasets_stay_in_the_tenants_own_prefix(apart: Apart) -> None:
    for filename in ("bill.csv", f"../../{apart.a}/x/bill.csv", f"/{apart.a}/bill.csv", "a\\b.csv"):
        answer = apart.platform.http(
            "POST", "/v1/cost-center/uploads", apart.token_b, json={"source": "s", "filename": filename}
        )
        if answer.status_code < 300:
            assert answer.json()["key"].startswith(f"{apart.b}/s/"), answer.text
            assert ".." not in answer.json()["key"]
        else:
            assert answer.status_code in (400, 422), answer.text
    tables = wait_for(
        lambda: apart.platform.http("GET", "/v1/query/tables", apart.token_b).json(), "the tables of tenant B"
    )
    assert MARK not in json.dumps(tables)
