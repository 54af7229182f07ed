"""What the columns of a Cost and Usage Report hold, by their Athena names: legacy and 2.0 mean the same by
them.

Source: the AWS Cost and Usage Report data dictionary, and the CUR 2.0 table dictionary of AWS Data
Exports.
"""

import re

import polars as pl

from infra.demo.catalogue import AWS
from infra.demo.discounts import COLUMNS, LINES
from infra.demo.formats.context import Context, amount
from infra.demo.money import decimal, share_expr

_NO_REGION = pl.lit(None, pl.String)


def columns(context: Context) -> dict[str, pl.Expr]:
    """Athena name -> text, exact decimal or timestamp. What a month's lines never have is not here."""
    month = context.month
    usage = pl.col("kind").is_in(["Usage", "SavingsPlanCoveredUsage", "DiscountedUsage"])
    plan, lease = pl.col("is_plan"), pl.col("arn").is_not_null() & ~pl.col("is_plan")
    return {
        "identity_line_item_id": pl.col("id"),
        "identity_time_interval": pl.format("{}/{}", pl.col("start_text"), pl.col("end_text")),
        "bill_invoice_id": pl.col("invoice"),
        "bill_invoicing_entity": pl.lit(AWS),
        "bill_billing_entity": pl.col("entity"),
        "bill_bill_type": pl.lit("Anniversary"),
        "bill_payer_account_id": pl.lit(context.world.payer.id),
        "bill_payer_account_name": pl.lit(context.world.payer.name),
        "bill_billing_period_start_date": pl.lit(month.first).cast(pl.Datetime("us")),
        "bill_billing_period_end_date": pl.lit(month.end).cast(pl.Datetime("us")),
        "line_item_usage_account_id": pl.col("account"),
        "line_item_usage_account_name": pl.col("account_name"),
        "line_item_line_item_type": pl.col("kind"),
        "line_item_usage_start_date": pl.col("start"),
        "line_item_usage_end_date": pl.col("end"),
        "line_item_product_code": pl.col("product"),
        "line_item_usage_type": pl.col("usage_type"),
        "line_item_operation": pl.col("operation"),
        "line_item_availability_zone": pl.col("zone"),
        "line_item_resource_id": pl.col("resource"),
        "line_item_usage_amount": amount("quantity"),
        "line_item_currency_code": pl.lit("USD"),
        "line_item_unblended_rate": amount("rate"),
        "line_item_unblended_cost": amount("cost"),
        "line_item_blended_rate": amount("rate"),
        "line_item_blended_cost": amount("cost"),
        "line_item_line_item_description": pl.col("description"),
        "line_item_tax_type": pl.col("tax_type"),
        "line_item_legal_entity": pl.col("legal"),
        "product_product_name": pl.col("name"),
        "product_instance_type": pl.col("instance_type"),
        "product_location": pl.col("region_name"),
        "product_product_family": pl.col("family"),
        "product_region": pl.col("region"),
        "product_region_code": pl.col("region"),
        "product_servicecode": pl.col("product"),
        "product_sku": pl.col("sku"),
        "product_usagetype": pl.col("usage_type"),
        "product_operation": pl.col("operation"),
        "pricing_rate_code": pl.format("{}.JRTCKXETXF.6YS6EN2CT7", pl.col("sku")),
        "pricing_currency": pl.lit("USD"),
        "pricing_public_on_demand_cost": amount("list_cost"),
        "pricing_public_on_demand_rate": pl.when(usage).then(amount("list_rate")),
        "pricing_term": pl.col("term"),
        "pricing_unit": pl.col("unit"),
        "pricing_lease_contract_length": pl.when(lease).then(pl.lit("1yr")),
        "pricing_offering_class": pl.when(lease).then(pl.lit("standard")),
        "reservation_amortized_upfront_cost_for_usage": amount("lease_upfront"),
        "reservation_amortized_upfront_fee_for_billing_period": amount("lease_fee_upfront"),
        "reservation_effective_cost": amount("lease_effective"),
        "reservation_recurring_fee_for_usage": amount("lease_recurring"),
        "reservation_reservation_a_r_n": pl.when(lease).then(pl.col("arn")),
        "reservation_unused_amortized_upfront_fee_for_billing_period": amount("lease_unused_upfront"),
        "reservation_unused_quantity": amount("lease_unused"),
        "reservation_unused_recurring_fee": amount("lease_unused_recurring"),
        "savings_plan_savings_plan_a_r_n": pl.when(plan).then(pl.col("arn")),
        "savings_plan_savings_plan_effective_cost": amount("plan_effective"),
        "savings_plan_savings_plan_rate": amount("plan_rate"),
        "savings_plan_total_commitment_to_date": amount("plan_total"),
        "savings_plan_used_commitment": amount("plan_used"),
        "savings_plan_amortized_upfront_commitment_for_billing_period": amount("plan_upfront"),
        "savings_plan_recurring_commitment_for_billing_period": amount("plan_recurring"),
        **(_net_columns(context) if context.spec.net else {}),
        **(_rare_columns() if context.spec.rare else {}),
    }


