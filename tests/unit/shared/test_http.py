import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field

from shared import http
from shared.errors import ConfigurationError, Conflict, NotFound, TooManyRequests
from shared.fields import Money
from shared.http import RouteAccess, api, apis, lambda_handler, principal, public, requires, respond, routes
from shared.observability import logger
from shared.openapi import merge, openapi_of
from shared.tenancy import Role
from tests.fakes.http_calls import Answer, call, token_claims

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


class Row(BaseModel):
    name: str
    cost: Decimal
    paid: Money = Decimal(0)
    at: datetime = MARCH


class Rows(BaseModel):
    rows: list[Row]
    cursor: str | None = None


class NewThing(BaseModel):
    source: str = Field(min_length=3)
    amount: Money | None = None


@pytest.fixture
def app() -> Iterator[APIGatewayHttpResolver]:
    before = dict(http._apis)
    yield _app()
    http._apis.clear()
    http._apis.update(before)


def _app() -> APIGatewayHttpResolver:
    app = api("sample", title="Sample")

    @app.get("/v1/sample/rows")
    @requires(Role.VIEWER)
    def list_rows(
        limit: Annotated[int, Query(ge=1, le=10)] = 5,
        by: str = "",
        filters: Annotated[list[str] | None, Query(alias="filter")] = None,
    ) -> Rows:
        """List the rows.

        In the order of their names.
        """
        return Rows(rows=[Row(name=f"{limit}|{by}|{filters}", cost=Decimal("1E-7"), paid=Decimal("2E+3"))])

    @app.post("/v1/sample/rows", status_code=201)
    @requires(Role.ANALYST)
    def create(body: NewThing) -> Response[Row]:
        return respond(Row(name=body.source, cost=Decimal("1.50")), 201, {"Location": "/v1/sample/rows/1"})

    @app.get("/v1/sample/rows/<row_id>")
    @requires(Role.OPERATOR)
    def one(row_id: str) -> dict[str, Any]:
        errors: dict[str, Exception] = {
            "gone": NotFound("there is no row gone"),
            "busy": TooManyRequests("later", retry_after=7, code="QUERY_BUSY"),
            "odd": Conflict("in another state", errors=[{"field": "status"}]),
            "bug": ValueError("the password is hunter2"),
            "setup": ConfigurationError("SECRET_ARN is missing"),
            "theirs": BadRequestError("powertools' own"),
            "lost": NotFoundError("powertools' own"),
        }
        if row_id in errors:
            raise errors[row_id]
        if row_id == "invalid":
            NewThing.model_validate({"source": "x"})
        return {"who": principal(app).subject, "cost": Decimal("1.10"), "at": MARCH}

    @app.get("/v1/sample/wrong")
    @requires(Role.VIEWER)
    def wrong() -> Rows:
        return {"rows": "not a list"}  # type: ignore[return-value]

    @app.get("/v1/sample/health")
    @public
    def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def ask(
    app: APIGatewayHttpResolver, method: str, path: str, roles: str | None = "admin", **request: Any
) -> Answer:
    claims = None if roles is None else token_claims(roles=roles)
    return call(lambda_handler(app), method, path, claims=claims, **request)


def test_answers_are_json_with_exact_decimals_and_moments_in_utc(app: APIGatewayHttpResolver) -> None:
    answer = ask(app, "GET", "/v1/sample/rows")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == {
        "rows": [{"name": "5||None", "cost": "0.0000001", "paid": "2000", "at": "2026-03-01T00:00:00Z"}],
        "cursor": None,
    }
    plain = ask(app, "GET", "/v1/sample/rows/7")
    assert plain.body == {"who": "user-1", "cost": "1.1", "at": "2026-03-01T00:00:00Z"}


def test_respond_sets_status_and_headers(app: APIGatewayHttpResolver) -> None:
    answer = ask(app, "POST", "/v1/sample/rows", body={"source": "cur", "amount": "1.5"})
    assert (answer.status, answer.headers["location"]) == (201, "/v1/sample/rows/1")
    assert answer.body["cost"] == "1.5"


def test_query_parameters_are_read_as_they_were_sent(app: APIGatewayHttpResolver) -> None:
    query = {"limit": 3, "by": "ServiceName,tag:env", "filter": ["a:b,c", "d:e f&g"]}
    [row] = ask(app, "GET", "/v1/sample/rows", query=query).body["rows"]
    assert row["name"] == "3|ServiceName,tag:env|['a:b,c', 'd:e f&g']"


def problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    document: dict[str, Any] = answer.body
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:onyx:problem:{code}"
    return document


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/sample/rows/gone", 404, "NOT_FOUND"),
        ("/v1/sample/rows/busy", 429, "QUERY_BUSY"),
        ("/v1/sample/rows/odd", 409, "CONFLICT"),
        ("/v1/sample/rows/bug", 500, "INTERNAL"),
        ("/v1/sample/rows/setup", 500, "CONFIGURATION"),
        ("/v1/sample/rows/theirs", 400, "BAD_REQUEST"),
        ("/v1/sample/rows/lost", 404, "NOT_FOUND"),
        ("/v1/sample/rows/invalid", 422, "UNPROCESSABLE"),
        ("/v1/sample/nothing", 404, "NOT_FOUND"),
        ("/", 404, "NOT_FOUND"),
        ("/v1/sample/wrong", 500, "INTERNAL"),
    ],
)
def test_every_error_is_a_problem(app: APIGatewayHttpResolver, path: str, status: int, code: str) -> None:
    document = problem(ask(app, "GET", path), status, code)
    assert document["instance"] == path
    if status == 500:
        assert "hunter2" not in json.dumps(document)
        assert "SECRET_ARN" not in json.dumps(document)
        assert "Traceback" not in json.dumps(document)


def test_details_of_a_problem(app: APIGatewayHttpResolver) -> None:
    assert ask(app, "GET", "/v1/sample/rows/busy").headers["retry-after"] == "7"
    assert ask(app, "GET", "/v1/sample/rows/odd").body["errors"] == [{"field": "status"}]


def test_a_method_that_a_path_has_not_names_those_that_it_has(app: APIGatewayHttpResolver) -> None:
    answer = ask(app, "DELETE", "/v1/sample/rows")
    problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, POST"
    assert ask(app, "PUT", "/v1/sample/rows/7").headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"method": "GET", "query": {"limit": 99}}, "query.limit"),
        ({"method": "GET", "query": {"limit": "x"}}, "query.limit"),
        ({"method": "POST", "body": {"source": "x"}}, "body.source"),
        ({"method": "POST", "body": {}}, "body.source"),
        ({"method": "POST", "body": {"source": "cur", "amount": 1.5}}, "body.amount"),
        ({"method": "POST"}, "body"),
        ({"method": "POST", "body": "{"}, "body.1"),
        ({"method": "POST", "body": "[1]"}, "body"),
        ({"method": "POST", "body": '"text"'}, "body"),
        ({"method": "POST", "body": "null"}, "body"),
    ],
)
def test_what_is_not_valid_is_told_by_field(
    app: APIGatewayHttpResolver, request_: dict[str, Any], field: str
) -> None:
    answer = ask(app, path="/v1/sample/rows", **request_)
    document = problem(answer, 422, "UNPROCESSABLE")
    assert [each["field"] for each in document["errors"]] == [field]
    assert all({"code", "message"} <= each.keys() for each in document["errors"])


def test_a_body_of_another_type_is_refused(app: APIGatewayHttpResolver) -> None:
    answer = ask(app, "POST", "/v1/sample/rows", body="<a/>", headers={"content-type": "text/xml"})
    problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_route_needs_its_role(app: APIGatewayHttpResolver) -> None:
    assert ask(app, "GET", "/v1/sample/rows", roles="viewer").status == 200
    problem(ask(app, "GET", "/v1/sample/rows/7", roles="viewer analyst"), 403, "FORBIDDEN")
    assert ask(app, "GET", "/v1/sample/rows/7", roles="operator").status == 200
    problem(ask(app, "GET", "/v1/sample/rows", roles=""), 403, "FORBIDDEN")


def test_without_a_token_only_public_routes_answer(app: APIGatewayHttpResolver) -> None:
    problem(ask(app, "GET", "/v1/sample/rows", roles=None), 401, "UNAUTHENTICATED")
    assert ask(app, "GET", "/v1/sample/health", roles=None).body == {"status": "ok"}


def test_who_may_call_comes_before_what_was_sent(app: APIGatewayHttpResolver) -> None:
    problem(ask(app, "POST", "/v1/sample/rows", roles="viewer", body="{"), 403, "FORBIDDEN")
    problem(ask(app, "POST", "/v1/sample/rows", roles=None, body="{"), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "claims",
    [{}, {"sub": "u"}, {"sub": "u", "tenant": "Not One", "roles": "admin"}, {"sub": "u", "roles": "x"}],
)
def test_odd_claims_are_no_authentication(app: APIGatewayHttpResolver, claims: dict[str, str]) -> None:
    problem(call(app, "GET", "/v1/sample/rows", claims=claims), 401, "UNAUTHENTICATED")


def test_every_route_is_listed_with_its_role(app: APIGatewayHttpResolver) -> None:
    assert apis()["sample"] is app
    assert routes(app) == [
        RouteAccess("GET", "/v1/sample/health", None),
        RouteAccess("GET", "/v1/sample/rows", Role.VIEWER),
        RouteAccess("POST", "/v1/sample/rows", Role.ANALYST),
        RouteAccess("GET", "/v1/sample/rows/{row_id}", Role.OPERATOR),
        RouteAccess("GET", "/v1/sample/wrong", Role.VIEWER),
    ]


