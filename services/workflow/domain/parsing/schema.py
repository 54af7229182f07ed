"""The JSON Schema (2020-12) of the language, from the same table that the parser reads by.

It says what a schema can: keys, types, bounds, choices. What needs the whole text (names, order, actions),
and how long a duration may be, only the parser says.
"""

from typing import Any

from services.workflow.domain.parsing.language import WORKFLOW
from services.workflow.domain.parsing.language_steps import DEFINITIONS

ID = "urn:onyx:schema:workflow-definition:v1"


def document() -> dict[str, Any]:
    """The schema of a workflow's definition."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "description": "A workflow: what starts it, what it does, and what happens when that fails.",
        **WORKFLOW.schema(),
        "$defs": {name: shape.schema() for name, shape in DEFINITIONS.items()},
    }
