"""AWS Data Exports, Cost and Usage Report 2.0: the legacy report's line items, with maps for what varies.

A map is JSON text in csv and a real map in parquet. Sources: AWS Data Exports user guide, "Cost and Usage
Report (CUR) 2.0" (table dictionary) and "Data query".
"""

from collections.abc import Sequence

from services.cost_center.domain.charges import ChargeMapping, MapEntry
from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers._aws import charge_rules, cur_columns, manifests
from services.cost_center.domain.providers._aws.report import MAPS, Report, report
from services.cost_center.domain.providers.provider import Kind, Provider
from services.cost_center.domain.tables import ColumnType

_IN_PRODUCT = (
    "instance_type",
    "location",
    "product_family",
    "product_name",
    "region",
    "region_code",
    "servicename",
    "sku",
)
"""The product attributes that the rules read. Some are columns of CUR 2.0, the others keys of its map; a
query may ask for any of them as a column."""

MAPPING = ChargeMapping(
    rules=charge_rules.RULES,
    helpers=(
        *(MapEntry(f"product_{key}", "product", key) for key in _IN_PRODUCT),
        MapEntry("resource_tags_user_name", "resource_tags", "user_name"),
        MapEntry("resource_tags_user_name", "tags", "resourceTags/user:Name"),
        MapEntry("resource_tags_user_name", "tags", "resourceTags/Name"),
        MapEntry("bundled_discount_in_map", "discount", "bundled_discount"),
        *charge_rules.HELPERS,
        *charge_rules.maps("resource_tags", "cost_category", "tags"),
    ),
)


def kind(headers: Sequence[str]) -> Kind | None:
    return Kind("aws-cur-2.0", "AWS CUR 2.0") if report(headers) is Report.CUR_2 else None


def column_name(header: str) -> str:
    """Its columns are Athena names already; the dictionary's only capitals (`product_instanceSKU`) are none
    in the files."""
    return athena_name(header.lower())


def column_type(name: str) -> ColumnType:
    return ColumnType.MAP if name in MAPS else cur_columns.column_type(name)


PROVIDER = Provider(
    name="aws_cur2",
    table="cur2",
    sign="an AWS CUR 2.0 (line_item_unblended_cost, product, resource_tags, ...)",
    kind=kind,
    column_name=column_name,
    column_type=column_type,
    required=cur_columns.REQUIRED,
    money=cur_columns.MONEY,
    one_currency=True,
    mapping=MAPPING,
    null_numbers=cur_columns.NULL_NUMBERS,
    manifests=(manifests.EXPORT,),
)
