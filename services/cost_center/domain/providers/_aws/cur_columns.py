"""The columns of AWS's Cost and Usage Reports by their Athena names: types, and what must be there."""

import re

from services.cost_center.domain.tables import ColumnType, MoneyColumns

MONEY = MoneyColumns(
    cost=("line_item_net_unblended_cost", "line_item_unblended_cost"),
    account="bill_payer_account_id",
    sub_account="line_item_usage_account_id",
    period_start="bill_billing_period_start_date",
    period_end="bill_billing_period_end_date",
    invoice="bill_invoice_id",
    currency="line_item_currency_code",
)

REQUIRED: tuple[tuple[str, bool], ...] = (
    ("bill_payer_account_id", True),
    ("bill_billing_period_start_date", True),
    ("bill_billing_period_end_date", True),
    ("line_item_usage_account_id", False),
    ("line_item_line_item_type", True),
    ("line_item_usage_start_date", True),
    ("line_item_usage_end_date", True),
    ("line_item_product_code", False),
    ("line_item_unblended_cost", True),
    ("line_item_currency_code", True),
)
"""Columns that a report must have, and whether each row must have a value there."""

NULL_NUMBERS = frozenset({"None"})
"""What tools that make reports (koku-nise) write where a row has no number. A tag may say so."""

_TIMESTAMPS = frozenset(
    {
        "bill_billing_period_start_date",
        "bill_billing_period_end_date",
        "line_item_usage_start_date",
        "line_item_usage_end_date",
    }
)

# The AWS CUR dictionary's costs, rates and quantities: double in Athena, exact decimals here.
# What the dictionary lists as a number and reports as text (units per reservation, for one) stays text.
_DECIMALS = re.compile(
    r"""
      line_item_(?:usage_amount|normalization_factor|normalized_usage_amount)
    | line_item_(?:net_)?(?:unblended|blended)_(?:cost|rate)
    | pricing_public_on_demand_(?:cost|rate)
    | reservation_(?:net_)?(?:
          amortized_upfront_cost_for_usage
        | amortized_upfront_fee_for_billing_period
        | effective_cost
        | recurring_fee_for_usage
        | unused_amortized_upfront_fee_for_billing_period
        | unused_recurring_fee
        | unused_quantity
        | unused_normalized_unit_quantity
        | upfront_value
      )
    | savings_plan_(?:net_)?(?:
          total_commitment_to_date
        | savings_plan_rate
        | used_commitment
        | savings_plan_effective_cost
        | amortized_upfront_commitment_for_billing_period
        | recurring_commitment_for_billing_period
      )
    | split_line_item_(?:actual_usage|reserved_usage|split_usage|split_usage_ratio
        |(?:net_|public_on_demand_)?(?:split|unused)_cost)
    | discount_\w+
    """,
    re.VERBOSE,
)


def column_type(name: str) -> ColumnType:
    """The type of a column by its Athena name. Source: AWS CUR data dictionary."""
    if name in _TIMESTAMPS:
        return ColumnType.TIMESTAMP
    if _DECIMALS.fullmatch(name):
        return ColumnType.DECIMAL
    return ColumnType.STRING
