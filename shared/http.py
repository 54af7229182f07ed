"""One HTTP function per domain: Powertools' resolver with Onyx's manners.

    app = api("cost-center", title="Cost center")

    @app.get("/v1/cost-center/bills")
    @requires(Role.VIEWER)
    def bills(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> BillPage: ...

    handler = lambda_handler(app)

A route declares its role (`requires`) or that it is `public`; one that declares neither is refused. Requests
are validated against the handler's annotations, which also make the OpenAPI document (`shared.openapi`); what
they do not name is refused (`shared.strict_requests`).
Every error is a problem document (RFC 9457). A handler returns a pydantic model, a dict or `respond(...)`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
    OpenAPIResponseValidationMiddleware,
)
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import ValidationError

from shared.errors import (
    BadRequest,
    ConfigurationError,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    OnyxError,
    PayloadTooLarge,
    Timeout,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
    public_problem,
)
from shared.events import findings, told
from shared.json_text import dumps, plain
from shared.observability import bind_context, clear_context, flush_metrics, logger, tracer
from shared.strict_requests import check_request
from shared.tenancy import Principal, Role, principal_from_claims

PROBLEM_JSON = "application/problem+json"
JSON = "application/json"

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_BY_STATUS: dict[int, type[OnyxError]] = {
    each.status: each
    for each in (BadRequest, Unauthenticated, Forbidden, PayloadTooLarge, Timeout, Unavailable)
}

_ACCESS = "__onyx_access__"
_PUBLIC = "public"

_apis: dict[str, APIGatewayHttpResolver] = {}


@dataclass(frozen=True)
class RouteAccess:
    """A route, and who may call it: a role, or anybody (None)."""

    method: str
    path: str
    role: Role | None


def requires(role: Role) -> Callable[[F], F]:
    """The route below may be called in this role only. Stands under `@app.get(...)`."""
    return _marked(role)


def public(handler: F) -> F:
    """The route below may be called by anybody, without a token."""
    return _marked(_PUBLIC)(handler)


def api(service: str, *, title: str, fractions_as_text: bool = False) -> APIGatewayHttpResolver:
    """The resolver of a domain's HTTP function, registered under `service` (see `apis`).

    `fractions_as_text`: a number with a point in a body is taken as the text it was written in, where bodies
    hold values of any kind and none may pass through a float.
    """
    read = partial(json.loads, parse_float=str) if fractions_as_text else None
    app = _Resolver(enable_validation=True, serializer=dumps, json_body_deserializer=read)
    # Powertools has no hook before validation and none for how a checked answer is written.
    app._request_validation_middleware = _Admission()  # type: ignore[no-untyped-call]
    app._response_validation_middleware = _Answer()
    app.configure_openapi(title=title)
    _handle_errors(app)
    _apis[service] = app
    return app


def apis() -> Mapping[str, APIGatewayHttpResolver]:
    """Every resolver that was made so far, by service."""
    return dict(_apis)


def routes(app: APIGatewayHttpResolver) -> list[RouteAccess]:
    """Every route of `app` with its role. Raises ConfigurationError for one that declares no access."""
    return sorted(
        (RouteAccess(route.method, route.openapi_path, _role_of(route)) for route in app_routes(app)),
        key=lambda each: (each.path, each.method),
    )


def app_routes(app: APIGatewayHttpResolver) -> list[Route]:
    """Powertools' own routes of `app`."""
    return [*app._static_routes, *app._dynamic_routes]


def principal(app: APIGatewayHttpResolver | APIGatewayHttpRouter) -> Principal:
    """Who is calling, from the claims that API Gateway verified. Raises Unauthenticated.

    `app` is the resolver, or a router that it includes.
    """
    authorizer = app.current_event.request_context.authorizer
    claims = authorizer.jwt_claim if authorizer else {}
    if not claims:
        raise Unauthenticated("the request carries no verified token")
    return principal_from_claims(claims)


