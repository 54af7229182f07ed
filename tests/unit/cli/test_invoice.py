"""`onyx invoice`, and what `onyx bills` shows of invoices and of bills that are overdue."""

import json
from typing import Any

import httpx
import pytest

BILLS, PATH = "/v1/cost-center/bills", "/v1/cost-center/invoices"
ENTERED: dict[str, Any] = {
    "invoice": "2026/7",
    "billing_account": "1",
    "billing_period": "2026-10",
    "currency": "USD",
    "total": "10.1",
    "entered_at": "2026-11-05T00:00:00Z",
    "entered_by": "ada",
}
MATCH = {
    **{key: ENTERED[key] for key in ("invoice", "billing_account", "billing_period", "currency")},
    "rows": 3,
    "bill_total": "10.104",
    "invoice_total": "10.1",
    "difference": "0.004",
    "matches": True,
}
BILL: dict[str, Any] = {
    "bill_id": "aws.2026-10",
    "source": "aws",
    "format": "aws-cur-csv",
    "billing_period": "2026-10",
    "files": ["b.csv"],
    "rows": 3,
    "totals": [],
    "status": "restated",
    "reasons": [],
    "overdue": [],
}
LATE = {
    "source": "aws",
    "billing_period": "2026-10",
    "bill_id": "aws.2026-10",
    "cause": "late",
    "since": "2026-10-13T06:00:00Z",
    "last_delivered_at": "2026-10-11T06:00:00Z",
    "reason": "it last came long ago",
}
MISSING = {**LATE, "billing_period": "2026-09", "bill_id": "aws.2026-09", "cause": "missing"}


def sent(onyx) -> list[tuple[str, Any]]:
    """(path, body) of each invoice entered."""
    put = [each for each in onyx.platform.requests if each.method == "PUT"]
    return [(each.url.raw_path.decode(), json.loads(each.content)) for each in put]


def test_a_total_is_entered_as_it_was_written(onyx):
    onyx.platform.on("PUT", f"{PATH}/2026/7", ENTERED, 201)
    done = onyx(
        *("invoice", "set", "2026/7", "--account", "1", "--period", "2026-10", "--total", "10.10"),
        *("--tenant", "acme", "--format", "json"),
    )
    assert (done.code, done.rows) == (0, [ENTERED])
    body = {"billing_account": "1", "billing_period": "2026-10", "currency": "USD", "total": "10.10"}
    assert sent(onyx) == [(f"{PATH}/2026%2F7", body)]


def test_help_says_which_total_is_meant(onyx):
    told = " ".join(onyx("invoice", "set", "--help").out.split())
    assert "grand total: with tax, support, credits and refunds" in told


def test_a_file_of_invoices_is_read_before_the_first_is_entered(onyx, tmp_path):
    onyx.platform.on("PUT", f"{PATH}/i1", ENTERED)
    onyx.platform.on("PUT", f"{PATH}/i2", ENTERED)
    file = tmp_path / "invoices.csv"
    file.write_text(
        "\ufefftotal,invoice,billing_account,billing_period,currency\n"
        "1.50,i1,a,2026-10,USD\n2,i2,b,2026-10,EUR\n"
    )
    assert len(onyx("invoice", "load", str(file), "--tenant", "acme", "--format", "json").rows) == 2
    assert [(path, body["total"], body["currency"]) for path, body in sent(onyx)] == [
        (f"{PATH}/i1", "1.50", "USD"),
        (f"{PATH}/i2", "2", "EUR"),
    ]
    onyx.platform.requests.clear()
    for content, told in (
        ("invoice,total\ni1,1\n", "no column billing_account, billing_period, currency"),
        (file.read_text()[1:] + "3,,a,2026-10,USD\n", "line 4: invoice is empty"),
        (file.read_text()[1:] + "3\n", "line 4: invoice, billing_account, billing_period, currency is empty"),
    ):
        file.write_text(content)
        done = onyx("invoice", "load", str(file), "--tenant", "acme")
        assert done.code == 1
        assert told in done.err
    assert sent(onyx) == []
    assert "No such file" in onyx("invoice", "load", str(tmp_path / "no.csv"), "--tenant", "acme").err


