"""Exports over HTTP: ask for one, see what became of it, and where it can be fetched."""

from datetime import datetime
from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.application.exports import Links
from services.cost_center.domain.exports import VERSION, Export, ExportFormat, ExportRequest, ExportStatus
from services.cost_center.handlers.export_wiring import export_services
from shared.fields import Money
from shared.http import principal, requires, respond
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

BASE = "/v1/cost-center/exports"
MONTH = r"^[12][0-9]{3}-(0[1-9]|1[0-2])$"
EXPORT = "7c1f6f0b2e3d4a5b8c9d0e1f2a3b4c5d"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)


class NewExport(_Model):
    """One billing month (`period`), or several (`from` and `to`, both included)."""

    model_config = ConfigDict(extra="forbid")

    period: str | None = Field(default=None, pattern=MONTH, examples=["2026-09"])
    first: str | None = Field(default=None, alias="from", pattern=MONTH, examples=["2026-07"])
    last: str | None = Field(default=None, alias="to", pattern=MONTH, examples=["2026-09"])
    format: ExportFormat = ExportFormat.CSV
    version: str = Field(default=VERSION, description="The version of FOCUS.", max_length=8)


class ExportTotalView(_Model):
    currency: str
    billed_cost: Money
    effective_cost: Money
    list_cost: Money
    contracted_cost: Money


class LinkView(_Model):
    url: str = Field(description="GET it: no token is needed.")
    expires_at: datetime


class ExportView(_Model):
    export_id: str
    status: ExportStatus
    first_period: str
    last_period: str
    format: ExportFormat
    version: str
    filename: str
    bills: list[str] = Field(description="The bills whose published charges it holds.")
    rows: int
    bytes: int
    totals: list[ExportTotalView]
    requested_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(description="Until when it can be fetched; then ask for it again.")
    reason: str | None = Field(description="Why it failed.")
    file: LinkView | None = Field(default=None, description="While it is done and not expired.")
    metadata: LinkView | None = Field(default=None, description="The FOCUS metadata of the file, as JSON.")


class ExportList(_Model):
    rows: list[ExportView]
    cursor: str | None


ExportId = Annotated[str, Path(description="As the request for it was answered.", examples=[EXPORT])]


@router.post(BASE, summary="Ask for charges as a FOCUS file", status_code=202)
@requires(Role.ANALYST)
def start_export(body: NewExport) -> Response[ExportView]:
    request = ExportRequest.of(body.period, body.first, body.last, body.format, body.version)
    export = export_services().ask(principal(router).tenant, request)
    return respond(export_view(export), status=202)


@router.get(BASE, summary="The tenant's exports, by id")
@requires(Role.ANALYST)
def exports(
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows per page.")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="The cursor of the page before.")
    ] = None,
) -> ExportList:
    page = export_services().read.page(principal(router).tenant, limit=limit, cursor=cursor)
    return ExportList(rows=[export_view(each) for each in page.exports], cursor=page.cursor)


@router.get(f"{BASE}/<export_id>", summary="What became of an export, and where it is")
@requires(Role.ANALYST)
def export(export_id: ExportId) -> ExportView:
    tenant, read = principal(router).tenant, export_services().read
    found = read.export(tenant, unquote(export_id))
    return export_view(found, read.links_of(tenant, found))


def export_view(export: Export, links: Links | None = None) -> ExportView:
    return ExportView(
        export_id=export.export_id,
        status=export.status,
        first_period=export.request.first,
        last_period=export.request.last,
        format=export.request.format,
        version=export.request.version,
        filename=export.request.filename,
        bills=[each.bill_id for each in export.sets],
        rows=export.rows,
        bytes=export.bytes,
        totals=[
            ExportTotalView(
                currency=each.currency,
                billed_cost=each.billed_cost,
                effective_cost=each.effective_cost,
                list_cost=each.list_cost,
                contracted_cost=each.contracted_cost,
            )
            for each in export.totals
        ],
        requested_at=export.requested_at,
        updated_at=export.updated_at,
        expires_at=export.expires_at,
        reason=export.reason,
        file=None if links is None else LinkView(url=links.file.url, expires_at=links.file.expires_at),
        metadata=None
        if links is None
        else LinkView(url=links.metadata.url, expires_at=links.metadata.expires_at),
    )
