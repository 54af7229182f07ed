"""HTTP API of what was published of a bill over time: routes of the cost center's function."""

from datetime import datetime
from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import AwareDatetime

from services.cost_center.handlers.history_models import BillChanges, BillHistory, changes_view, history_view
from services.cost_center.handlers.history_wiring import history_services
from shared.http import principal, requires
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

BASE = "/v1/cost-center/bills/<bill_id>"
BillId = Annotated[str, Path(description="`<source>.<YYYY-MM>`.", examples=["acme-cur.2026-10"])]


@router.get(f"{BASE}/history", summary="Every published set of a bill, the newest first")
@requires(Role.VIEWER)
def history(
    bill_id: BillId,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows per page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="The cursor of the page before.")
    ] = None,
) -> BillHistory:
    tenant = principal(router).tenant
    return history_view(history_services().sets(tenant, unquote(bill_id), limit=limit, cursor=cursor))


@router.get(
    f"{BASE}/changes",
    summary="What was restated between two published sets",
    description="By service, sub-account and charge category: of the bill's last restatement, of an earlier "
    "one, or of all from one published set to another. 404 (NO_RESTATEMENT) for a bill that was published "
    "once.",
    openapi_extensions={
        "x-onyx-errors": ["NO_RESTATEMENT", "NO_SUCH_SET", "INVALID_RANGE", "TOO_MANY_CHANGES"]
    },
)
@requires(Role.VIEWER)
def changes(
    bill_id: BillId,
    to: Annotated[
        AwareDatetime | None,
        Query(description="The `published_at` of the set that replaced another; else the newest."),
    ] = None,
    since: Annotated[
        AwareDatetime | None,
        Query(alias="from", description="The `published_at` of an earlier set; else the one before."),
    ] = None,
) -> BillChanges:
    moments: tuple[datetime | None, datetime | None] = to, since
    return changes_view(history_services().restatement(principal(router).tenant, unquote(bill_id), *moments))
