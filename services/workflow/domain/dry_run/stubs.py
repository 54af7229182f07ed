"""What stands for the answer of an action."""

from collections.abc import Mapping
from typing import Any

from services.workflow.domain.asl_walker import EPOCH
from services.workflow.domain.definition import ActionStep, ApprovalStep, Definition
from services.workflow.domain.names import hint
from shared.actions import Action, Field, Kind
from shared.clock import iso
from shared.errors import Unprocessable

_SAMPLES: Mapping[Kind, Any] = {
    Kind.STRING: "text",
    Kind.INTEGER: 1,
    Kind.DECIMAL: "1.00",
    Kind.BOOLEAN: True,
    Kind.TIMESTAMP: iso(EPOCH),
    Kind.LIST: [],
    Kind.OBJECT: {},
    Kind.ANY: None,
}


def any_output(action: Action) -> Mapping[str, Any]:
    """A value of each declared field."""
    return {name: sample(each) for name, each in action.output.items()}


def sample(field: Field) -> Any:
    """A value of the field: its default, the first that is allowed, or any of its kind."""
    if field.default is not None:
        return field.default
    return field.one_of[0] if field.one_of else _SAMPLES[field.kind]


def refuse_unknown_stubs(definition: Definition, stubs: Mapping[str, Any]) -> None:
    """Raises Unprocessable (UNKNOWN_STUB)."""
    known = [each.id for each in definition.every_step() if isinstance(each, ActionStep | ApprovalStep)]
    for step in stubs:
        if step not in known:
            raise Unprocessable(
                f"there is no action or approval '{step[:80]}' to stub{hint(step, known)}",
                code="UNKNOWN_STUB",
            )
