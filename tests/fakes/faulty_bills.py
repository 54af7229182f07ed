"""Small bills of several sources, for deliveries that meet faults."""

from collections.abc import Callable

from tests.fakes.cost_center_bills import FOCUS_ROW, csv_bytes, cur_rows

AUGUST = {
    "bill/BillingPeriodStartDate": "2026-08-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-09-01T00:00:00Z",
}


def cur(payer: int, rows: int, *, august: bool = False) -> bytes:
    account = {"bill/PayerAccountId": f"{payer:012d}"}
    return csv_bytes(cur_rows(rows, **account) + (cur_rows(rows, **account, **AUGUST) if august else []))


def focus(rows: int) -> bytes:
    return csv_bytes([{**FOCUS_ROW, "BillingAccountId": "9", "BilledCost": f"{n}.5"} for n in range(rows)])


# Each source has a payer of its own, so that none is kept out by another, which goes by who came first.
DELIVERIES: dict[str, Callable[[int], bytes]] = {
    "aws": lambda rows: cur(1, rows),
    "other": lambda rows: cur(2, rows, august=True),
    "focus": focus,
    "bad": lambda rows: b"this,is\nno,bill\n" * rows,
}
