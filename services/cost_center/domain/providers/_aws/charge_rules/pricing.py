"""Prices and quantities."""

from services.cost_center.domain.charges import Rule
from services.cost_center.domain.providers._aws.charge_rules.phrases import IS_SPLIT, IS_USAGE, NONE

PRICING = (
    Rule(
        "PricingCategory",
        """
        CASE
          WHEN unused_part OR line_item_line_item_type IN (
            'SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'DiscountedUsage') THEN 'Committed'
          WHEN line_item_line_item_type = 'Usage' AND line_item_usage_type LIKE '%SpotUsage%' THEN 'Dynamic'
          WHEN line_item_line_item_type IN (
            'Usage', 'Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee') THEN 'Standard'
          ELSE NULL
        END
        """,
        "FOCUS PricingCategory; CUR lineItem/LineItemType, lineItem/UsageType",
    ),
    Rule(
        "PricingQuantity",
        f"""
        CASE
          WHEN line_item_line_item_type = 'Tax' THEN NULL
          WHEN unused_part OR {IS_SPLIT} OR line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          ELSE line_item_usage_amount
        END
        """,
        "FOCUS PricingQuantity, null for tax; CUR lineItem/UsageAmount, which a negation repeats",
    ),
    Rule(
        "PricingUnit",
        "CASE WHEN line_item_line_item_type = 'Tax' THEN NULL ELSE pricing_unit END",
        "FOCUS PricingUnit, null for tax; CUR pricing/unit",
    ),
    Rule(
        "ConsumedQuantity",
        f"""
        CASE
          WHEN {IS_SPLIT} OR line_item_line_item_type = 'SavingsPlanNegation' THEN 0
          WHEN {IS_USAGE} THEN line_item_usage_amount
          ELSE NULL
        END
        """,
        "FOCUS ConsumedQuantity, for usage only; CUR lineItem/UsageAmount, which a negation repeats",
    ),
    Rule(
        "ConsumedUnit",
        f"CASE WHEN {IS_USAGE} THEN pricing_unit ELSE NULL END",
        "FOCUS ConsumedUnit, for usage only; CUR pricing/unit",
    ),
    Rule(
        "ListUnitPrice",
        """
        CASE WHEN COALESCE(pricing_currency, line_item_currency_code) = line_item_currency_code
                  AND NOT unused_part
             THEN pricing_public_on_demand_rate ELSE NULL END
        """,
        "FOCUS ListUnitPrice, in the billing currency; CUR pricing/publicOnDemandRate",
    ),
    Rule(
        "ContractedUnitPrice",
        """
        CASE
          WHEN unused_part THEN NULL
          WHEN line_item_line_item_type = 'DiscountedUsage' THEN COALESCE(
            reserved_contracted_price, pricing_public_on_demand_rate, line_item_unblended_rate)
          ELSE COALESCE(price_before_bundle, line_item_net_unblended_rate, line_item_unblended_rate)
        END
        """,
        "FOCUS ContractedUnitPrice; CUR lineItem/NetUnblendedRate, else lineItem/UnblendedRate; of reserved"
        " usage and before a bundled discount that of ContractedCost",
    ),
    Rule("SkuId", "product_sku", "FOCUS SkuId; CUR product/sku"),
    Rule("SkuPriceId", "pricing_rate_code", "FOCUS SkuPriceId; CUR pricing/RateCode"),
    Rule("SkuMeter", "line_item_usage_type", "FOCUS SkuMeter; CUR lineItem/UsageType"),
    Rule("SkuPriceDetails", NONE, "FOCUS SkuPriceDetails; the raw table has the product_ columns"),
)
