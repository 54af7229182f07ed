"""The AWS legacy Cost and Usage Report, with its own headers (lineItem/UnblendedCost) or Athena's.

A CUR 2.0 export whose query took each map apart and asked for no column of its own has the very columns of
this report in Athena: it is read as one.
"""

from collections.abc import Sequence

from services.cost_center.domain.charges import ChargeMapping
from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers._aws import charge_rules, cur_columns, manifests
from services.cost_center.domain.providers._aws.report import Report, report
from services.cost_center.domain.providers.provider import Kind, Provider

MAPPING = ChargeMapping(
    rules=charge_rules.RULES,
    helpers=(*charge_rules.HELPERS, *charge_rules.maps()),
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
    one_currency=True,
    mapping=MAPPING,
    null_numbers=cur_columns.NULL_NUMBERS,
    manifests=(manifests.REPORT,),
)
