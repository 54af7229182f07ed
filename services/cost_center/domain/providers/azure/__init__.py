"""Azure's own cost and usage details export of an enterprise agreement (actual cost, csv)."""

from collections.abc import Sequence

from services.cost_center.domain.providers.azure import manifests
from services.cost_center.domain.providers.azure.columns import (
    DATE_FORMATS,
    MONEY,
    NAMES,
    REQUIRED,
    column_type,
)
from services.cost_center.domain.providers.azure.mapping import MAPPING
from services.cost_center.domain.providers.provider import Kind, Provider

_SIGN = frozenset({"CostInBillingCurrency", "MeterId", "SubscriptionId", "BillingCurrencyCode"})
_ENOUGH = 2
"""How many of the telling columns make a file Azure's, so that a missing one can be named."""


def column_name(header: str) -> str:
    """Azure's documentation and its files differ in the case of headers (`benefitId`, `BenefitId`)."""
    return NAMES.get(header.lower(), header) or "column"


def kind(headers: Sequence[str]) -> Kind | None:
    if len(_SIGN & {column_name(header) for header in headers}) < _ENOUGH:
        return None
    return Kind("azure-ea", "the Azure cost export")


PROVIDER = Provider(
    name="azure",
    table="azure",
    sign="an Azure cost export (CostInBillingCurrency, ...)",
    kind=kind,
    column_name=column_name,
    column_type=column_type,
    required=REQUIRED,
    money=MONEY,
    mapping=MAPPING,
    json_columns=("Tags",),
    json_pairs=("Tags",),
    date_formats=DATE_FORMATS,
    manifests=(manifests.EXPORT,),
)
