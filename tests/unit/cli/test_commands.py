import json

import httpx
import pytest

COSTS = "/v1/cost-center/costs"
BILLS = "/v1/cost-center/bills"
DELIVERIES = "/v1/cost-center/deliveries"
ACME = {"tenant": "acme", "name": "Acme", "status": "active", "created_at": "2026-11-20T09:00:00Z"}
BILL = {
    "bill_id": "cur.2026-09",
    "source": "cur",
    "format": "aws-cur-csv",
    "billing_period": "2026-09",
    "files": ["cur.csv"],
    "rows": 3,
    "totals": [
        {"currency": "USD", "raw_total": "1.5", "curated_total": "1.5", "difference": "0"},
        {"currency": "EUR", "raw_total": "2", "curated_total": "2", "difference": "0"},
    ],
    "status": "ingested",
    "reasons": [],
}
REJECTED = {**BILL, "bill_id": "x.unreadable-1", "totals": [], "status": "rejected", "reasons": ["no header"]}


def refuse(code: str, detail: str):
    return lambda _: {"ok": False, "problem": {"code": code, "detail": detail}}


def test_tenants_are_created_and_listed(onyx):
    onyx.platform.answers["create_tenant"] = lambda _: {"ok": True, "tenant": ACME}
    onyx.platform.answers["list_tenants"] = lambda _: {"ok": True, "rows": [ACME]}
    assert onyx("tenant", "create", "acme", "--name", "Acme", "--format", "json").rows == [ACME]
    assert onyx("tenant", "list", "--format", "csv").out.splitlines() == [
        "tenant,name,status,created_at",
        "acme,Acme,active,2026-11-20T09:00:00Z",
    ]
    assert onyx.platform.commands == [
        {"command": "create_tenant", "tenant": "acme", "name": "Acme"},
        {"command": "list_tenants"},
    ]


@pytest.mark.parametrize("act", ["suspend", "resume"])
def test_tenants_are_suspended_and_resumed(onyx, act):
    onyx.platform.answers[f"{act}_tenant"] = lambda _: {"ok": True, "tenant": ACME}
    assert onyx("tenant", act, "acme").code == 0


def test_a_refusal_is_one_line_and_no_success(onyx):
    onyx.platform.answers["create_tenant"] = refuse("TENANT_EXISTS", "Tenant acme exists already.")
    outcome = onyx("tenant", "create", "acme")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "onyx: Tenant acme exists already. (TENANT_EXISTS)\n"


def test_costs_passes_on_what_was_asked(onyx):
    rows = [{"BillingPeriodStart": "2026-09-01", "BillingCurrency": "USD", "EffectiveCost": "12.5"}]
    onyx.platform.on("GET", COSTS, {"rows": rows, "metric": "EffectiveCost"})
    outcome = onyx(
        *["costs", "--tenant", "acme", "--group-by", "ServiceName,tag:env", "--group-by", "RegionId"],
        *["--granularity", "daily", "--metric", "BilledCost", "--filter", "ServiceName:A", "--filter", "X=Y"],
        *["--start", "2026-09-01", "--end", "2026-10-01", "--order", "-BilledCost", "--limit", "7"],
        *["--as-of", "2026-11-01"],
        *["--format", "json"],
    )
    assert outcome.rows == rows
    assert onyx.platform.requests[0].url.params.multi_items() == [
        ("group_by", "ServiceName,tag:env,RegionId"),
        ("granularity", "daily"),
        ("metric", "BilledCost"),
        ("filter", "ServiceName:A"),
        ("filter", "X=Y"),
        ("start", "2026-09-01"),
        ("end", "2026-10-01"),
        ("order", "-BilledCost"),
        ("as_of", "2026-11-01"),
        ("limit", "7"),
    ]