def _net_columns(context: Context) -> dict[str, pl.Expr]:
    """What an enterprise discount adds: each amount after it, and the discount itself."""

    def net(column: str) -> pl.Expr:
        kept = 10_000 - context.spec.edp_basis_points
        return decimal(share_expr(pl.col(column), kept, 10_000))

    left = 10_000 - pl.col("off_points").fill_null(0)
    rate = share_expr(pl.col("rate"), left, 10_000) if context.spec.rare else pl.col("rate")
    net_rate = decimal(share_expr(rate, 10_000 - context.spec.edp_basis_points, 10_000))
    discounted = ~pl.col("kind").is_in(LINES)
    return {
        "line_item_net_unblended_cost": amount("net"),
        "line_item_net_unblended_rate": pl.when(pl.col("net") != pl.col("cost"))
        .then(net_rate)
        .otherwise(amount("rate")),
        "discount_edp_discount": pl.when(discounted).then(decimal(enterprise_discount())),
        "discount_total_discount": pl.when(discounted).then(decimal(pl.col("net") - pl.col("cost"))),
        "reservation_net_amortized_upfront_cost_for_usage": net("lease_upfront"),
        "reservation_net_amortized_upfront_fee_for_billing_period": net("lease_fee_upfront"),
        "reservation_net_effective_cost": pl.when(pl.col("kind") == "DiscountedUsage").then(
            amount("effective")
        ),
        "reservation_net_recurring_fee_for_usage": net("lease_recurring"),
        "reservation_net_unused_amortized_upfront_fee_for_billing_period": net("lease_unused_upfront"),
        "reservation_net_unused_recurring_fee": net("lease_unused_recurring"),
        "savings_plan_net_savings_plan_effective_cost": net("plan_effective"),
        "savings_plan_net_amortized_upfront_commitment_for_billing_period": net("plan_upfront"),
        "savings_plan_net_recurring_commitment_for_billing_period": net("plan_recurring"),
    }


def enterprise_discount() -> pl.Expr:
    """What it takes off, below 0: all that no other discount takes."""
    return pl.col("net") - pl.col("cost") + pl.col("off").fill_null(0)


SPLIT: dict[str, str] = {
    "ActualUsage": "split_actual",
    "NetSplitCost": "split_net_cost",
    "NetUnusedCost": "split_net_unused",
    "PublicOnDemandSplitCost": "split_public_cost",
    "PublicOnDemandUnusedCost": "split_public_unused",
    "ReservedUsage": "split_reserved",
    "SplitCost": "split_cost",
    "SplitUsage": "split_usage",
    "SplitUsageRatio": "split_ratio",
    "UnusedCost": "split_unused",
}
"""The legacy report's names of what a container had of its instance."""


def _rare_columns() -> dict[str, pl.Expr]:
    """What is there only where split cost allocation or such a discount is."""
    found = {"split_line_item_parent_resource_id": pl.col("split_parent")}
    found |= {
        "split_line_item_" + re.sub("(?<!^)([A-Z])", r"_\1", name).lower(): amount(column)
        for name, column in SPLIT.items()
    }
    for kind, column in COLUMNS.items():
        found[column] = decimal(pl.when(pl.col("off_kind") == kind).then(-pl.col("off")))
    return found
