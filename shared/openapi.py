"""The OpenAPI document, from the handlers' annotations alone: no AWS, no running server."""

import json
from collections.abc import Mapping, Sequence
from inspect import getdoc
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from shared.errors import ConfigurationError
from shared.http import PROBLEM_JSON, app_routes, routes
from shared.tenancy import API_SCOPE

_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_UNUSED_SCHEMAS = ("HTTPValidationError", "ValidationError", "ResponseValidationError")

SECURITY_SCHEME = "token"
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `code` is stable; `errors` are findings about fields, rows or columns.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:onyx:problem:NOT_FOUND"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["NOT_FOUND"]},
        "instance": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}


def openapi_of(app: APIGatewayHttpResolver, service: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of one domain: its operations tagged with `service`, each with its role.

    Raises ConfigurationError for a route that declares no access.
    """
    document: dict[str, Any] = json.loads(app.get_openapi_json_schema())
    access = {(each.path, each.method.lower()): each.role for each in routes(app)}
    texts = {(each.openapi_path, each.method.lower()): getdoc(each.func) for each in app_routes(app)}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                _finish(operation, service, access[path, method])
                _describe(operation, texts[path, method])
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _UNUSED_SCHEMAS:
        schemas.pop(name, None)
    return document


def merge(documents: Sequence[Mapping[str, Any]], *, title: str, version: str) -> dict[str, Any]:
    """One document of many: paths and schemas side by side, sorted, with the token scheme.

    Raises ConfigurationError when two documents describe one path, or one schema name differently.
    """
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"Problem": PROBLEM_SCHEMA}
    for document in documents:
        _add(paths, document.get("paths", {}), "path")
        _add(schemas, document.get("components", {}).get("schemas", {}), "schema")
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                SECURITY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": f"An access token with the scope {API_SCOPE}.",
                }
            },
        },
    }


def problem_responses() -> dict[str, Any]:
    """The `default` response of every operation."""
    return {
        "default": {
            "description": "A problem",
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }


def _finish(operation: dict[str, Any], service: str, role: Any) -> None:
    operation["tags"] = [service]
    responses = operation.setdefault("responses", {})
    # Powertools describes its own form of a validation error, which no caller ever gets.
    responses.pop("422", None)
    responses.update(problem_responses())
    if role is None:
        operation["security"] = []
    else:
        operation["security"] = [{SECURITY_SCHEME: []}]
        operation["x-onyx-role"] = role.value


def _describe(operation: dict[str, Any], text: str | None) -> None:
    """The handler's docstring: its first line is the summary, the rest the description."""
    summary, _, description = (text or "").partition("\n")
    if summary:
        operation["summary"] = summary.strip().rstrip(".")
    if description.strip():
        operation["description"] = description.strip()


def _add(into: dict[str, Any], more: Mapping[str, Any], what: str) -> None:
    for name, value in more.items():
        if into.setdefault(name, value) != value:
            raise ConfigurationError(f"the {what} {name} is described twice, and not alike")
