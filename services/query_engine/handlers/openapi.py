"""What the query routes are, as a part of the published OpenAPI document. No engine is imported for it."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.query_engine.handlers.models import (
    QueryAnswer,
    QueryAudit,
    QueryRequest,
    QueryState,
    QueryTables,
)
from services.query_engine.handlers.policy_models import (
    OwnRowPolicy,
    PolicySettingsBody,
    RowPolicies,
    RowPolicyBody,
    SetRowPolicy,
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
                "Athena's SQL over the caller's own tables, at most 256 KiB of text, 25 seconds, 10,000 rows "
                "and 9 MB of rows; as a file (`format`) 5,000,000 rows and 1 GiB. With `async`, or `Prefer: "
                "respond-async`, the answer is 202 and a QueryAudit, and the query has 14 minutes. One that "
                "its client does not wait for any more is cancelled. Codes of problems: SQL_SYNTAX, "
                "SQL_NOT_SELECT, SQL_MULTIPLE_STATEMENTS, "
                "SQL_TOO_COMPLEX, AS_OF_NOT_KEPT (its `nearest` are moments that are kept), AS_OF_IN_FUTURE, "
                "UNKNOWN_TABLE, UNKNOWN_COLUMN, AMBIGUOUS_COLUMN, UNSUPPORTED_FUNCTION, "
                "UNSUPPORTED_SQL, TYPE_MISMATCH, NOT_GROUPED, DIVISION_BY_ZERO, NUMERIC_OVERFLOW, "
                "INVALID_CAST, INVALID_ARGUMENT, INVALID_PATTERN, SUBQUERY_ROWS, RESULT_TOO_LARGE, "
                "QUERY_TOO_LARGE, QUERY_MEMORY, "
                "ROW_POLICY (a table that the caller's row policy has no meaning for), "
                "QUERY_TIMEOUT (504), QUERY_BUSY (429, Retry-After), QUERY_CANCELLED (409), WORKER_LOST, "
                "LAKE_UNAVAILABLE (503).",
                body=QueryRequest,
                later=QueryAudit,
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
                "Read the audit record of a query, and its result",
                QueryState,
                "Of one of the caller's tenant's queries, answered or not. A result that is a file is "
                "kept for six days, for who sent the query and for administrators; its address is "
                "signed anew at each look.",
                parameter="query_id",
            ),
            "delete": _operation(
                "cancel_query",
                "Cancel a query",
                QueryAudit,
                "By who sent it, or an administrator of the tenant; it ends within seconds. One that is over "
                "stays as it is.",
                parameter="query_id",
            ),
        },
    }
    paths |= _policy_paths()
    models: list[type[BaseModel]] = [QueryRequest, QueryAnswer, QueryTables, QueryAudit, QueryState]
    models += [RowPolicyBody, PolicySettingsBody, SetRowPolicy, OwnRowPolicy, RowPolicies]
    modes: list[tuple[Any, JsonSchemaMode]] = [(model, "serialization") for model in models]
    _, definitions = models_json_schema(modes, ref_template=_REF)
    return {"paths": paths, "components": {"schemas": definitions["$defs"]}}


def _policy_paths() -> dict[str, Any]:
    def of(subject: bool, *given: Any, **more: Any) -> dict[str, Any]:
        return _operation(*given, parameter="subject" if subject else None, role=Role.ADMIN, **more)

    page = (
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}},
        {"name": "cursor", "in": "query", "schema": {"type": "string"}},
    )
    changed = "Binds every query that is sent from now on. Problems: ROW_POLICY, VERSION_CONFLICT (409)."
    return {
        "/v1/query/policies": {
            "get": of(
                False,
                "list_policies",
                "List row policies",
                RowPolicies,
                "By subject, 100 a page.",
                asked=page,
            ),
            "put": of(
                False,
                "configure_policies",
                "Say what a user without a policy sees, and which tag is the cost center",
                PolicySettingsBody,
                f"With deny, who has no policy sees no row. {changed}",
                body=PolicySettingsBody,
            ),
        },
        "/v1/query/policies/me": {
            "get": _operation(
                "own_policy", "Read the row policy that binds the caller", OwnRowPolicy, "Of nobody else."
            )
        },
        "/v1/query/policies/{subject}": {
            "get": of(True, "read_policy", "Read a row policy", SetRowPolicy, "By its subject."),
            "put": of(
                True,
                "set_policy",
                "Set which rows a user sees",
                SetRowPolicy,
                f"Whatever their roles, in every query. Exports and bills are not narrowed. {changed}",
                body=RowPolicyBody,
            ),
            "delete": of(
                True, "remove_policy", "Remove a row policy", SetRowPolicy, f"Answers what it was. {changed}"
            ),
        },
    }


def _operation(
    name: str,
    summary: str,
    answer: type[BaseModel],
    description: str,
    *,
    body: type[BaseModel] | None = None,
    parameter: str | None = None,
    later: type[BaseModel] | None = None,
    role: Role = Role.VIEWER,
    asked: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{TAG}_{name}",
        "summary": summary,
        "description": description,
        "tags": [TAG],
        "security": [{SECURITY_SCHEME: []}],
        "x-onyx-role": role.value,
        "responses": {
            "200": {"description": "Successful Response", "content": _content(answer)},
            **problem_responses(),
        },
    }
    if later is not None:
        operation["responses"]["202"] = {"description": "Accepted", "content": _content(later)}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    if parameter is not None:
        operation["parameters"] = [
            {"name": parameter, "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    if asked:
        operation["parameters"] = list(asked)
    return operation


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
