"""FOCUS 1.0 to 1.3, from any provider."""

from collections.abc import Sequence

from services.cost_center.domain.charges import MONEY
from services.cost_center.domain.focus_columns import COLUMNS
from services.cost_center.domain.providers._aws import manifests as aws
from services.cost_center.domain.providers.azure import manifests as azure
from services.cost_center.domain.providers.focus.mapping import JSON_COLUMNS, MAPPING
from services.cost_center.domain.providers.provider import Kind, Provider
from services.cost_center.domain.tables import ColumnType

_SIGN = frozenset({"BilledCost", "ChargeCategory", "BillingAccountId", "ProviderName"})
_ENOUGH = 2
"""How many of the telling columns make a file FOCUS, so that a missing one can be named."""

REQUIRED: tuple[tuple[str, bool], ...] = (
    ("BilledCost", True),
    ("BillingAccountId", True),
    ("BillingCurrency", True),
    ("BillingPeriodEnd", True),
    ("BillingPeriodStart", True),
    ("ChargeCategory", False),
    ("ChargePeriodEnd", True),
    ("ChargePeriodStart", True),
    ("ContractedCost", False),
    ("EffectiveCost", False),
    ("InvoiceIssuerName", False),
    ("ListCost", False),
    ("ProviderName", False),
    ("PublisherName", False),
    ("ServiceCategory", False),
    ("ServiceName", False),
)
"""The Mandatory columns of FOCUS 1.0 that may not be null: they must exist. Each row must have a value only
where Onyx cannot do without: exports leave nulls in the others (the public sample in ContractedCost)."""


def column_type(name: str) -> ColumnType:
    """The type of a column of the raw table `focus`. Tags stays the JSON text that the provider wrote."""
    known = COLUMNS.get(name)
    if known is None or known[1] is ColumnType.MAP:
        return ColumnType.STRING
    return known[1]


def version(headers: Sequence[str]) -> str:
    """The version of an export: that of its newest column. Exports do not say it; one that leaves out what a
    version brought reads as the version before."""
    return max((COLUMNS[name][0] for name in headers if name in COLUMNS), default="1.0")


def kind(headers: Sequence[str]) -> Kind | None:
    if len(_SIGN & set(headers)) < _ENOUGH:
        return None
    return Kind(f"focus-{version(headers)}", f"FOCUS {version(headers)}")


PROVIDER = Provider(
    name="focus",
    table="focus",
    sign="FOCUS (BilledCost, ...)",
    kind=kind,
    column_name=lambda header: header or "column",
    column_type=column_type,
    required=REQUIRED,
    money=MONEY,
    mapping=MAPPING,
    json_columns=JSON_COLUMNS,
    null_texts=frozenset({"NULL"}),  # beside empty cells: the public FOCUS sample has both
    manifests=(aws.EXPORT, azure.EXPORT),  # other providers deliver one file
)