def respond(data: T, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[T]:
    """A JSON answer: decimals as canonical strings, moments in UTC with a Z."""
    return Response(status_code=status, content_type=JSON, body=plain(data), headers=dict(headers or {}))


def problem(error: OnyxError, instance: str | None = None) -> Response[Any]:
    """The answer to `error`: its problem document, and when to try again if that is known."""
    document = public_problem(error, instance)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return Response(
        status_code=error.status, content_type=PROBLEM_JSON, body=dumps(document), headers=headers
    )


def lambda_handler(app: APIGatewayHttpResolver) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The function's entry point: resolves the request and logs one line about it."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        clear_context()
        try:
            answer = app.resolve(event, context)
            logger.info(
                "request",
                method=app.current_event.http_method,
                path=app.current_event.path,
                status=answer["statusCode"],
            )
            return answer
        finally:
            flush_metrics()
            clear_context()

    # A response is the tenant's: it does not belong into a trace.
    traced: Callable[[dict[str, Any], Any], dict[str, Any]] = tracer.capture_lambda_handler(
        handler, capture_response=False
    )
    return traced


class _HttpEvent(APIGatewayProxyEventV2):
    """A request whose repeated query parameters are what was sent.

    API Gateway joins them with commas, which cannot be told from a comma in a value.
    """

    @property
    def resolved_query_string_parameters(self) -> dict[str, Any]:
        raw = self.get("rawQueryString")
        return dict(parse_qs(raw, keep_blank_values=True)) if raw else {}


class _Resolver(APIGatewayHttpResolver):
    def _to_proxy_event(self, event: dict[str, Any]) -> _HttpEvent:
        return _HttpEvent(event, self._json_body_deserializer)


class _Admission(OpenAPIRequestValidationMiddleware):
    """Who may call comes before what they sent: a stranger learns nothing from validation."""

    def handler(self, app: Any, next_middleware: NextMiddleware) -> Response[Any]:
        correlation = app.current_event.request_context.request_id
        bind_context(tenant=None, correlation_id=correlation)
        route: Route = app.context["_route"]
        if route in app_routes(app):
            role = _role_of(route)
            if role is not None:
                caller = principal(app)
                bind_context(tenant=caller.tenant, correlation_id=correlation)
                caller.require(role)
                check_request(route, app.current_event)
        return super().handler(app, next_middleware)


class _Answer(OpenAPIResponseValidationMiddleware):
    """Checks an answer against the handler's annotation, and writes it in Onyx's own JSON."""

    def _handle_response(self, *, route: Route, response: Response[Any]) -> Response[Any]:
        if not response.is_json() or isinstance(response.body, str):
            return response
        if route.dependant.return_param is not None:
            try:
                self._serialize_response_with_validation(
                    field=route.dependant.return_param, response_content=response.body
                )
            except RequestValidationError as error:
                raise OnyxError(
                    f"{route.method} {route.path} answered other than it declares: {error.errors()}"
                ) from error
        response.body = plain(response.body)
        return response


def _marked(access: Role | str) -> Callable[[F], F]:
    def mark(handler: F) -> F:
        setattr(handler, _ACCESS, access)
        return handler

    return mark


def _role_of(route: Route) -> Role | None:
    access = getattr(route.func, _ACCESS, None)
    if access is None:
        raise ConfigurationError(f"{route.method} {route.path} declares neither a role nor that it is public")
    return access if isinstance(access, Role) else None


def _handle_errors(app: APIGatewayHttpResolver) -> None:
    def answer(error: OnyxError) -> Response[Any]:
        if error.status >= 500:
            logger.exception("request failed", code=error.code)
        return problem(error, app.current_event.path)

    def no_route(error: NotFoundError) -> Response[Any]:
        path, method = app.current_event.path, app.current_event.http_method
        allowed = sorted({route.method for route in app_routes(app) if route.rule.match(path)})
        if not allowed or method in allowed:
            return answer(NotFound(f"there is no {path}"))
        response = answer(MethodNotAllowed(f"{path} takes {', '.join(allowed)}"))
        response.headers["Allow"] = ", ".join(allowed)
        return response

    def unexpected(error: Exception) -> Response[Any]:
        # The log has the trace; the caller gets the code only.
        return answer(OnyxError(f"{type(error).__name__}: {error}"))

    app.exception_handler(OnyxError)(answer)
    app.exception_handler(NotFoundError)(no_route)
    app.exception_handler(RequestValidationError)(lambda error: answer(_unprocessable(error)))
    app.exception_handler(ValidationError)(
        lambda error: answer(Unprocessable("the request is not valid", errors=findings(error)))
    )
    app.exception_handler(RequestUnsupportedContentType)(
        lambda error: answer(UnsupportedMediaType("the body is read as application/json only"))
    )
    app.exception_handler(ServiceError)(lambda error: answer(_of_service_error(error)))
    app.exception_handler(Exception)(unexpected)


def _unprocessable(error: RequestValidationError) -> Unprocessable:
    return Unprocessable("the request is not valid", errors=told(error.errors()))


def _of_service_error(error: ServiceError) -> OnyxError:
    """Powertools' own errors (a handler may raise them) in Onyx's tree."""
    return _BY_STATUS.get(int(error.status_code), OnyxError)(str(error.msg))
