"""HTTP API of the provider's invoices: routes of the cost center's function."""

from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from services.cost_center.domain.invoices import InvoiceKey
from services.cost_center.handlers.invoice_models import InvoiceGiven, InvoiceList, InvoiceView, invoice_view
from services.cost_center.handlers.invoices_wiring import invoice_services
from shared.http import principal, requires, respond
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

BASE = "/v1/cost-center/invoices"
MONTH = r"^[12][0-9]{3}-(0[1-9]|1[0-2])$"
InvoiceId = Annotated[str, Path(description="The invoice's number, as the bill names it.", examples=["42"])]


@router.put(
    f"{BASE}/<invoice>",
    summary="Enter an invoice's total",
    description="An invoice is known by its number, billing account, period and currency. 201 when it is "
    "new, 200 when it was entered before: the same total changes nothing, another one replaces it. The "
    "reconciliation of a bill compares what is entered when it is asked for.",
    openapi_extensions={"x-onyx-errors": ["INVALID_INVOICE", "INVALID_TOTAL", "VERSION_CONFLICT"]},
)
@requires(Role.ANALYST)
def enter_invoice(invoice: InvoiceId, body: InvoiceGiven) -> Response[InvoiceView]:
    caller = principal(router)
    key = InvoiceKey(body.billing_period, body.billing_account, body.currency, unquote(invoice))
    entered, new = invoice_services().enter(caller.tenant, key, body.total, caller.subject)
    return respond(invoice_view(entered), status=201 if new else 200)


@router.get(BASE, summary="The invoices entered, by period, account and currency")
@requires(Role.VIEWER)
def invoices(
    billing_period: Annotated[
        str | None, Query(pattern=MONTH, description="Only of this month.", examples=["2026-10"])
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows per page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="The cursor of the page before.")
    ] = None,
) -> InvoiceList:
    tenant = principal(router).tenant
    page = invoice_services().page(tenant, billing_period, limit=limit, cursor=cursor)
    return InvoiceList(rows=[invoice_view(each) for each in page.invoices], cursor=page.cursor)


@router.delete(
    f"{BASE}/<invoice>",
    summary="Forget an invoice that was entered",
    description="Answers the invoice as it was.",
    openapi_extensions={"x-onyx-errors": ["INVALID_INVOICE", "INVOICE_NOT_FOUND", "VERSION_CONFLICT"]},
)
@requires(Role.ANALYST)
def remove_invoice(
    invoice: InvoiceId,
    billing_account: Annotated[str, Query(max_length=256, examples=["123456789012"])],
    billing_period: Annotated[str, Query(pattern=MONTH, examples=["2026-10"])],
    currency: Annotated[str, Query(max_length=3, examples=["USD"])],
) -> InvoiceView:
    caller = principal(router)
    key = InvoiceKey(billing_period, billing_account, currency, unquote(invoice))
    return invoice_view(invoice_services().remove(caller.tenant, key, caller.subject))
