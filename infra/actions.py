"""The actions of all services: `python -m infra.actions` writes what their `events.ACTIONS` declare.

It is checked in, so that the workflow service knows them without importing anybody; a test writes it again
and compares.
"""

import importlib
import json
import re
from pathlib import Path
from typing import Any

from services.workflow.domain.registry import action_document
from shared.actions import Action, Idempotency, Mode
from shared.schemas import import_events

TARGET = Path(__file__).resolve().parents[1] / "services" / "workflow" / "actions.json"

_NAME = re.compile(r"[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+")


def declared() -> list[Action]:
    """Every service's actions, by name. Raises ValueError for one that a workflow could not ask for."""
    modules = [importlib.import_module(name) for name in import_events()]
    actions = [action for module in modules for action in getattr(module, "ACTIONS", ())]
    for action in actions:
        if not _NAME.fullmatch(action.name):
            raise ValueError(f"{action.name}: an action is named <service>.<verb>")
        if action.mode is not Mode.EVENT:
            raise ValueError(f"{action.name}: only the workflow service's own actions run inline")
        if action.idempotency not in Idempotency:
            raise ValueError(f"{action.name}: it needs an idempotency class")
    return sorted(actions, key=lambda each: each.name)


def document() -> dict[str, Any]:
    return {"actions": [action_document(each) for each in declared()]}


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
