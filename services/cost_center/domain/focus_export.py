"""`charges` -> a FOCUS 1.2 dataset without a MUST failure: one rule per column that bills leave open.

How to read it: each stage sees the values that the stage before made. A rule gives the column, the expression
over `charges` and the requirements of the specification that it keeps. Columns without a rule go out as they
are. No rule changes the sum of a cost column; what is not known is filled with what the row says of it
(an account without a name is called by its id), never with a made-up word.
"""

from services.cost_center.domain.charges import COLUMNS as CHARGE_COLUMNS
from services.cost_center.domain.charges import Rule
from services.cost_center.domain.focus_columns import COLUMNS as FOCUS_COLUMNS
from services.cost_center.domain.focus_services import SUBCATEGORIES
from services.cost_center.domain.tables import ColumnSpec, ColumnType

ISSUER = "x_InvoiceIssuerName"
"""The invoice's issuer by its own name: InvoiceIssuerName must be the provider's where money is due."""

ORIGINAL_TAGS = "x_OriginalTags"
"""What `Tags` is written from: FOCUS wants the keys of users as they are."""
COLUMNS: tuple[ColumnSpec, ...] = (
    *(ColumnSpec(name, kind) for name, (since, kind) in FOCUS_COLUMNS.items() if since <= "1.2"),
    *(column for column in CHARGE_COLUMNS if column.name.startswith("x_") and column.name != ORIGINAL_TAGS),
    ColumnSpec(ISSUER, ColumnType.STRING),
)
"""What a file has: the columns of 1.2 in the specification's order, then Onyx's own."""
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")

_PRICED = "ChargeCategory IN ('Usage', 'Purchase') AND COALESCE(ChargeClass, '') <> 'Correction'"
_IS_UNUSED = "COALESCE(CommitmentDiscountStatus, '') = 'Unused'"
_HAS_COMMITMENT = "CommitmentDiscountId IS NOT NULL"
_ZERO = "CAST(0 AS DECIMAL(38, 18))"


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _beside(name: str, fallback: str, *, key: str, rules: str) -> Rule:
    """A column that is null exactly where `key` is."""
    return Rule(name, f"CASE WHEN {key} IS NULL THEN NULL ELSE COALESCE({name}, {fallback}) END", rules)


NAMES = (
    Rule(
        ISSUER,
        "InvoiceIssuerName",
        "Onyx: kept beside InvoiceIssuerName",
    ),
    Rule("ProviderName", "COALESCE(ProviderName, InvoiceIssuerName, PublisherName)", "ProviderName-C-003-M"),
    Rule("PublisherName", "COALESCE(PublisherName, ProviderName)", "PublisherName-C-003-M"),
    Rule(
        "BillingAccountName", "COALESCE(BillingAccountName, BillingAccountId)", "BillingAccountName-C-003-C"
    ),
    _beside(
        "BillingAccountType",
        "'Billing Account'",
        key="BillingAccountId",
        rules="BillingAccountType-C-004-C, -005-C",
    ),
    _beside("SubAccountName", "SubAccountId", key="SubAccountId", rules="SubAccountName-C-004-C, -005-C"),
    _beside("SubAccountType", "'Sub Account'", key="SubAccountId", rules="SubAccountType-C-004-C, -005-C"),
    _beside("RegionName", "RegionId", key="RegionId", rules="RegionName-C-004-C, -005-C"),
    _beside(
        "ResourceType",
        "COALESCE(x_ProductFamily, ServiceName)",
        key="ResourceId",
        rules="ResourceType-C-004-C, -005-C",
    ),
    _beside("ResourceName", "CAST(NULL AS VARCHAR)", key="ResourceId", rules="ResourceName-C-004-C"),
    Rule("ServiceName", "COALESCE(ServiceName, x_ServiceCode, ServiceCategory)", "ServiceName-C-003-M"),
    Rule(
        "ServiceCategory",
        f"""
        CASE
          WHEN ServiceCategory IN ({_words(tuple(SUBCATEGORIES))}) THEN ServiceCategory
          ELSE 'Other'
        END
        """,
        "ServiceCategory-C-002-M, -003-M",
    ),
    Rule(
        "ChargeClass",
        "CASE WHEN ChargeClass = 'Correction' THEN ChargeClass ELSE NULL END",
        "ChargeClass-C-005-C",
    ),
    Rule("PricingCurrency", "COALESCE(PricingCurrency, BillingCurrency)", "PricingCurrency-C-004-M"),
    *(Rule(name, f"COALESCE({name}, {_ZERO})", f"{name}-C-003-M") for name in COSTS),
)

