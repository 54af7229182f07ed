"""HTTP API of the cost center: uploads, bills and costs."""

from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from services.cost_center.application.deliveries import Listed
from services.cost_center.domain.bill import Status
from services.cost_center.domain.costs import MAX_LIMIT, CostQuestion, Granularity, Metric
from services.cost_center.handlers import connections_api, exports_api, history_api, invoices_api, tags_api
from services.cost_center.handlers.invoice_models import match_view
from services.cost_center.handlers.invoices_wiring import invoice_services
from services.cost_center.handlers.models import (
    BillList,
    BillStatus,
    BillView,
    CostList,
    DeliveryList,
    DeliveryView,
    GroupList,
    NewUpload,
    UploadView,
)
from services.cost_center.handlers.overdue_wiring import overdue_services
from services.cost_center.handlers.views import bill_view, delivery_view, group_view, overdue_view
from services.cost_center.handlers.wiring import api_services
from shared.http import api, lambda_handler, principal, requires, respond
from shared.tenancy import Role

app = api("cost-center", title="Cost center")
app.include_router(connections_api.router)
app.include_router(exports_api.router)
app.include_router(history_api.router)
app.include_router(invoices_api.router)
app.include_router(tags_api.router)

DELIVERY = "0f5ed0c2b0a14c7d9a3e6b1f2d4c8a90"
BillId = Annotated[str, Path(description="`<source>.<YYYY-MM>`.", examples=["acme-cur.2026-10"])]


@app.post("/v1/cost-center/uploads", summary="Get an address to upload a bill to", status_code=201)
@requires(Role.ANALYST)
def start_upload(body: NewUpload) -> Response[UploadView]:
    place = api_services().uploads(
        principal(app).tenant, body.source, body.filename, body.folder, body.upload_id
    )
    view = UploadView(
        upload_id=place.upload_id,
        bucket=place.bucket,
        key=place.key,
        url=place.url,
        expires_at=place.expires_at,
    )
    return respond(view, status=201)


@app.get("/v1/cost-center/bills", summary="The tenant's bills, by id")
@requires(Role.VIEWER)
def bills(
    status: Annotated[BillStatus | None, Query(description="Only bills of this status.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows per page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="The cursor of the page before.")
    ] = None,
) -> BillList:
    tenant = principal(app).tenant
    late = overdue_services()(tenant)
    only = None if status in (None, BillStatus.OVERDUE) else Status(status)
    page = api_services().bills.page(tenant, status=only, limit=limit, cursor=cursor)
    rows = [bill_view(bill, late) for bill in page.bills]
    return BillList(
        rows=[row for row in rows if row.overdue or status is not BillStatus.OVERDUE],
        cursor=page.cursor,
        overdue=[overdue_view(each) for each in late] if cursor is None else [],
    )


@app.get("/v1/cost-center/bills/<bill_id>", summary="One bill")
@requires(Role.VIEWER)
def bill(bill_id: BillId) -> BillView:
    tenant = principal(app).tenant
    return bill_view(api_services().bills.bill(tenant, unquote(bill_id)), overdue_services()(tenant))


@app.get("/v1/cost-center/bills/<bill_id>/reconciliation", summary="How a bill adds up, group by group")
@requires(Role.VIEWER)
def reconciliation(bill_id: BillId) -> GroupList:
    tenant = principal(app).tenant
    groups = api_services().bills.reconciliation(tenant, unquote(bill_id))
    matches = invoice_services().against(tenant, groups)
    return GroupList(
        rows=[group_view(group) for group in groups], invoices=[match_view(each) for each in matches]
    )


@app.get("/v1/cost-center/deliveries", summary="Deliveries that fail or wait, and why")
@requires(Role.VIEWER)
def deliveries(
    status: Annotated[
        Listed,
        Query(
            description="failed: given up; retrying: failed and tried again; waiting: for files, or for the "
            "manifest that names them."
        ),
    ] = Listed.FAILED,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows per page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="The cursor of the page before.")
    ] = None,
) -> DeliveryList:
    tenant = principal(app).tenant
    page = api_services().deliveries.page(tenant, listed=status, limit=limit, cursor=cursor)
    return DeliveryList(rows=[delivery_view(each) for each in page.reports], cursor=page.cursor)


@app.get("/v1/cost-center/deliveries/<delivery_id>", summary="What became of an uploaded file")
@requires(Role.VIEWER)
def delivery(
    delivery_id: Annotated[str, Path(description="As an upload or an event names it.", examples=[DELIVERY])],
) -> DeliveryView:
    return delivery_view(api_services().deliveries.delivery(principal(app).tenant, unquote(delivery_id)))


@app.get(
    "/v1/cost-center/costs",
    summary="What something cost",
    description="Sums one cost metric over the tenant's charges. Currencies are never added: BillingCurrency "
    "is always a column.",
)
@requires(Role.VIEWER)
def costs(
    group_by: Annotated[
        list[str] | None,
        Query(
            description="Up to three of: a FOCUS dimension, `tag:<key>`. Comma or repeated.",
            examples=["ServiceName,tag:env"],
        ),
    ] = None,
    granularity: Annotated[Granularity, Query()] = Granularity.MONTHLY,
    metric: Annotated[Metric, Query()] = Metric.EFFECTIVE,
    filters: Annotated[
        list[str] | None,
        Query(
            alias="filter",
            description="`Name:Value`, repeated; values of one name are alternatives.",
            examples=["ServiceCategory:Compute"],
        ),
    ] = None,
    start: Annotated[
        str | None, Query(description="From this date or time (UTC), inclusive.", examples=["2026-10-01"])
    ] = None,
    end: Annotated[
        str | None, Query(description="To this date or time (UTC), exclusive.", examples=["2026-11-01"])
    ] = None,
    order: Annotated[
        str | None,
        Query(description="Columns of the answer, `-` for descending.", examples=["-EffectiveCost"]),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    as_of: Annotated[
        str | None,
        Query(
            description="Answer from what was published at this date or time (UTC): every moment of the last "
            "90 days, and the ends of 13 months (the first instant of the next).",
            examples=["2026-11-01"],
        ),
    ] = None,
) -> CostList:
    names = [name for each in group_by or () for name in each.split(",") if name]
    question = CostQuestion(names, granularity, metric, filters or (), start, end, order, limit, as_of)
    answer = api_services().costs(question, app.current_event.headers.get("authorization", ""))
    return CostList(
        rows=[dict(row) for row in answer.rows],
        metric=metric,
        granularity=granularity,
        group_by=names,
        truncated=answer.truncated,
    )


handler = lambda_handler(app)
