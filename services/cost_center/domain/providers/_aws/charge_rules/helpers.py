"""The few things that one row's SQL cannot say."""

from services.cost_center.domain import tags
from services.cost_center.domain.charges import (
    ColumnMap,
    Helper,
    Lookup,
    Netting,
    Product,
    Share,
    TagKeys,
    Twice,
)
from services.cost_center.domain.providers._aws.charge_rules.phrases import (
    BEFORE_BUNDLE,
    BUNDLE,
    LEASE_UNUSED,
    PLAN_UNUSED,
)
from services.cost_center.domain.providers._aws.cur_columns import MONEY
from services.cost_center.domain.providers._aws.service_categories import SERVICE_CATEGORIES


def _commitment(net: str) -> str:
    """What a savings plan costs in the row's period, or NULL where the bill does not say."""
    recurring = f"savings_plan_{net}recurring_commitment_for_billing_period"
    upfront = f"savings_plan_{net}amortized_upfront_commitment_for_billing_period"
    return f"""
        CASE WHEN {recurring} IS NULL AND {upfront} IS NULL THEN NULL
             ELSE COALESCE({recurring}, 0) + COALESCE({upfront}, 0) END
    """


HELPERS: tuple[Helper, ...] = (
    Product(
        name="list_rate_times_usage",
        left="pricing_public_on_demand_rate",
        right="line_item_usage_amount",
        needed="pricing_public_on_demand_cost IS NULL",
    ),
    Twice(
        "unused_part",
        needed=f"""
            (line_item_line_item_type = 'SavingsPlanRecurringFee' AND {PLAN_UNUSED} <> 0)
            OR (line_item_line_item_type = 'RIFee' AND {LEASE_UNUSED} <> 0)
        """,
    ),
    # An enterprise discount is on the fee, and so on what was lost of it; no column says the latter.
    Share(
        "net_plan_unused",
        amount=PLAN_UNUSED,
        part=_commitment("net_"),
        whole=_commitment(""),
        needed="line_item_line_item_type = 'SavingsPlanRecurringFee'",
    ),
    Share(
        "reserved_hours",
        amount="line_item_usage_amount",
        part="""
            CASE WHEN pricing_lease_contract_length = '1yr' THEN 8760
                 WHEN pricing_lease_contract_length = '3yr' THEN 26280
                 ELSE NULL END
        """,
        whole="1",
        needed="line_item_line_item_type = 'Fee'",
    ),
    # No rate of the report is before the bundled discount and after the negotiated ones.
    Share(
        "price_before_bundle",
        amount=BEFORE_BUNDLE,
        part="1",
        whole="line_item_usage_amount",
        needed=f"{BUNDLE} <> 0 AND line_item_net_unblended_cost IS NOT NULL",
    ),
    # Reserved usage has no price after an enterprise discount: what the discount left of the reservation's
    # own cost, it leaves of the on-demand price.
    *(
        Share(
            name,
            amount=amount,
            part="reservation_net_effective_cost",
            whole="reservation_effective_cost",
            needed="line_item_line_item_type = 'DiscountedUsage'"
            " AND reservation_net_effective_cost <> reservation_effective_cost",
        )
        for name, amount in (
            ("reserved_contracted", "COALESCE(pricing_public_on_demand_cost, list_rate_times_usage)"),
            ("reserved_contracted_price", "pricing_public_on_demand_rate"),
        )
    ),
    # A savings plan pays for covered usage: AWS bills the usage at its on-demand cost and takes it back in
    # SavingsPlanNegation rows. Within an account and service of an invoice the two are netted.
    Netting(
        matched="netted",
        residual="netting_residual",
        kind="line_item_line_item_type",
        covered="SavingsPlanCoveredUsage",
        negating="SavingsPlanNegation",
        cost=MONEY.cost,
        keys=(
            "bill_payer_account_id",
            "bill_billing_period_start_date",
            "bill_invoice_id",
            "line_item_currency_code",
            "line_item_usage_account_id",
            "line_item_product_code",
        ),
    ),
    Lookup("service_category", key="line_item_product_code", table=SERVICE_CATEGORIES),
)


TAG_SOURCES = ("resourceTags/", "iamPrincipal/", "userAttribute/", "accountTag/", "costCategory/")
"""What the keys of `tags` begin with, the nearest to the resource first: where two sources have one key, a
resource's own tag is believed before its caller's, its user's and its account's."""


def maps(
    tags_beside: str | None = None, categories_beside: str | None = None, tags_last: str | None = None
) -> tuple[Helper, ...]:
    """The helpers of tags and cost categories: a column for each, and the map columns that CUR 2.0 has."""
    return (
        ColumnMap(
            "original_tags",
            "resource_tags_",
            ("resourceTags/", "resource_tags_"),
            tags_beside,
            tags_last,
            TAG_SOURCES if tags_last else (),
        ),
        TagKeys("normal_tags", "original_tags", tags.AWS),
        ColumnMap(
            "cost_categories", "cost_category_", ("costCategory/", "cost_category_"), categories_beside
        ),
    )