COMMITMENT_UNIT = """
CASE
  WHEN CommitmentDiscountUnit IS NOT NULL THEN CommitmentDiscountUnit
  WHEN CommitmentDiscountCategory = 'Usage' THEN COALESCE(ConsumedUnit, PricingUnit)
  ELSE NULL
END
"""
"""In what a commitment is counted, where a row of it says so. All its rows must say the same."""

# --------------------------------------------------------------------- what a purchase is effective for
PURCHASED = "ChargeCategory = 'Purchase' AND EffectiveCost <> 0"
"""Rows that become two: FOCUS bills a purchase in one row and uses it in others (EffectiveCost-C-005-C,
DiscountHandling-A-017-C, -018-C). AWS writes what a commitment lost, or a fee is worth, beside its price."""

PURCHASE = (
    Rule(
        "EffectiveCost",
        f"CASE WHEN ChargeCategory = 'Purchase' THEN {_ZERO} ELSE EffectiveCost END",
        "EffectiveCost-C-005-C",
    ),
)
"""The purchase itself, and every other row."""
USE = (
    Rule("ChargeCategory", "'Usage'", "DiscountHandling-A-018-C"),
    Rule("ChargeFrequency", "'Usage-Based'", "ChargeFrequency-C-002-M"),
    *(
        Rule(name, _ZERO, "The purchase has it")
        for name in ("BilledCost", "ListCost", "ContractedCost", "PricingQuantity")
    ),
    Rule("ConsumedQuantity", _ZERO, "ConsumedQuantity-C-005-C"),
    Rule(
        "CommitmentDiscountStatus",
        f"CASE WHEN {_HAS_COMMITMENT} THEN 'Unused' ELSE NULL END",
        "DiscountHandling-A-018-C",
    ),
    Rule(
        "CommitmentDiscountQuantity",
        "CASE WHEN CommitmentDiscountCategory = 'Spend' THEN EffectiveCost ELSE NULL END",
        "CommitmentDiscountQuantity-C-015-C",
    ),
    Rule(
        "CommitmentDiscountUnit",
        "CASE WHEN CommitmentDiscountCategory = 'Spend' THEN BillingCurrency ELSE CommitmentDiscountUnit END",
        "CommitmentDiscountUnit-C-006-C",
    ),
)
"""The row beside it: what of the purchase the period used, or lost. It holds the effective cost only."""

