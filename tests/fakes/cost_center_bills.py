"""Hand-made bills: a small CUR and a small FOCUS export, as text."""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

Row = Mapping[str, str]

CUR_ROW: dict[str, str] = {
    "identity/LineItemId": "line-1",
    "bill/InvoiceId": "",
    "bill/BillingEntity": "AWS",
    "bill/PayerAccountId": "111111111111",
    "bill/BillingPeriodStartDate": "2026-09-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-10-01T00:00:00Z",
    "lineItem/UsageAccountId": "222222222222",
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-09-01T00:00:00Z",
    "lineItem/UsageEndDate": "2026-09-01T01:00:00Z",
    "lineItem/ProductCode": "AmazonEC2",
    "lineItem/UsageType": "BoxUsage:m5.large",
    "lineItem/Operation": "RunInstances",
    "lineItem/ResourceId": "i-1",
    "lineItem/UsageAmount": "2",
    "lineItem/CurrencyCode": "USD",
    "lineItem/UnblendedRate": "0.096",
    "lineItem/UnblendedCost": "0.192",
    "lineItem/LineItemDescription": "$0.096 per hour",
    "lineItem/LegalEntity": "Amazon Web Services, Inc.",
    "product/ProductName": "Amazon Elastic Compute Cloud",
    "product/regionCode": "eu-west-1",
    "pricing/publicOnDemandCost": "0.192",
    "pricing/publicOnDemandRate": "0.096",
    "pricing/unit": "Hrs",
    "resourceTags/user:env": "prod",
}

FOCUS_ROW: dict[str, str] = {
    "BilledCost": "1.5",
    "BillingAccountId": "111111111111",
    "BillingAccountName": "payer",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-10-01 00:00:00",
    "BillingPeriodStart": "2026-09-01 00:00:00",
    "ChargeCategory": "Usage",
    "ChargeDescription": "hours",
    "ChargePeriodEnd": "2026-09-01 01:00:00",
    "ChargePeriodStart": "2026-09-01 00:00:00",
    "ContractedCost": "1.5",
    "EffectiveCost": "1.25",
    "InvoiceIssuerName": "AWS",
    "ListCost": "2",
    "ProviderName": "AWS",
    "PublisherName": "AWS",
    "ServiceCategory": "Compute",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "Tags": '{"env": "prod"}',
}


def cur_rows(count: int = 3, **changes: str) -> list[dict[str, str]]:
    """CUR rows that differ in id and cost (0.192, 0.193, ...)."""
    return [
        {
            **CUR_ROW,
            "identity/LineItemId": f"line-{number}",
            "lineItem/UnblendedCost": str(Decimal("0.192") + number * Decimal("0.001")),
            **changes,
        }
        for number in range(count)
    ]


def csv_text(rows: Sequence[Row], headers: Sequence[str] | None = None) -> str:
    """The rows as csv, with the headers of all of them (or `headers`, in their order)."""
    names = (
        list(headers) if headers is not None else list(dict.fromkeys(name for row in rows for name in row))
    )
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def csv_bytes(rows: Sequence[Row]) -> bytes:
    return csv_text(rows).encode()


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """A file of that content; a name in .gz is compressed."""
    data = content.encode() if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return path
