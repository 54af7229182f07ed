"""AWS CUR 2.0 (Data Exports, table COST_AND_USAGE_REPORT): a fixed list of columns, four of which are
maps.

Source: the CUR 2.0 table dictionary. Every column of it is in the file, empty where the bill has
nothing to say. In csv a map is its JSON text, in parquet a real map.
"""

import re

import polars as pl

from infra.demo.discounts import BUNDLED
from infra.demo.discounts import COLUMNS as KINDS
from infra.demo.formats import aws
from infra.demo.formats.context import Context, entries, json_object
from infra.demo.money import decimal
from infra.demo.world import TAGS

MAPS = ("cost_category", "discount", "product", "resource_tags")

_SECTIONS: dict[str, str] = {
    "bill": """
        bill_type billing_entity billing_period_end_date billing_period_start_date invoice_id
        invoicing_entity payer_account_id payer_account_name
    """,
    "": "cost_category discount",
    "discount": "bundled_discount total_discount",
    "identity": "line_item_id time_interval",
    "line_item": """
        availability_zone blended_cost blended_rate currency_code legal_entity line_item_description
        line_item_type net_unblended_cost net_unblended_rate normalization_factor normalized_usage_amount
        operation product_code resource_id tax_type unblended_cost unblended_rate usage_account_id
        usage_account_name usage_amount usage_end_date usage_start_date usage_type
    """,
    "pricing": """
        currency lease_contract_length offering_class public_on_demand_cost public_on_demand_rate
        purchase_option rate_code rate_id term unit
    """,
    " ": "product",
    "product": """
        comment fee_code fee_description from_location from_location_type from_region_code instance_family
        instance_type instancesku location location_type operation pricing_unit product_family region_code
        servicecode sku to_location to_location_type to_region_code usagetype
    """,
    "reservation": """
        amortized_upfront_cost_for_usage amortized_upfront_fee_for_billing_period availability_zone
        effective_cost end_time modification_status net_amortized_upfront_cost_for_usage
        net_amortized_upfront_fee_for_billing_period net_effective_cost net_recurring_fee_for_usage
        net_unused_amortized_upfront_fee_for_billing_period net_unused_recurring_fee net_upfront_value
        normalized_units_per_reservation number_of_reservations recurring_fee_for_usage reservation_a_r_n
        start_time subscription_id total_reserved_normalized_units total_reserved_units
        units_per_reservation unused_amortized_upfront_fee_for_billing_period
        unused_normalized_unit_quantity unused_quantity unused_recurring_fee upfront_value
    """,
    "  ": "resource_tags",
    "savings_plan": """
        amortized_upfront_commitment_for_billing_period end_time instance_type_family
        net_amortized_upfront_commitment_for_billing_period net_recurring_commitment_for_billing_period
        net_savings_plan_effective_cost offering_type payment_option purchase_term
        recurring_commitment_for_billing_period region savings_plan_a_r_n savings_plan_effective_cost
        savings_plan_rate start_time total_commitment_to_date used_commitment
    """,
}
COLUMNS: tuple[str, ...] = tuple(
    f"{section}_{name}" if section.strip() else name
    for section, names in _SECTIONS.items()
    for name in names.split()
)
_SPLIT = (
    "split_line_item_parent_resource_id",
    *("split_line_item_" + re.sub("(?<!^)([A-Z])", r"_\1", name).lower() for name in aws.SPLIT),
)
"""There only where the export includes split cost allocation data."""

_NUMBERS = ("_cost", "_rate", "_factor", "_amount", "_discount", "_value", "_quantity", "_fee", "_for_usage")


def columns(context: Context, *, athena: bool) -> dict[str, pl.Expr]:
    """Column -> value. `athena` is parquet: maps as structs of their keys, and timestamps."""
    held = aws.columns(context) | _maps(context, as_entries=athena)
    names = (*COLUMNS, *_SPLIT) if context.spec.rare else COLUMNS
    found = {name: held.get(name, _nothing(name)) for name in names}
    if athena:
        return found
    return {
        name: value.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        if name.endswith(("_start_date", "_end_date"))
        else value
        for name, value in found.items()
    }


def _nothing(name: str) -> pl.Expr:
    number = name.endswith(_NUMBERS) or name.endswith("_for_billing_period")
    return pl.lit(None, pl.Decimal(38, 10) if number else pl.String)


def _maps(context: Context, *, as_entries: bool) -> dict[str, pl.Expr]:
    """Keys as AWS writes them: words in lower case, joined by underscores, users' tags after `user_`."""
    discounts = {"edp_discount": _given(aws.enterprise_discount())}
    if context.spec.rare:
        for kind, column in KINDS.items():
            if kind != BUNDLED:  # it has a column of its own
                off = pl.when(pl.col("off_kind") == kind).then(-pl.col("off"))
                discounts[column.removeprefix("discount_")] = _given(off)
    pairs: dict[str, dict[str, pl.Expr]] = {
        "cost_category": {"cost_centre": pl.col("cost_centre")},
        "discount": discounts,
        "product": {
            "product_name": pl.col("name"),
            "servicename": pl.col("name"),
            "region": pl.col("region"),
            "instance_type": pl.col("instance_type"),
        },
        "resource_tags": {f"user_{key.lower()}": pl.col(f"tag_{key}") for key in TAGS},
    }
    make = entries if as_entries else json_object
    return {name: make(each) for name, each in pairs.items()}


def _given(discount: pl.Expr) -> pl.Expr:
    """A discount where there is one: never 0."""
    return pl.when(discount != 0).then(decimal(discount))
