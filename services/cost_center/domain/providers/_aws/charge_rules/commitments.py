"""Savings plans and reservations: what was bought, used and lost."""

from services.cost_center.domain.charges import Rule
from services.cost_center.domain.providers._aws.charge_rules.phrases import (
    ARN,
    NONE,
    NORMALIZED,
    PLAN_UNUSED,
    RI_ARN,
    SP_ARN,
)

COMMITMENTS = (
    Rule(
        "CommitmentDiscountCategory",
        f"CASE WHEN {SP_ARN} IS NOT NULL THEN 'Spend' WHEN {RI_ARN} IS NOT NULL THEN 'Usage' ELSE NULL END",
        "FOCUS CommitmentDiscountCategory; CUR savingsPlan/SavingsPlanARN, reservation/ReservationARN",
    ),
    Rule("CommitmentDiscountId", ARN, "FOCUS; CUR, the ARN"),
    Rule("CommitmentDiscountName", NONE, "FOCUS CommitmentDiscountName; CUR has no name"),
    Rule(
        "CommitmentDiscountType",
        f"""
        CASE
          WHEN {SP_ARN} IS NOT NULL THEN 'Savings Plan'
          WHEN {RI_ARN} IS NOT NULL THEN 'Reserved Instance'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountType; AWS terms",
    ),
    Rule(
        "CommitmentDiscountStatus",
        f"""
        CASE
          WHEN unused_part THEN 'Unused'
          WHEN {ARN} IS NOT NULL AND line_item_line_item_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'DiscountedUsage') THEN 'Used'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountStatus; CUR lineItem/LineItemType",
    ),
    Rule(
        "CommitmentDiscountQuantity",
        f"""
        CASE
          WHEN {ARN} IS NULL THEN NULL
          WHEN unused_part AND line_item_line_item_type = 'RIFee' THEN COALESCE(
            NULLIF(reservation_unused_normalized_unit_quantity, 0), reservation_unused_quantity)
          WHEN unused_part THEN {PLAN_UNUSED}
          WHEN line_item_line_item_type = 'SavingsPlanCoveredUsage' THEN
            savings_plan_savings_plan_effective_cost
          WHEN line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          WHEN line_item_line_item_type = 'SavingsPlanRecurringFee' THEN
            savings_plan_total_commitment_to_date
          WHEN line_item_line_item_type = 'SavingsPlanUpfrontFee' THEN line_item_unblended_cost
          WHEN line_item_line_item_type IN ('DiscountedUsage', 'RIFee') THEN
            COALESCE({NORMALIZED}, line_item_usage_amount)
          WHEN line_item_line_item_type = 'Fee' THEN COALESCE(reserved_hours, line_item_usage_amount)
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountQuantity: money for a savings plan; for a reservation hours, of the family's"
        " smallest size where the bill counts so (lineItem/NormalizedUsageAmount); a Fee is for its term",
    ),
    Rule(
        "CommitmentDiscountUnit",
        f"""
        CASE
          WHEN {ARN} IS NULL THEN NULL
          WHEN {SP_ARN} IS NOT NULL AND line_item_line_item_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'SavingsPlanRecurringFee',
            'SavingsPlanUpfrontFee') THEN line_item_currency_code
          WHEN line_item_line_item_type IN ('DiscountedUsage', 'RIFee') AND {NORMALIZED} IS NOT NULL
            THEN 'Normalized Hour'
          WHEN line_item_line_item_type IN ('DiscountedUsage', 'RIFee') THEN pricing_unit
          WHEN line_item_line_item_type = 'Fee' THEN 'Hrs'
          ELSE NULL
        END
        """,
        "FOCUS CommitmentDiscountUnit",
    ),
    Rule(
        "CapacityReservationId",
        "NULLIF(capacity_reservation_capacity_reservation_arn, '')",
        "FOCUS CapacityReservationId; CUR 2.0 only",
    ),
    Rule(
        "CapacityReservationStatus",
        """
        CASE
          WHEN LOWER(capacity_reservation_capacity_reservation_status) = 'used' THEN 'Used'
          WHEN LOWER(capacity_reservation_capacity_reservation_status) = 'unused' THEN 'Unused'
          ELSE NULL
        END
        """,
        "FOCUS CapacityReservationStatus; CUR 2.0 only",
    ),
)
