"""A legacy AWS CUR (csv, daily rows) from line items: the columns, and what stands in each."""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

PAYER, WORKLOADS, INVOICE = "111122223333", "444455556666", "2026100001"
START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)

NAMES = {
    "AmazonEC2": "Amazon Elastic Compute Cloud",
    "AmazonRDS": "Amazon Relational Database Service",
    "AmazonS3": "Amazon Simple Storage Service",
    "AWSLambda": "AWS Lambda",
    "AmazonCloudWatch": "AmazonCloudWatch",
    "AWSSupportDeveloper": "AWS Support (Developer)",
    "ComputeSavingsPlans": "Savings Plans for AWS Compute usage",
}

COLUMNS = [
    "identity/LineItemId",
    "identity/TimeInterval",
    "bill/InvoiceId",
    "bill/InvoicingEntity",
    "bill/BillingEntity",
    "bill/BillType",
    "bill/PayerAccountId",
    "bill/BillingPeriodStartDate",
    "bill/BillingPeriodEndDate",
    "lineItem/UsageAccountId",
    "lineItem/LineItemType",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/ProductCode",
    "lineItem/UsageType",
    "lineItem/Operation",
    "lineItem/AvailabilityZone",
    "lineItem/ResourceId",
    "lineItem/UsageAmount",
    "lineItem/CurrencyCode",
    "lineItem/UnblendedRate",
    "lineItem/UnblendedCost",
    "lineItem/BlendedRate",
    "lineItem/BlendedCost",
    "lineItem/LineItemDescription",
    "lineItem/TaxType",
    "lineItem/LegalEntity",
    "product/ProductName",
    "product/instanceType",
    "product/location",
    "product/productFamily",
    "product/region",
    "product/servicecode",
    "product/sku",
    "pricing/currency",
    "pricing/publicOnDemandCost",
    "pricing/publicOnDemandRate",
    "pricing/term",
    "pricing/unit",
    "reservation/AmortizedUpfrontCostForUsage",
    "reservation/AmortizedUpfrontFeeForBillingPeriod",
    "reservation/EffectiveCost",
    "reservation/RecurringFeeForUsage",
    "reservation/ReservationARN",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/UnusedQuantity",
    "reservation/UnusedRecurringFee",
    "savingsPlan/SavingsPlanARN",
    "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/SavingsPlanRate",
    "savingsPlan/TotalCommitmentToDate",
    "savingsPlan/UsedCommitment",
    "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
    "savingsPlan/RecurringCommitmentForBillingPeriod",
    "resourceTags/user:env",
    "resourceTags/user:team",
]


@dataclass(frozen=True)
class Line:
    """A line item; amounts are exact, `cost` is the unblended one."""

    kind: str
    product: str
    usage_type: str
    amount: Decimal
    cost: Decimal
    text: str
    operation: str = ""
    unit: str = ""
    rate: Decimal | None = None
    resource: str = ""
    day: int | None = None
    account: str = WORKLOADS
    tags: tuple[str, str] = ("", "")
    family: str = ""
    more: dict[str, str | Decimal] = field(default_factory=dict)


def text(lines: Iterable[Line]) -> str:
    """The whole file."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(index, line) for index, line in enumerate(lines, start=1))
    return out.getvalue()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(value: str | Decimal) -> str:
    """Plain digits as AWS writes them: no exponent, no zeros at the end."""
    if isinstance(value, str):
        return value
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _row(index: int, line: Line) -> dict[str, str]:
    start = START if line.day is None else START + timedelta(days=line.day - 1)
    end = END if line.day is None else start + timedelta(days=1)
    region = {"product/location": "US East (N. Virginia)", "product/region": "us-east-1"}
    values: dict[str, str | Decimal] = {
        "identity/LineItemId": hashlib.sha256(f"onyx demo {index}".encode()).hexdigest()[:52],
        "identity/TimeInterval": f"{_stamp(start)}/{_stamp(end)}",
        "bill/InvoiceId": INVOICE,
        "bill/InvoicingEntity": "Amazon Web Services, Inc.",
        "bill/BillingEntity": "AWS",
        "bill/BillType": "Anniversary",
        "bill/PayerAccountId": PAYER,
        "bill/BillingPeriodStartDate": _stamp(START),
        "bill/BillingPeriodEndDate": _stamp(END),
        "lineItem/UsageAccountId": line.account,
        "lineItem/LineItemType": line.kind,
        "lineItem/UsageStartDate": _stamp(start),
        "lineItem/UsageEndDate": _stamp(end),
        "lineItem/ProductCode": line.product,
        "lineItem/UsageType": line.usage_type,
        "lineItem/Operation": line.operation,
        "lineItem/ResourceId": line.resource,
        "lineItem/UsageAmount": line.amount,
        "lineItem/CurrencyCode": "USD",
        "lineItem/UnblendedCost": line.cost,
        "lineItem/BlendedCost": line.cost,
        "lineItem/LineItemDescription": line.text,
        "lineItem/LegalEntity": "Amazon Web Services, Inc.",
        "product/ProductName": NAMES[line.product],
        "product/servicecode": line.product,
        "product/productFamily": line.family,
        "pricing/currency": "USD",
        "pricing/unit": line.unit,
        "resourceTags/user:env": line.tags[0],
        "resourceTags/user:team": line.tags[1],
        **(region if line.operation else {}),
        **_prices(line),
        **line.more,
    }
    return {name: _number(values.get(name, "")) for name in COLUMNS}


def _prices(line: Line) -> dict[str, str | Decimal]:
    if line.rate is None:
        return {}
    prices: dict[str, str | Decimal] = {
        "lineItem/UnblendedRate": line.rate,
        "lineItem/BlendedRate": line.rate,
    }
    if line.kind in ("Usage", "SavingsPlanCoveredUsage", "DiscountedUsage"):
        prices |= {
            "pricing/publicOnDemandRate": line.rate,
            "pricing/publicOnDemandCost": line.rate * line.amount,
        }
    return prices
