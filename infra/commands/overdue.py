"""Bills that should have come by now, as `onyx bills` shows them."""

from collections.abc import Sequence
from typing import Any

from infra.commands.api import Api, Params

Row = dict[str, Any]
PATH = "/v1/cost-center/bills"


def listed(api: Api, status: str | None) -> list[Row]:
    """All bills of the status; those that never came stand among the overdue ones, and in the whole list."""
    params: Params = [("status", status)] if status else []
    page = api.get(PATH, params)
    found, late = list(page["rows"]), page.get("overdue") or []
    while cursor := page.get("cursor"):
        page = api.get(PATH, [*params, ("cursor", cursor)])
        found += page["rows"]
    return [*found, *_absent(found, late)] if status in (None, "overdue") else found


def status_of(bill: Row) -> str:
    """The bill's status, and since when it is overdue, if so."""
    late = bill.get("overdue") or []
    if not late:
        return str(bill["status"])
    since = f"overdue since {min(each['since'] for each in late)}"
    return since if bill["status"] == "overdue" else f"{bill['status']}, {since}"


def reasons_of(bill: Row) -> list[str]:
    return [f"overdue: {each['reason']}" for each in bill.get("overdue") or []]


def _absent(found: Sequence[Row], late: Sequence[Row]) -> list[Row]:
    """A row for each bill that is not there, with the keys of one that is."""
    there = {bill["bill_id"] for bill in found}
    absent: dict[tuple[str, str | None], list[Row]] = {}
    for each in late:
        if each["bill_id"] not in there:
            absent.setdefault((each["source"], each["billing_period"]), []).append(each)
    return [
        {
            "bill_id": members[0]["bill_id"],
            "source": source,
            "format": None,
            "billing_period": period,
            "files": [],
            "rows": 0,
            "totals": [],
            "status": "overdue",
            "reasons": [],
            "published_at": None,
            "delivery_id": None,
            "overdue": members,
        }
        for (source, period), members in absent.items()
    ]
