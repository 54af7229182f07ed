"""The published schema of workflow definitions: `python -m infra.definition_schema` writes it.

It is checked in, so that editors can use it and a change of the language is seen in review; a test writes it
again and compares.
"""

import json
from pathlib import Path

from services.workflow.domain.parsing.schema import document

TARGET = Path(__file__).resolve().parents[1] / "docs" / "workflows" / "definition.schema.json"


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
