"""What a cold start loads: each claim is checked in a process of its own."""

import pkgutil
import subprocess
import sys

import shared

MODULES = sorted(module.name for module in pkgutil.iter_modules(shared.__path__, "shared."))
PURE = [
    f"shared.{name}"
    for name in ("clock", "config", "errors", "events", "fields", "ids", "json_text", "money", "tenancy")
]
HEAVY = {
    "polars",
    "pyarrow",
    "pandas",
    "numpy",
    "duckdb",
    "pyiceberg",
    "sqlglot",
    "aws_cdk",
    "starlette",
    "moto",
    "pydantic_settings",  # a fifth of a cold start, to read what os.environ holds
    "aws_xray_sdk",  # makes a client of its own at import; only where somebody listens
}
AWS = {"boto3", "botocore", "aws_lambda_powertools"}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def loaded_by(modules: list[str]) -> set[str]:
    names = "{name.partition('.')[0] for name in sys.modules}"
    return set(run(f"import sys, {', '.join(modules)}; print(' '.join({names}))").split())


def test_no_module_loads_the_data_plane() -> None:
    loaded = loaded_by(MODULES)
    assert "pydantic" in loaded
    assert not loaded & HEAVY


def test_what_domains_and_events_import_loads_no_aws() -> None:
    loaded = loaded_by(PURE)
    assert "pydantic" in loaded
    assert not loaded & (AWS | HEAVY)


def test_importing_makes_no_client() -> None:
    assert "boto3" not in loaded_by(MODULES)


def test_every_module_can_be_imported_first() -> None:
    # A cycle shows only in the module that is imported first.
    imported = run(
        f"""
import importlib, sys
for name in {MODULES}:
    for loaded in [each for each in sys.modules if each.partition(".")[0] == "shared"]:
        del sys.modules[loaded]
    print(importlib.import_module(name).__name__)
"""
    )
    assert imported.split() == MODULES
