"""The AWS legacy Cost and Usage Report, with its own headers (lineItem/UnblendedCost) or Athena's."""

from collections.abc import Sequence

from services.cost_center.domain.charges import ChargeMapping, ColumnMap
from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers._aws import charge_rules, cur_columns
from services.cost_center.domain.providers._aws.report import Report, report
from services.cost_center.domain.providers.provider import Kind, Provider

MAPPING = ChargeMapping(
    rules=charge_rules.RULES,
    helpers=(
        *charge_rules.HELPERS,
        ColumnMap(
            "tags",
            prefix="resource_tags_",
            headers=("resourceTags/user:", "resourceTags/", "resource_tags_user_", "resource_tags_"),
        ),
        ColumnMap("cost_categories", prefix="cost_category_", headers=("costCategory/", "cost_category_")),
    ),
)


def kind(headers: Sequence[str]) -> Kind | None:
    return Kind("aws-cur", "AWS CUR") if report(headers) is Report.LEGACY else None


PROVIDER = Provider(
    name="aws_cur",
    table="cur",
    sign="an AWS CUR (lineItem/UnblendedCost, ...)",
    kind=kind,
    column_name=athena_name,
    column_type=cur_columns.column_type,
    required=cur_columns.REQUIRED,
    money=cur_columns.MONEY,
    mapping=MAPPING,
)
