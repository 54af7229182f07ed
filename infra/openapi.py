"""The published contract: `python -m infra.openapi` writes what the handlers declare.

It is checked in, so that a change of the API is seen in review; a test writes it again and compares.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

from services.cost_center.handlers import api as cost_center
from services.identity.handlers import api as identity
from services.portal.handlers import api as portal
from services.query_engine.handlers import openapi as query_engine
from services.workflow.handlers import api as workflow
from services.workflow.handlers import hooks
from shared.openapi import merge, openapi_of

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "services" / "portal" / "openapi.json"
TITLE = "Onyx API"


def document() -> dict[str, Any]:
    """All domains' routes in one OpenAPI document. Its version is the project's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    functions = {
        "cost-center": cost_center.app,
        "identity": identity.app,
        "portal": portal.app,
        "workflow": workflow.app,
        "workflow-hooks": hooks.app,
    }
    documents = [openapi_of(app, name) for name, app in functions.items()]
    return merge([*documents, query_engine.document()], title=TITLE, version=project["version"])


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