def test_rows_beyond_the_limit_are_not_passed_over_in_silence(onyx):
    onyx.platform.on("GET", COSTS, {"rows": [{"EffectiveCost": "1"}], "truncated": True})
    outcome = onyx("costs", "--tenant", "acme", "--format", "csv")
    assert outcome.out == "EffectiveCost\n1\n"
    assert "more than these 1 rows" in outcome.err


def test_a_later_delivery_that_was_rejected_is_told_with_the_bill(onyx):
    onyx.platform.on("GET", BILLS, {"rows": [{**BILL, "last_rejection": REJECTED}], "cursor": None})
    onyx.platform.on("GET", DELIVERIES, {"rows": [], "cursor": None})
    line = onyx("bills", "--tenant", "acme", "--format", "csv").out.splitlines()[1]
    assert line.endswith("ingested,a later delivery was rejected: no header")


def test_a_query_prints_its_columns_in_their_order(onyx):
    answer = {"columns": [{"name": "b", "type": "varchar"}, {"name": "a", "type": "varchar"}], "rows": []}
    onyx.platform.on("POST", "/v1/query", answer)
    assert onyx("query", "SELECT 1", "--tenant", "acme", "--format", "csv").out == "b,a\n"
    assert json.loads(onyx.platform.requests[0].content) == {"sql": "SELECT 1"}
    assert onyx("query", "SELECT 1", "--tenant", "acme", "--as-of", "2026-11-01").code == 0
    sent = {"sql": "SELECT 1", "as_of": "2026-11-01"}
    assert json.loads(onyx.platform.requests[-1].content) == sent


def test_an_empty_query_is_called_wrongly(onyx):
    assert onyx("query", "  ", "--tenant", "acme").code == 2


def test_all_bills_come_page_by_page_and_a_row_per_currency(onyx):
    def pages(request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            return httpx.Response(200, json={"rows": [REJECTED], "cursor": None})
        return httpx.Response(200, json={"rows": [BILL], "cursor": "next"})

    onyx.platform.routes["GET", BILLS] = pages
    onyx.platform.on("GET", DELIVERIES, {"rows": [], "cursor": None})
    assert onyx("bills", "--tenant", "acme", "--format", "json").rows == [BILL, REJECTED]
    lines = onyx("bills", "--tenant", "acme", "--format", "csv").out.splitlines()
    assert lines == [
        "bill_id,source,format,billing_period,files,rows,currency,raw_total,curated_total,difference,status,reasons",
        "cur.2026-09,cur,aws-cur-csv,2026-09,cur.csv,3,USD,1.5,1.5,0,ingested,",
        "cur.2026-09,cur,aws-cur-csv,2026-09,cur.csv,3,EUR,2,2,0,ingested,",
        "x.unreadable-1,cur,aws-cur-csv,2026-09,cur.csv,3,,,,,rejected,no header",
    ]
    table = onyx("bills", "--tenant", "acme", "--status", "rejected").out.splitlines()
    assert table[0].split()[:3] == ["bill_id", "format", "rows"]
    assert len(table) == 5
    assert onyx.platform.requests[-2].url.params["status"] == "rejected"


FAILED = {
    "delivery_id": "d1",
    "source": "cur",
    "filename": "cur.csv",
    "status": "failed",
    "bills": [],
    "failure": {
        "attempts": 5,
        "code": "OBJECT_GONE",
        "reason": "it is gone",
        "since": "2026-11-20T09:00:00Z",
        "message_id": "m1",
    },
}


def test_a_delivery_that_failed_is_told_below_the_bills(onyx):
    onyx.platform.on("GET", BILLS, {"rows": [BILL], "cursor": None})
    onyx.platform.on("GET", DELIVERIES, {"rows": [FAILED], "cursor": None})
    told = [
        "1 delivery failed (`onyx dlq show LandedBills`, and `onyx dlq redrive LandedBills` once mended):",
        "  cur/cur.csv, since 2026-11-20T09:00:00Z: OBJECT_GONE: it is gone (tried 5 times)",
    ]
    assert onyx("bills", "--tenant", "acme").out.splitlines()[-2:] == told
    assert onyx.platform.requests[-1].url.params["status"] == "failed"
    as_json = onyx("bills", "--tenant", "acme", "--format", "json")
    assert (as_json.rows, as_json.err.splitlines()) == ([BILL], told)
    (row,) = onyx("bills", "--tenant", "acme", "--status", "failed", "--format", "json").rows
    assert (row["delivery_id"], row["code"], row["message_id"]) == ("d1", "OBJECT_GONE", "m1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["bills", "show", "cur.2026-09", "--tenant", "acme", "--format", "json"],
        ["bills", "--tenant", "acme", "--format", "json", "show", "cur.2026-09"],
    ],
)
def test_a_bill_is_reconciled(onyx, arguments):
    rows = [{"billing_account": "1", "currency": "USD", "raw_total": "1.5", "difference": "0"}]
    onyx.platform.on("GET", f"{BILLS}/cur.2026-09", BILL)
    onyx.platform.on("GET", f"{BILLS}/cur.2026-09/reconciliation", {"rows": rows})
    assert onyx(*arguments).rows == rows


