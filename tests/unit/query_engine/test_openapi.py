import subprocess
import sys

from services.query_engine.handlers.openapi import document
from shared.openapi import merge


def test_the_routes_are_published_with_their_models() -> None:
    published = merge([document()], title="Onyx", version="1")
    assert set(published["paths"]) == {
        "/v1/query",
        "/v1/query/tables",
        "/v1/query/{query_id}",
        "/v1/query/policies",
        "/v1/query/policies/me",
        "/v1/query/policies/{subject}",
    }
    assert {"QueryRequest", "QueryAnswer", "QueryTables", "QueryAudit"} <= set(
        published["components"]["schemas"]
    )
    for operations in published["paths"].values():
        for operation in operations.values():
            assert operation["security"]
            assert operation["tags"] == ["query"]


def test_neither_it_nor_the_function_needs_an_engine() -> None:
    """They are imported where only the control plane's packages are."""
    code = (
        "import sys, services.query_engine.handlers.openapi, services.query_engine.handlers.on_bill_ingested;"
        "print({'polars', 'sqlglot', 'starlette', 'duckdb', 'pyarrow', 'jwt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
