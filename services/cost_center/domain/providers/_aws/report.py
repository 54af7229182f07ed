"""Which of AWS's reports a header is: the legacy one or CUR 2.0, never both."""

from collections.abc import Sequence
from enum import StrEnum

from services.cost_center.domain.naming import athena_name

_SIGN = frozenset({"line_item_unblended_cost", "line_item_line_item_type", "bill_payer_account_id"})
_ENOUGH = 2
"""How many of the telling columns make a file a report, so that a missing one can be named."""

MAPS = frozenset({"product", "resource_tags", "cost_category", "discount", "tags"})
"""The columns of CUR 2.0 that are maps. The legacy report has a column per key instead."""
_ONLY_IN_2 = MAPS | {
    "bill_payer_account_name",
    "line_item_usage_account_name",
    "line_item_iam_principal",
    "line_item_user_identifier",
    "capacity_reservation_capacity_reservation_arn",
    "capacity_reservation_capacity_reservation_status",
    "capacity_reservation_capacity_reservation_type",
}
"""Columns of CUR 2.0 by the names that it has them under; the legacy report has none of them. Source: AWS
Data Exports user guide, CUR 2.0 table dictionary, and "Migrating from CUR to Data Exports CUR 2.0"."""


class Report(StrEnum):
    """AWS's cost and usage reports."""

    LEGACY = "legacy"
    CUR_2 = "2.0"


def report(headers: Sequence[str]) -> Report | None:
    """The report that has these headers; None where it is none of AWS's."""
    if len(_SIGN & {athena_name(header) for header in headers}) < _ENOUGH:
        return None
    return Report.CUR_2 if _ONLY_IN_2 & set(headers) else Report.LEGACY
