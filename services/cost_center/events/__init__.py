"""What the cost center publishes: its events, and the shape in which a published bill can be read.

This package is all that another domain may import of the cost center, by its own name.
"""

from services.cost_center.events.bills import (
    BillIngested,
    BillOverdue,
    BillRejected,
    BillRestated,
    ChargeChange,
    CurrencyTotal,
    Finding,
    PreviousSet,
    SetChanges,
    TotalChange,
)
from services.cost_center.events.connections import (
    ConnectionCreated,
    ConnectionEvent,
    ConnectionFailed,
    ConnectionRefused,
    ConnectionRemoved,
    ConnectionVerified,
)
from services.cost_center.events.invoices import InvoiceEntered, InvoiceEvent, InvoiceRemoved
from services.cost_center.events.jobs import ExportRequested, LakeMaintenanceDue
from services.cost_center.events.published import (
    BILL_PREFIX,
    SET_PREFIX,
    Column,
    PublishedBill,
    PublishedTable,
    partition_of,
)
from services.cost_center.events.retention import KEPT_MONTHS, KEPT_WHOLE, kept_moments_near, month_ends
from services.cost_center.events.tags import TagsPromoted

__all__ = [
    "BILL_PREFIX",
    "KEPT_MONTHS",
    "KEPT_WHOLE",
    "SET_PREFIX",
    "BillIngested",
    "BillOverdue",
    "BillRejected",
    "BillRestated",
    "ChargeChange",
    "Column",
    "ConnectionCreated",
    "ConnectionEvent",
    "ConnectionFailed",
    "ConnectionRefused",
    "ConnectionRemoved",
    "ConnectionVerified",
    "CurrencyTotal",
    "ExportRequested",
    "Finding",
    "InvoiceEntered",
    "InvoiceEvent",
    "InvoiceRemoved",
    "LakeMaintenanceDue",
    "PreviousSet",
    "PublishedBill",
    "PublishedTable",
    "SetChanges",
    "TagsPromoted",
    "TotalChange",
    "kept_moments_near",
    "month_ends",
    "partition_of",
]
