"""The control plane stays small: what Lambda runs imports nothing of the data plane."""

import subprocess
import sys

import pytest

DATA_PLANE = ("polars", "pyarrow", "pyiceberg", "duckdb", "sqlglot")


@pytest.mark.parametrize(
    "module",
    [
        "services.cost_center.events",
        "services.cost_center.handlers.api",
        "services.cost_center.handlers.on_tenant_created",
        "services.cost_center.handlers.pull_bills",
    ],
)
def test_lambda_handlers_import_no_data_plane(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {DATA_PLANE!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