def test_a_route_that_declares_no_access_is_refused(app: APIGatewayHttpResolver) -> None:
    @app.get("/v1/sample/forgotten")
    def forgotten() -> dict[str, str]:
        return {}

    problem(ask(app, "GET", "/v1/sample/forgotten"), 500, "CONFIGURATION")
    with pytest.raises(ConfigurationError, match="forgotten"):
        routes(app)
    with pytest.raises(ConfigurationError, match="forgotten"):
        openapi_of(app, "sample")


def test_tenant_and_request_are_bound_while_a_request_is_handled(app: APIGatewayHttpResolver) -> None:
    seen: list[dict[str, Any]] = []

    @app.get("/v1/sample/context")
    @requires(Role.VIEWER)
    def context() -> dict[str, str]:
        seen.append(dict(logger.thread_safe_get_current_keys()))
        return {}

    ask(app, "GET", "/v1/sample/context")
    assert seen == [{"tenant": "acme", "correlation_id": "request-1"}]
    assert logger.thread_safe_get_current_keys() == {}


def test_the_openapi_document_is_made_offline_from_the_annotations(app: APIGatewayHttpResolver) -> None:
    document = merge([openapi_of(app, "sample")], title="Onyx", version="1")
    assert document["openapi"].startswith("3.1")
    listing = document["paths"]["/v1/sample/rows"]["get"]
    assert (listing["summary"], listing["description"]) == ("List the rows", "In the order of their names.")
    assert (listing["x-onyx-role"], listing["security"], listing["tags"]) == (
        "viewer",
        [{"token": []}],
        ["sample"],
    )
    assert {each["name"] for each in listing["parameters"]} == {"limit", "by", "filter"}
    schema = listing["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Rows"}
    creation = document["paths"]["/v1/sample/rows"]["post"]
    assert creation["responses"].keys() == {"201", "default"}
    assert creation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/NewThing")
    assert document["paths"]["/v1/sample/health"]["get"]["security"] == []
    assert document["components"]["schemas"]["Row"]["properties"]["paid"]["type"] == "string"
    problems = listing["responses"]["default"]["content"]
    assert problems == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_reference_of_the_document_resolves(app: APIGatewayHttpResolver) -> None:
    document = merge([openapi_of(app, "sample")], title="Onyx", version="1")
    for part in json.dumps(document).split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in document["components"]["schemas"]


def test_documents_merge_unless_they_contradict() -> None:
    one = {"paths": {"/b": {"get": {}}}, "components": {"schemas": {"Row": {"type": "object"}}}}
    two = {"paths": {"/a": {"get": {}}}, "components": {"schemas": {"Row": {"type": "object"}}}}
    assert list(merge([one, two], title="t", version="1")["paths"]) == ["/a", "/b"]
    with pytest.raises(ConfigurationError, match="schema Row"):
        merge([one, {"components": {"schemas": {"Row": {"type": "string"}}}}], title="t", version="1")
    with pytest.raises(ConfigurationError, match="path /b"):
        merge([one, {"paths": {"/b": {"get": {"x": 1}}}}], title="t", version="1")


def test_a_parameter_that_the_route_does_not_take_is_refused(app: APIGatewayHttpResolver) -> None:
    answer = ask(app, "GET", "/v1/sample/rows", query={"limit": 3, "filters": "a:b"})
    document = problem(answer, 422, "UNPROCESSABLE")
    assert document["errors"] == [
        {
            "field": "query.filters",
            "code": "extra_forbidden",
            "message": "no such parameter; did you mean filter?",
        }
    ]
    answer = ask(app, "GET", "/v1/sample/rows", query={"zzz": 1, "xyz": ""})
    told = [each["message"] for each in problem(answer, 422, "UNPROCESSABLE")["errors"]]
    assert told == ["no such parameter; there are by, filter, limit"] * 2
    told = [each["message"] for each in ask(app, "GET", "/v1/sample/rows/7", query={"zzz": 1}).body["errors"]]
    assert told == ["no such parameter; there are none"]


def test_who_may_not_call_learns_nothing_of_parameters(app: APIGatewayHttpResolver) -> None:
    assert ask(app, "GET", "/v1/sample/rows/7", roles="viewer", query={"zzz": 1}).status == 403
    assert ask(app, "GET", "/v1/sample/health", roles=None, query={"zzz": 1}).status == 200


@pytest.mark.parametrize("row", ["r" * 513, "%C3%A9" * 257])
def test_an_id_that_is_longer_than_any_is_not_found(app: APIGatewayHttpResolver, row: str) -> None:
    problem(ask(app, "GET", f"/v1/sample/rows/{row}"), 404, "NOT_FOUND")
    assert ask(app, "GET", f"/v1/sample/rows/{'r' * 512}").status == 200