def test_a_row_that_is_refused_is_named(onyx, tmp_path):
    onyx.platform.on("PUT", f"{PATH}/i1", {"detail": "currency 'usd' is not", "code": "INVALID_INVOICE"}, 400)
    file = tmp_path / "invoices.csv"
    file.write_text("invoice,billing_account,billing_period,currency,total\ni1,a,2026-10,usd,1\n")
    done = onyx("invoice", "load", str(file), "--tenant", "acme")
    assert done.code == 1
    assert "invoices.csv, line 2: currency 'usd' is not" in done.err


def test_invoices_are_listed_and_removed(onyx):
    onyx.platform.on("GET", PATH, {"rows": [ENTERED], "cursor": None})
    assert onyx("invoice", "list", "--period", "2026-10", "--tenant", "acme", "--format", "json").rows == [
        ENTERED
    ]
    assert onyx.platform.requests[-1].url.params["billing_period"] == "2026-10"
    onyx.platform.on("DELETE", f"{PATH}/2026/7", ENTERED)
    done = onyx("invoice", "remove", "2026/7", "--account", "1", "--period", "2026-10", "--tenant", "acme")
    assert done.code == 0
    query = dict(onyx.platform.requests[-1].url.params)
    assert query == {"billing_account": "1", "billing_period": "2026-10", "currency": "USD"}


@pytest.fixture
def reconciled(onyx):
    onyx.platform.on("GET", f"{BILLS}/aws.2026-10", {**BILL, "overdue": [LATE]})
    onyx.platform.on("GET", f"{BILLS}/aws.2026-10/reconciliation", {"rows": [], "invoices": [MATCH]})
    return onyx


def test_a_bill_is_shown_with_its_invoices(reconciled):
    lines = reconciled("bills", "show", "aws.2026-10", "--tenant", "acme").out.splitlines()
    assert lines[0] == "aws.2026-10: restated, overdue since 2026-10-13T06:00:00Z, aws-cur-csv"
    assert lines[1] == "  overdue: it last came long ago"
    at = lines.index("Invoices:")
    assert lines[at + 1].split()[-4:] == ["bill_total", "invoice_total", "difference", "matches"]
    assert lines[at + 3].split()[-4:] == ["10.104", "10.1", "0.004", "true"]
    told = json.loads(reconciled("bills", "show", "aws.2026-10", "--tenant", "acme", "--format", "json").out)
    assert told == {"rows": [], "invoices": [MATCH]}
    assert reconciled(
        "invoice", "list", "--bill", "aws.2026-10", "--tenant", "acme", "--format", "json"
    ).rows == [MATCH]


def test_overdue_bills_are_listed_also_those_that_never_came(onyx):
    bill = {**BILL, "overdue": [LATE]}
    pages = {
        None: {"rows": [bill], "cursor": "next", "overdue": [LATE, MISSING]},
        "next": {"rows": [{**BILL, "bill_id": "b.2026-10", "source": "b"}], "cursor": None, "overdue": []},
    }
    onyx.platform.routes["GET", BILLS] = lambda request: httpx.Response(
        200, json=pages[request.url.params.get("cursor")]
    )
    onyx.platform.on("GET", "/v1/cost-center/deliveries", {"rows": [], "cursor": None})
    rows = onyx("bills", "--tenant", "acme", "--format", "json").rows
    assert [(row["bill_id"], row["status"]) for row in rows] == [
        ("aws.2026-10", "restated"),
        ("b.2026-10", "restated"),
        ("aws.2026-09", "overdue"),
    ]
    assert set(BILL) <= rows[2].keys()
    table = onyx("bills", "--tenant", "acme").out
    assert "restated, overdue since 2026-10-13T06:00:00Z" in table
    assert "  overdue since 2026-10-13T06:00:00Z" in table
    onyx("bills", "--tenant", "acme", "--status", "overdue")
    assert onyx.platform.requests[-1].url.params["status"] == "overdue"
    only = onyx("bills", "--tenant", "acme", "--status", "restated", "--format", "json").rows
    assert [row["bill_id"] for row in only] == ["aws.2026-10", "b.2026-10"]
