"""HTTP API of what was published of a bill over time: routes of the cost center's function."""

from datetime import datetime
from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import AwareDatetime

from services.cost_center.handlers.history_models import BillChanges, BillHistory, changes_view, set_view
from services.cost_center.handlers.history_wiring import history_services
from shared.http import principal, requires
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

BASE = "/v1/cost-center/bills/<bill_id>"
BillId = Annotated[str, Path(description="`<source>.<YYYY-MM>`.", examples=["acme-cur.2026-10"])]


@router.get(f"{BASE}/history", summary="Every published set of a bill, the newest first")
@requires(Role.VIEWER)
def history(bill_id: BillId) -> BillHistory:
    found = history_services().sets(principal(router).tenant, unquote(bill_id))
    return BillHistory(rows=[set_view(each) for each in found])


@router.get(
    f"{BASE}/changes",
    summary="What a restatement changed",
    description="By service, sub-account and charge category, of the bill's last restatement or of an "
    "earlier one. 404 (NO_RESTATEMENT) for a bill that was published once.",
    openapi_extensions={"x-onyx-errors": ["NO_RESTATEMENT"]},
)
@requires(Role.VIEWER)
def changes(
    bill_id: BillId,
    to: Annotated[
        AwareDatetime | None,
        Query(description="The `published_at` of the set that replaced another; else the newest."),
    ] = None,
) -> BillChanges:
    moment: datetime | None = to
    found = history_services().restatement(principal(router).tenant, unquote(bill_id), moment)
    return changes_view(found)
