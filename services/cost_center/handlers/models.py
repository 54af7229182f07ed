"""What the HTTP API takes and answers. Money is canonical decimal text."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.domain.bill import Status
from services.cost_center.domain.costs import Granularity, Metric
from shared.fields import Money


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewUpload(_Model):
    source: str = Field(
        max_length=63,
        description="The source this bill is of: one export of one provider.",
        examples=["acme-cur"],
    )
    filename: str = Field(max_length=255, examples=["acme-cur-2026-10.csv.gz"])


class UploadView(_Model):
    """The delivery's id follows from bucket, key and what the PUT answers (`x-amz-version-id`, else `etag`):
    the first 32 hex digits of sha256 over each part, led by its length in 8 bytes, big endian."""

    bucket: str
    key: str
    url: str = Field(description="PUT the file here; no token is needed.")
    expires_at: datetime


class TotalView(_Model):
    currency: str
    raw_total: Money
    curated_total: Money
    difference: Money = Field(description="Raw minus curated: 0, or what rounding to 18 decimals took away.")


class BillView(_Model):
    bill_id: str
    source: str
    format: str | None
    billing_period: str | None
    files: list[str]
    rows: int
    totals: list[TotalView]
    status: Status
    reasons: list[str]
    published_at: datetime | None
    delivery_id: str
    last_rejection: "BillView | None" = Field(
        default=None, description="The delivery that was refused after what is published, if any."
    )


class BillList(_Model):
    rows: list[BillView]
    cursor: str | None


class GroupView(_Model):
    billing_account: str
    billing_period: str
    invoice: str = Field(description="Empty where the bill names no invoice yet.")
    currency: str
    raw_total: Money
    curated_total: Money
    residue: Money = Field(description="What rounding to 18 decimals took away.")
    difference: Money = Field(description="Raw minus curated; a published bill has its residue here.")
    raw_rows: int
    curated_rows: int


class GroupList(_Model):
    rows: list[GroupView]


class DeliveryView(_Model):
    delivery_id: str
    status: str = Field(description="processing or done")
    bills: list[BillView]


class CostList(_Model):
    rows: list[dict[str, Any]] = Field(
        description="The columns asked for, BillingCurrency, and the metric as a decimal string.",
        examples=[
            [
                {
                    "BillingPeriodStart": "2026-10-01",
                    "BillingCurrency": "USD",
                    "ServiceName": "Amazon Elastic Compute Cloud",
                    "EffectiveCost": "99.2093",
                }
            ]
        ],
    )
    metric: Metric
    granularity: Granularity
    group_by: list[str]
    truncated: bool = Field(description="Whether there are more rows than `limit`.")