# ---------------------------------------------------------------------------- what depends on other columns
CONDITIONS = (
    _beside(
        "CommitmentDiscountCategory",
        "CASE WHEN CommitmentDiscountUnit = BillingCurrency THEN 'Spend' ELSE 'Usage' END",
        key="CommitmentDiscountId",
        rules="CommitmentDiscountCategory-C-003-C to -005-M",
    ),
    _beside(
        "CommitmentDiscountName",
        "CAST(NULL AS VARCHAR)",
        key="CommitmentDiscountId",
        rules="CommitmentDiscountName-C-004-C",
    ),
    Rule(
        "CommitmentDiscountStatus",
        """
        CASE
          WHEN CommitmentDiscountId IS NULL THEN NULL
          WHEN CommitmentDiscountStatus IN ('Used', 'Unused') THEN CommitmentDiscountStatus
          WHEN ChargeCategory = 'Usage' THEN 'Used'
          ELSE NULL
        END
        """,
        "CommitmentDiscountStatus-C-003-C to -005-M",
    ),
    Rule(
        "CapacityReservationStatus",
        """
        CASE
          WHEN CapacityReservationId IS NULL THEN NULL
          WHEN CapacityReservationStatus IN ('Used', 'Unused') THEN CapacityReservationStatus
          WHEN ChargeCategory = 'Usage' THEN 'Used'
          ELSE NULL
        END
        """,
        "CapacityReservationStatus-C-003-C to -006-M",
    ),
    Rule(
        "ChargeFrequency",
        """
        CASE
          WHEN ChargeCategory = 'Purchase' AND ChargeFrequency = 'Recurring' THEN 'Recurring'
          WHEN ChargeCategory = 'Purchase' THEN 'One-Time'
          WHEN ChargeFrequency IN ('One-Time', 'Recurring', 'Usage-Based') THEN ChargeFrequency
          WHEN ChargeCategory = 'Usage' THEN 'Usage-Based'
          ELSE 'One-Time'
        END
        """,
        "ChargeFrequency-C-002-M to -004-C",
    ),
    Rule(
        "InvoiceIssuerName",
        "CASE WHEN BilledCost <> 0 THEN ProviderName ELSE COALESCE(InvoiceIssuerName, ProviderName) END",
        "BilledCost-C-005-C: where the two differ, nothing may be billed",
    ),
    Rule(
        "ServiceSubcategory",
        "CASE "
        + " ".join(
            f"WHEN ServiceCategory = '{category}' AND ServiceSubcategory IN ({_words(allowed)})"
            " THEN ServiceSubcategory"
            for category, allowed in SUBCATEGORIES.items()
        )
        + " ELSE 'Other (' || ServiceCategory || ')' END",
        "ServiceSubcategory-C-002-M to -004-M",
    ),
    Rule(
        "SkuId",
        f"""
        CASE
          WHEN ChargeCategory = 'Tax' THEN NULL
          WHEN {_PRICED} THEN COALESCE(SkuId, SkuPriceId, x_UsageType, x_ServiceCode, ServiceName)
          ELSE SkuId
        END
        """,
        "SkuId-C-004-C, -005-C",
    ),
    Rule(
        "ConsumedQuantity",
        f"""
        CASE
          WHEN ChargeCategory <> 'Usage' OR {_IS_UNUSED} THEN NULL
          ELSE COALESCE(ConsumedQuantity, PricingQuantity, {_ZERO})
        END
        """,
        "ConsumedQuantity-C-004-C, -006-C",
    ),
)
DERIVED = (
    _beside(
        "CommitmentDiscountType",
        "CommitmentDiscountCategory",
        key="CommitmentDiscountId",
        rules="CommitmentDiscountType-C-004-C, -005-C",
    ),
    Rule(
        "CommitmentDiscountQuantity",
        f"""
        CASE
          WHEN NOT ({_HAS_COMMITMENT} AND {_PRICED}) THEN NULL
          WHEN CommitmentDiscountQuantity IS NOT NULL THEN CommitmentDiscountQuantity
          WHEN CommitmentDiscountCategory = 'Spend' AND ChargeCategory = 'Purchase' THEN BilledCost
          WHEN CommitmentDiscountCategory = 'Spend' THEN EffectiveCost
          ELSE COALESCE(ConsumedQuantity, PricingQuantity, {_ZERO})
        END
        """,
        "CommitmentDiscountQuantity-C-005-C to -007-C",
    ),
    Rule(
        "SkuPriceId",
        f"""
        CASE
          WHEN ChargeCategory = 'Tax' THEN NULL
          WHEN {_PRICED} THEN COALESCE(SkuPriceId, SkuId)
          ELSE SkuPriceId
        END
        """,
        "SkuPriceId-C-004-C, -005-C",
    ),
    Rule(
        "SkuMeter",
        "CASE WHEN SkuId IS NULL THEN NULL ELSE SkuMeter END",
        "SkuMeter-C-004-C",
    ),
    Rule(
        "PricingCategory",
        f"""
        CASE
          WHEN ChargeCategory = 'Tax' THEN NULL
          WHEN PricingCategory IN ('Standard', 'Committed', 'Dynamic', 'Other') THEN PricingCategory
          WHEN ChargeCategory = 'Usage' AND {_HAS_COMMITMENT} THEN 'Committed'
          WHEN {_PRICED} THEN 'Standard'
          ELSE NULL
        END
        """,
        "PricingCategory-C-003-C, -004-C, -007-M",
    ),
    Rule(
        "ConsumedUnit",
        "CASE WHEN ConsumedQuantity IS NULL THEN NULL ELSE COALESCE(ConsumedUnit, PricingUnit, 'Units') END",
        "ConsumedUnit-C-005-C, -006-C",
    ),
)
"""Then the prices: `focus_prices.priced`."""
UNITS = (
    Rule(
        "PricingUnit",
        "CASE WHEN PricingQuantity IS NULL THEN NULL ELSE COALESCE(PricingUnit, ConsumedUnit, 'Units') END",
        "PricingUnit-C-005-C, -006-C",
    ),
    Rule(
        "SkuPriceDetails",
        "CASE WHEN SkuPriceId IS NULL THEN NULL ELSE SkuPriceDetails END",
        "SkuPriceDetails-C-004-C",
    ),
    Rule(
        "CommitmentDiscountUnit",
        """
        CASE
          WHEN CommitmentDiscountQuantity IS NULL THEN NULL
          WHEN CommitmentDiscountUnit IS NOT NULL THEN CommitmentDiscountUnit
          WHEN CommitmentDiscountCategory = 'Spend' THEN BillingCurrency
          ELSE 'Units'
        END
        """,
        "CommitmentDiscountUnit-C-005-C, -006-C",
    ),
    *(
        Rule(
            f"PricingCurrency{name}",
            f"CASE WHEN PricingCurrency = BillingCurrency THEN {name} ELSE PricingCurrency{name} END",
            "PricingCurrency* are the billing currency's where the two are one",
        )
        for name in ("ContractedUnitPrice", "EffectiveCost", "ListUnitPrice")
    ),
)
