import json

import httpx
import pytest

from infra.commands.context import not_running

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


def test_notes_of_an_answer_go_beside_its_rows(onyx):
    column = {"name": "a", "type": "varchar"}
    answer = {"columns": [column], "rows": [{"a": None}], "notes": ["product_vcpu reads as null"]}
    onyx.platform.on("POST", "/v1/query", answer)
    outcome = onyx("query", "SELECT 1", "--tenant", "acme", "--format", "csv")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "a")
    assert outcome.err == "onyx: product_vcpu reads as null\n"


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
    assert len(table[: table.index("")]) == 5
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


def test_deliveries_that_wait_say_for_what(onyx):
    waits = {
        "since": "2026-11-20T09:00:00Z",
        "reason": "1 of 2 files that the manifest names are not there",
        "missing": ["p/rep-1.csv.gz"],
        "missing_count": 1,
        "named": 2,
        "billing_period": "2026-10",
    }
    waiting = {**FAILED, "status": "waiting", "failure": None, "waiting": waits}
    onyx.platform.on("GET", DELIVERIES, {"rows": [waiting], "cursor": None})
    (row,) = onyx("bills", "--tenant", "acme", "--status", "waiting", "--format", "json").rows
    assert row == {
        **{name: waits[name] for name in ("since", "reason", "missing", "billing_period")},
        "delivery_id": "d1",
        "source": "cur",
        "filename": "cur.csv",
    }


def test_a_rejected_bill_says_where_its_files_are(onyx):
    kept = "s3://landing/acme/.quarantine/d1/"
    onyx.platform.on("GET", BILLS, {"rows": [{**BILL, "quarantine": kept}], "cursor": None})
    onyx.platform.on("GET", DELIVERIES, {"rows": [], "cursor": None})
    assert f"the refused files are kept in {kept}" in onyx("bills", "--tenant", "acme", "--format", "csv").out


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
                "errors": [{"field": "query.limit", "code": "less_than", "message": "too big"}],
            },
            "onyx: not valid: limit: too big. (UNPROCESSABLE)",
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
        (
            401,
            {"message": "Unauthorized"},
            "onyx: The token was refused: it has expired, or is of another platform. (HTTP 401)",
        ),
        (500, None, "onyx: Internal Server Error (HTTP 500)"),
    ],
)
def test_a_problem_is_one_line(onyx, monkeypatch, status, body, line):
    monkeypatch.setattr("infra.commands.api.RESTART_SECONDS", 0)  # who is away here does not come back
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


def test_a_table_of_bills_tells_the_reasons_below_it(onyx):
    many = [f"row {number}: not a number" for number in range(1, 6)]
    onyx.platform.on("GET", BILLS, {"rows": [BILL, {**REJECTED, "reasons": many}], "cursor": None})
    onyx.platform.on("GET", "/v1/cost-center/deliveries", {"rows": [], "cursor": None})
    lines = onyx("bills", "--tenant", "acme").out.splitlines()
    assert "reasons" not in lines[0]
    assert max(map(len, lines)) < 100
    assert lines[-6:] == [
        "",
        "x.unreadable-1: rejected",
        *(f"  {reason}" for reason in many[:3]),
        "  and 2 more: onyx bills show x.unreadable-1",
    ]


def test_costs_without_rows_still_have_their_headings(onyx):
    onyx.platform.on("GET", COSTS, {"rows": [], "metric": "BilledCost"})
    asked = ("costs", "-t", "acme", "-g", "tag:env,BillingCurrency", "--metric", "BilledCost", "-f", "csv")
    assert onyx(*asked).out == "BillingPeriodStart,BillingCurrency,tag:env,BilledCost\n"
    assert onyx(*asked, "--granularity", "total").out == "BillingCurrency,tag:env,BilledCost\n"


def test_who_looks_on_the_wrong_port_is_told_the_right_one(monkeypatch, tmp_path):
    monkeypatch.setenv("ONYX_HOME", str(tmp_path))
    for port in (8461, 8462, 8463):
        (tmp_path / str(port)).mkdir()
    monkeypatch.setattr("infra.local.platform.Platform.running", lambda self: self.state.port > 8461)
    line = "Onyx is not running on port 8461: start it with `onyx up`."
    assert not_running(8461) == (f"{line} It runs on port 8462 and 8463: give --port, or set ONYX_PORT.")
    monkeypatch.setattr("infra.local.platform.Platform.running", lambda self: False)
    assert not_running(8461) == line


TABLES = [
    {
        "name": "charges",
        "columns": [{"name": "BilledCost", "type": "decimal(38,18)"}],
        "rows": 7,
        "published_at": "2026-11-20T09:00:00Z",
        "bills": [{"bill_id": "cur.2026-09"}],
    }
]


def test_tables_are_listed_and_their_columns(onyx):
    onyx.platform.on("GET", "/v1/query/tables", {"rows": TABLES})
    assert onyx("tables", "-t", "acme", "-f", "csv").out.splitlines() == [
        "table,rows,columns,bills,published_at",
        "charges,7,1,1,2026-11-20T09:00:00Z",
    ]
    assert onyx("tables", "Charges", "-t", "acme", "-f", "csv").out.splitlines() == [
        "name,type",
        'BilledCost,"decimal(38,18)"',
    ]
    outcome = onyx("tables", "nope", "-t", "acme")
    assert (outcome.code, outcome.err) == (1, "onyx: there is no table nope; there are charges\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["up", "--port", "0"], "--port"),
        (["costs", "-t", "acme", "--port", "99999"], "--port"),
        (["bills", "-t", "acme", "--format", "xml"], "'xml' is not one of"),
    ],
)
def test_what_an_option_cannot_be_is_said_before_anything_is_done(onyx, arguments, told):
    outcome = onyx(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert "Value error" not in outcome.err
    assert onyx.platform.requests == []
