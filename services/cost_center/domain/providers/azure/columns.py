"""The columns of Azure's cost export: how they are named and typed in the raw table `azure`.

Source: Microsoft Cost Management, "Understand usage details fields" (enterprise agreement).
"""

from services.cost_center.domain.tables import ColumnType, MoneyColumns

MONEY = MoneyColumns(
    cost=("CostInBillingCurrency",),
    account="BillingAccountId",
    sub_account="SubscriptionId",
    period_start="BillingPeriodStartDate",
    period_end="BillingPeriodEndDate",
    invoice="InvoiceId",
    currency="BillingCurrencyCode",
)

DATE_FORMATS = ("%m/%d/%Y",)
"""Month first, whatever the language of the portal."""

REQUIRED: tuple[tuple[str, bool], ...] = (
    ("BillingAccountId", True),
    ("BillingCurrencyCode", True),
    ("BillingPeriodStartDate", True),
    ("BillingPeriodEndDate", True),
    ("ChargeType", True),
    ("CostInBillingCurrency", True),
    ("Date", True),
    ("MeterCategory", False),
    ("Quantity", False),
    ("SubscriptionId", False),
)

_DECIMALS = frozenset({"CostInBillingCurrency", "EffectivePrice", "PayGPrice", "Quantity", "UnitPrice"})
_TIMESTAMPS = frozenset({"BillingPeriodStartDate", "BillingPeriodEndDate", "Date"})
_TEXTS = """
    AccountName AccountOwnerId AdditionalInfo AvailabilityZone BenefitId BenefitName BillingAccountId
    BillingAccountName BillingCurrencyCode BillingProfileId BillingProfileName ChargeType ConsumedService
    CostAllocationRuleName CostCenter Frequency InvoiceId InvoiceSectionId InvoiceSectionName
    IsAzureCreditEligible MeterCategory MeterId MeterName MeterRegion MeterSubCategory OfferId PartNumber
    PlanName PricingModel ProductName ProductOrderId ProductOrderName PublisherName PublisherType
    ReservationId ReservationName ResourceGroup ResourceId ResourceLocation ResourceName ServiceFamily
    ServiceInfo1 ServiceInfo2 SubscriptionId SubscriptionName Tags Term UnitOfMeasure
"""

NAMES = {name.lower(): name for name in (*_TEXTS.split(), *_DECIMALS, *_TIMESTAMPS)}
"""How a column is written in the raw table, by its header in lower case."""


def column_type(name: str) -> ColumnType:
    """The type of a column of the raw table `azure`. Tags stays the text that Azure wrote."""
    if name in _DECIMALS:
        return ColumnType.DECIMAL
    if name in _TIMESTAMPS:
        return ColumnType.TIMESTAMP
    return ColumnType.STRING
