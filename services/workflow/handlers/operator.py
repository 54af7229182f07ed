"""The operator function of workflows: triggers that start a workflow in every tenant that has it.

{"command": "set_trigger", "name", "type", "workflow", "pattern"?, "inputs"?}
  -> {"ok": true, "trigger": {...}}
{"command": "list_triggers"} -> {"ok": true, "rows": [{...}]}
{"command": "delete_trigger", "name"} -> {"ok": true}
"""

from functools import lru_cache
from typing import Any

from pydantic import Field

from services.workflow.adapters.global_trigger_store import GlobalTriggerStore
from services.workflow.domain.naming import WORKFLOW_ID
from services.workflow.domain.pattern_checks import check
from services.workflow.domain.workflow import GlobalTrigger
from shared.config import Settings, load_settings
from shared.errors import NotFound, Unprocessable
from shared.json_text import plain
from shared.operator_commands import Answer, Command, Route, answer, route


class OperatorSettings(Settings):
    global_trigger_table: str


class SetTrigger(Command):
    name: str = Field(pattern="^[a-z][a-z0-9-]{0,62}$")
    type: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*\.v[1-9][0-9]*$")
    workflow: str = Field(pattern=WORKFLOW_ID.pattern)
    pattern: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, Any] = Field(default_factory=dict)


class DeleteTrigger(Command):
    name: str


@lru_cache(maxsize=1)
def store() -> GlobalTriggerStore:
    return GlobalTriggerStore(load_settings(OperatorSettings).global_trigger_table)


def set_trigger(command: SetTrigger) -> Answer:
    if found := check(command.pattern):
        raise Unprocessable("the pattern is not EventBridge's", code="PATTERN", errors=plain(found))
    trigger = GlobalTrigger(command.name, command.type, command.workflow, command.pattern, command.inputs)
    store().put(trigger)
    return {"trigger": plain(trigger)}


def list_triggers(command: Command) -> Answer:
    return {"rows": [plain(each) for each in store().every()]}


def delete_trigger(command: DeleteTrigger) -> Answer:
    if all(each.name != command.name for each in store().every()):
        raise NotFound(f"there is no global trigger {command.name}")
    store().remove(command.name)
    return {}


ROUTES: dict[str, Route] = {
    "set_trigger": route(SetTrigger, set_trigger),
    "list_triggers": route(Command, list_triggers),
    "delete_trigger": route(DeleteTrigger, delete_trigger),
}


def handler(event: dict[str, Any], context: object) -> Answer:
    return answer(ROUTES, event)