def test_the_table_of_a_bill_says_why_it_was_rejected(onyx):
    onyx.platform.on("GET", f"{BILLS}/x.unreadable-1", REJECTED)
    onyx.platform.on("GET", f"{BILLS}/x.unreadable-1/reconciliation", {"rows": []})
    outcome = onyx("bills", "show", "x.unreadable-1", "--tenant", "acme")
    assert outcome.out.splitlines()[:2] == ["x.unreadable-1: rejected, aws-cur-csv", "  no header"]


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (
            400,
            {"detail": "Unknown\ncolumn X", "code": "UNKNOWN_COLUMN"},
            "onyx: Unknown column X (UNKNOWN_COLUMN)",
        ),
        (
            422,
            {
                "detail": "not valid.",
                "code": "UNPROCESSABLE",
                "errors": [{"field": "limit", "message": "too big"}],
            },
            "onyx: not valid. [field: limit, message: too big] (UNPROCESSABLE)",
        ),
        (
            400,
            {
                "detail": "No column x (line 1).",
                "code": "X",
                "errors": [{"message": "No column x", "line": 1}],
            },
            "onyx: No column x (line 1). (X)",
        ),
        (503, {"message": "Service Unavailable"}, "onyx: Service Unavailable (HTTP 503)"),
        (500, None, "onyx: Internal Server Error (HTTP 500)"),
    ],
)
def test_a_problem_is_one_line(onyx, status, body, line):
    onyx.platform.on("GET", COSTS, body, status)
    outcome = onyx("costs", "--tenant", "acme")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", line + "\n")


def test_an_answer_that_is_no_json_is_one_line(onyx):
    onyx.platform.routes["GET", COSTS] = lambda _: httpx.Response(502, text="<html>bad gateway</html>")
    assert onyx("costs", "--tenant", "acme").err == "onyx: Bad Gateway (HTTP 502)\n"


def test_a_platform_that_went_away_is_said_to_be_down(onyx):
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    onyx.platform.routes["GET", COSTS] = gone
    outcome = onyx("costs", "--tenant", "acme", "--port", "8461")
    assert outcome.code == 1
    assert outcome.err == "onyx: Onyx is not running on port 8461: start it with `onyx up`.\n"


def test_a_fault_of_ours_is_a_line_too(onyx):
    def broken(request: httpx.Request) -> httpx.Response:
        raise RuntimeError("something\nunforeseen")

    onyx.platform.routes["GET", COSTS] = broken
    outcome = onyx("costs", "--tenant", "acme")
    assert (outcome.code, outcome.err) == (1, "onyx: RuntimeError: something unforeseen\n")


def test_usage_is_exit_code_two(onyx):
    assert onyx("costs", "--no-such-option").code == 2
    assert onyx("tenant", "create").code == 2
