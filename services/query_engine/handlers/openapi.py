"""What the query routes are, as a part of the published OpenAPI document. No engine is imported for it."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.query_engine.handlers.models import (
    QueryAnswer,
    QueryAudit,
    QueryRequest,
    QueryTables,
)
from shared.openapi import SECURITY_SCHEME, problem_responses
from shared.tenancy import Role

TAG = "query"
_REF = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """Paths and component schemas of the query engine."""
    paths = {
        "/v1/query": {
            "post": _operation(
                "query",
                "Answer one SELECT",
                QueryAnswer,
                "Athena's SQL over the caller's own tables, at most 64 KB of text, 25 seconds, 10,000 rows "
                "and 9 MB of rows. Codes of problems: SQL_SYNTAX, SQL_NOT_SELECT, SQL_MULTIPLE_STATEMENTS, "
                "SQL_TOO_COMPLEX, AS_OF_NOT_KEPT (its `nearest` are moments that are kept), AS_OF_IN_FUTURE, "
                "UNKNOWN_TABLE, UNKNOWN_COLUMN, AMBIGUOUS_COLUMN, UNSUPPORTED_FUNCTION, "
                "UNSUPPORTED_SQL, TYPE_MISMATCH, NOT_GROUPED, DIVISION_BY_ZERO, NUMERIC_OVERFLOW, "
                "INVALID_CAST, INVALID_PATTERN, SUBQUERY_ROWS, RESULT_TOO_LARGE, QUERY_MEMORY, "
                "QUERY_TIMEOUT (504), QUERY_BUSY (429, Retry-After), WORKER_LOST, LAKE_UNAVAILABLE (503).",
                body=QueryRequest,
            )
        },
        "/v1/query/tables": {
            "get": _operation(
                "list_tables",
                "List the tables that can be queried",
                QueryTables,
                "With columns and freshness.",
            )
        },
        "/v1/query/{query_id}": {
            "get": _operation(
                "read_query",
                "Read the audit record of a query",
                QueryAudit,
                "Of one of the caller's tenant's queries, answered or not.",
                parameter="query_id",
            )
        },
    }
    models: list[type[BaseModel]] = [QueryRequest, QueryAnswer, QueryTables, QueryAudit]
    modes: list[tuple[Any, JsonSchemaMode]] = [(model, "serialization") for model in models]
    _, definitions = models_json_schema(modes, ref_template=_REF)
    return {"paths": paths, "components": {"schemas": definitions["$defs"]}}


def _operation(
    name: str,
    summary: str,
    answer: type[BaseModel],
    description: str,
    *,
    body: type[BaseModel] | None = None,
    parameter: str | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{TAG}_{name}",
        "summary": summary,
        "description": description,
        "tags": [TAG],
        "security": [{SECURITY_SCHEME: []}],
        "x-onyx-role": Role.VIEWER.value,
        "responses": {
            "200": {"description": "Successful Response", "content": _content(answer)},
            **problem_responses(),
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    if parameter is not None:
        operation["parameters"] = [
            {"name": parameter, "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return operation


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
