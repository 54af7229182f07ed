"""What the HTTP API takes and answers. Money is canonical decimal text."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.application.deliveries import DeliveryStatus
from services.cost_center.domain.bill import Status
from services.cost_center.domain.costs import Granularity, Metric
from services.cost_center.domain.overdue import Cause
from services.cost_center.handlers.invoice_models import InvoiceMatchView
from shared.fields import Money


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class NewUpload(_Model):
    model_config = ConfigDict(extra="forbid")

    source: str = Field(
        max_length=63,
        description="The source this bill is of: one export of one provider.",
        examples=["acme-cur"],
    )
    filename: str = Field(max_length=255, examples=["acme-cur-2026-10.csv.gz"])
    folder: str | None = Field(
        default=None,
        max_length=512,
        description="Of a delivery of several files: the file's folder in it, as a relative path (`` for "
        "none). Such a file is read once a manifest names it; upload the manifest last.",
        examples=["acme-cur/20261001-20261101"],
    )
    upload_id: str | None = Field(
        default=None,
        max_length=36,
        description="Of a delivery of several files: what the upload of the first was given.",
        examples=["0199f3c0-0000-7000-8000-000000000000"],
    )


class UploadView(_Model):
    """The delivery's id follows from bucket, key and what the PUT answers (`x-amz-version-id`, else `etag`):
    the first 32 hex digits of sha256 over each part, led by its length in 8 bytes, big endian."""

    upload_id: str = Field(description="For the other files of the same delivery.")
    bucket: str
    key: str
    url: str = Field(description="PUT the file here; no token is needed.")
    expires_at: datetime


class TotalView(_Model):
    currency: str
    raw_total: Money
    curated_total: Money
    difference: Money = Field(description="Raw minus curated: 0, or what rounding to 18 decimals took away.")


class OverdueView(_Model):
    """A bill that should have come by now, and has not."""

    source: str
    billing_period: str | None = Field(description="Null: a delivery waits that does not say it yet.")
    bill_id: str | None
    cause: Cause = Field(
        description="late: a running month's bill, which is delivered about daily; missing: an ended month's "
        "bill, which never came; waiting: a delivery whose files do not all come."
    )
    since: datetime
    last_delivered_at: datetime | None
    reason: str


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
    quarantine: str | None = Field(
        default=None, description="Of a refused delivery: the s3:// address of the folder of its files."
    )
    last_rejection: "BillView | None" = Field(
        default=None, description="The delivery that was refused after what is published, if any."
    )
    overdue: list[OverdueView] = Field(
        default=[], description="Why a newer delivery of this bill should be here: none, if it is empty."
    )


class BillStatus(StrEnum):
    """What bills can be listed by: their last outcome, or that they are overdue."""

    INGESTED = Status.INGESTED.value
    UNCHANGED = Status.UNCHANGED.value
    RESTATED = Status.RESTATED.value
    REJECTED = Status.REJECTED.value
    OVERDUE = "overdue"


class BillList(_Model):
    rows: list[BillView]
    cursor: str | None
    overdue: list[OverdueView] = Field(
        default=[],
        description="On the first page: all bills that are overdue, those among them that never came.",
    )


class GroupView(_Model):
    billing_account: str
    sub_account: str = Field(description="Empty where a charge belongs to no sub-account.")
    billing_period: str
    invoice: str = Field(description="Empty where the bill names no invoice yet.")
    currency: str
    raw_total: Money
    curated_total: Money
    residue: Money = Field(description="What rounding to 18 decimals took away.")
    difference: Money = Field(description="Raw minus curated; a published bill has its residue here.")
    raw_rows: int
    curated_rows: int
    raw_only: bool = Field(
        default=False,
        description="Kept raw and not in `charges`, where another source brings this account's money.",
    )


class GroupList(_Model):
    rows: list[GroupView]
    invoices: list[InvoiceMatchView] = Field(
        default=[],
        description="The bill's invoices, beside the totals that were entered of them by now.",
    )


class FailureView(_Model):
    """Why a delivery is tried again, or was given up."""

    attempts: int = Field(description="How often it was tried, over every message that told of it.")
    code: str = Field(description="Stable code of the last failure.", examples=["OBJECT_GONE"])
    reason: str
    since: datetime = Field(description="When it first failed, as far as that is known.")
    message_id: str = Field(description="The landing message, as the dead-letter queue names it.")


class WaitingView(_Model):
    """What a delivery waits for."""

    since: datetime
    reason: str
    missing: list[str] = Field(description="The first 20, as the manifest names them.")
    missing_count: int
    named: int = Field(description="How many files the manifest names; 0 where it has not come.")
    billing_period: str | None


class DeliveryView(_Model):
    delivery_id: str
    source: str
    filename: str
    status: DeliveryStatus = Field(
        description="processing; waiting (for files that its manifest names, or for its manifest); retrying "
        "(it failed and is tried again); failed (it was given up, its message is in the dead-letter queue); "
        "done (each of its bills has its own status)."
    )
    bills: list[BillView]
    failure: FailureView | None = Field(default=None, description="Of a delivery that is retrying or failed.")
    waiting: WaitingView | None = Field(default=None, description="Of a delivery that waits.")
    part_of: str | None = Field(
        default=None, description="The delivery that this file, or copy of a manifest, was part of."
    )


class DeliveryList(_Model):
    rows: list[DeliveryView]
    cursor: str | None


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
