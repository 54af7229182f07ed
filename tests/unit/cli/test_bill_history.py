"""`onyx bills history` and `onyx bills changes`."""

HISTORY = "/v1/cost-center/bills/cur.2026-09/history"
CHANGES = "/v1/cost-center/bills/cur.2026-09/changes"
TOTAL = {"currency": "USD", "raw_total": "1.5", "curated_total": "1.5", "difference": "0"}
SET = {
    "published_at": "2026-10-03T09:00:00Z",
    "delivery_id": "d1",
    "status": "ingested",
    "format": "aws-cur-csv",
    "files": ["cur.csv"],
    "rows": 3,
    "totals": [TOTAL, {**TOTAL, "currency": "EUR"}],
    "kept": True,
}
CHANGE = {
    "service_name": "AmazonEC2",
    "sub_account_id": "222222222222",
    "charge_category": "Usage",
    "currency": "USD",
    "before": "1",
    "after": "3.000000000000000001",
    "difference": "2.000000000000000001",
}
OTHERS = {"currency": "USD", "before": "7", "after": "5", "difference": "-2"}
ANSWER = {
    "bill_id": "cur.2026-09",
    "current": {**SET, "published_at": "2026-10-04T09:00:00Z"},
    "previous": SET,
    "totals": [{"currency": "USD", "before": "8", "after": "8.5", "difference": "0.5"}],
    "largest": [CHANGE],
    "others": [OTHERS],
    "count": 42,
    "known": True,
    "document_url": "https://signed",
}


def test_history_is_one_row_per_set_and_currency(onyx):
    onyx.platform.on("GET", HISTORY, {"rows": [SET, {**SET, "kept": False, "totals": []}]})
    out = onyx("bills", "history", "cur.2026-09", "--tenant", "acme", "--format", "csv").out.splitlines()
    assert out == [
        "published_at,status,rows,currency,raw_total,curated_total,kept,delivery_id,files",
        "2026-10-03T09:00:00Z,ingested,3,USD,1.5,1.5,true,d1,cur.csv",
        "2026-10-03T09:00:00Z,ingested,3,EUR,1.5,1.5,true,d1,cur.csv",
        "2026-10-03T09:00:00Z,ingested,3,,,,false,d1,cur.csv",
    ]
    assert onyx("bills", "--tenant", "acme", "history", "cur.2026-09", "-f", "json").rows[0] == SET


def test_changes_list_the_largest_and_sum_the_others(onyx):
    onyx.platform.on("GET", CHANGES, ANSWER)
    outcome = onyx("bills", "changes", "cur.2026-09", "--tenant", "acme", "--to", "2026-10-04T09:00:00Z")
    assert "published 2026-10-03T09:00:00Z, restated 2026-10-04T09:00:00Z" in outcome.out
    assert "8 -> 8.5 USD (+0.5)" in outcome.out
    assert "2.000000000000000001" in outcome.out
    assert "(41 others)" in outcome.out
    assert onyx.platform.requests[-1].url.params["to"] == "2026-10-04T09:00:00Z"
    rows = onyx("bills", "changes", "cur.2026-09", "--tenant", "acme", "--format", "json").rows
    assert rows == [CHANGE, {"service_name": "(41 others)", **OTHERS}]


def test_a_set_before_that_could_not_be_read_is_said(onyx):
    unknown = {"largest": [], "others": [], "count": 0, "known": False, "document_url": None}
    onyx.platform.on("GET", CHANGES, {**ANSWER, **unknown})
    assert "could not be read" in onyx("bills", "changes", "cur.2026-09", "--tenant", "acme").out


def test_changes_between_two_sets(onyx):
    onyx.platform.on("GET", CHANGES, {**ANSWER, "document_url": None})
    given = ("--from", "2026-10-01T09:00:00Z", "--to", "2026-10-04T09:00:00Z")
    outcome = onyx("bills", "changes", "cur.2026-09", "--tenant", "acme", *given)
    params = onyx.platform.requests[-1].url.params
    assert (params["from"], params["to"]) == ("2026-10-01T09:00:00Z", "2026-10-04T09:00:00Z")
    assert "could not be read" not in outcome.out
