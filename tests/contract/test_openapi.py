"""The published contract is what the handlers declare, and hangs together."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra import openapi
from services.portal.application.docs_page import docs_page
from shared.http import apis, routes
from shared.tenancy import Role

METHODS = ("get", "put", "post", "delete", "patch")
PUBLIC = {
    ("get", "/v1/health"),
    ("get", "/v1/openapi.json"),
    ("get", "/v1/docs"),
    ("post", "/v1/workflows/hooks/{hook}"),  # signed instead
}


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(openapi.TARGET.read_text())


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_checked_in_document_is_what_the_handlers_declare():
    assert openapi.TARGET.read_text() == openapi.text(), "run: python -m infra.openapi"


def test_every_route_of_every_function_is_in_it(document):
    described = {(method, path): operation for method, path, operation in operations(document)}
    for name, app in apis().items():
        for route in routes(app):
            operation = described[route.method.lower(), route.path]
            assert operation["tags"] == [name]
            assert operation.get("x-onyx-role") == (route.role.value if route.role else None)
    for method, path in (("post", "/v1/query"), ("get", "/v1/query/tables"), ("get", "/v1/query/{query_id}")):
        assert (method, path) in described


def test_all_but_health_and_docs_needs_a_token_and_a_role(document):
    for method, path, operation in operations(document):
        if (method, path) in PUBLIC:
            assert operation["security"] == []
        else:
            assert operation["security"] == [{"token": []}]
            assert operation["x-onyx-role"] in {role.value for role in Role}
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_operation_answers_with_a_problem_when_it_fails_and_has_a_name(document):
    names = []
    for method, path, operation in operations(document):
        content = operation["responses"]["default"]["content"]
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert operation["summary"], (method, path)
        names.append(operation["operationId"])
    assert len(set(names)) == len(names)


def test_a_body_takes_no_field_that_it_does_not_know(document):
    """A misspelt field that is passed over would answer something else than was asked for."""
    bodies = []
    for method, path, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"]
            if "anyOf" in schema:
                [schema] = [each for each in schema["anyOf"] if each.get("type") != "null"]
            name = schema["$ref"].removeprefix("#/components/schemas/")
            bodies.append(name)
            assert document["components"]["schemas"][name].get("additionalProperties") is False, (
                method,
                path,
                name,
            )
    assert {"NewUpload", "NewExport", "NewConnection", "QueryRequest"} <= set(bodies)


def test_every_reference_leads_somewhere_and_every_schema_is_used(document):
    used = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert used == set(document["components"]["schemas"])


def test_every_parameter_in_a_path_is_described(document):
    for method, path, operation in operations(document):
        in_path = {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        described = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert described == in_path, (method, path)


def test_no_money_is_a_number(document):
    def walk(name: str, schema: Any) -> None:
        assert schema.get("type") != "number", name
        for key, each in schema.get("properties", {}).items():
            walk(f"{name}.{key}", each)
        if isinstance(schema.get("items"), dict):
            walk(f"{name}[]", schema["items"])

    for name, schema in document["components"]["schemas"].items():
        walk(name, schema)


def test_the_page_links_to_what_is_there(document):
    page = docs_page(document)
    for target in {part.split('"')[0] for part in page.split('href="#')[1:]}:
        assert f'id="{target}"' in page, target
