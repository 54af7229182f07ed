"""What kind of charge it is, and of when."""

from services.cost_center.domain.charges import Rule
from services.cost_center.domain.providers._aws.charge_rules.phrases import IS_PURCHASE, IS_USAGE

CHARGE = (
    Rule(
        "ChargeCategory",
        f"""
        CASE
          WHEN unused_part OR {IS_USAGE} THEN 'Usage'
          WHEN {IS_PURCHASE} THEN 'Purchase'
          WHEN line_item_line_item_type = 'Tax' THEN 'Tax'
          WHEN line_item_line_item_type = 'Credit' THEN 'Credit'
          ELSE 'Adjustment'
        END
        """,
        "FOCUS ChargeCategory; CUR lineItem/LineItemType",
    ),
    Rule(
        "ChargeClass",
        "CASE WHEN line_item_line_item_type = 'Refund' THEN 'Correction' ELSE NULL END",
        "FOCUS ChargeClass; CUR lineItem/LineItemType Refund",
    ),
    Rule("ChargeDescription", "line_item_line_item_description", "FOCUS; CUR lineItem/LineItemDescription"),
    Rule(
        "ChargeFrequency",
        f"""
        CASE
          WHEN unused_part OR {IS_USAGE} THEN 'Usage-Based'
          WHEN line_item_line_item_type IN ('RIFee', 'SavingsPlanRecurringFee') THEN 'Recurring'
          ELSE 'One-Time'
        END
        """,
        "FOCUS ChargeFrequency; CUR lineItem/LineItemType",
    ),
    Rule("BillingPeriodStart", "bill_billing_period_start_date", "FOCUS; CUR bill/BillingPeriodStartDate"),
    Rule("BillingPeriodEnd", "bill_billing_period_end_date", "FOCUS; CUR bill/BillingPeriodEndDate"),
    Rule("ChargePeriodStart", "line_item_usage_start_date", "FOCUS; CUR lineItem/UsageStartDate"),
    Rule("ChargePeriodEnd", "line_item_usage_end_date", "FOCUS; CUR lineItem/UsageEndDate"),
)
