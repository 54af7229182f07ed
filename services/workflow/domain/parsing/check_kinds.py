"""Kinds that are known before anything runs: a template in an action's input against the field it fills."""

from collections.abc import Mapping
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import Expression, compile_template, is_template
from services.workflow.domain.fields import EXPECTED, may_fit
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.places import Places
from services.workflow.domain.parsing.shapes import Item
from services.workflow.domain.registry import Registry
from shared.actions import Action, Kind


class Kinds:
    """Knows the kinds of inputs, and of the outputs that actions declare."""

    def __init__(self, workflow: Item, places: Places, registry: Registry) -> None:
        self._inputs = workflow.get("inputs", {})
        self._places = places
        self._registry = registry

    def check(self, action: Action, input: Mapping[str, Any], path: str, findings: Findings) -> None:
        for name, value in input.items():
            field = action.input.get(name)
            if field is None or not isinstance(value, str) or not is_template(value):
                continue
            given, said = self._of(value)
            if given is not None and not may_fit(field.kind, given):
                message = (
                    f"{action.name}: '{name}': {EXPECTED[field.kind]} is expected, and {said} is {_A[given]}"
                )
                findings.add(f"{path}.{name}", "WRONG_TYPE", message + _advice(field.kind, said))

    def _of(self, text: str) -> tuple[Kind | None, str]:
        """The kind of what the template gives, where it is known; and how to call it."""
        try:
            template = compile_template(text)
        except ExpressionError:
            return None, ""
        if template.expression is None:
            return Kind.STRING, "what stands here"
        return self._of_expression(template.expression), template.expression.text

    def _of_expression(self, expression: Expression) -> Kind | None:
        match expression.path:
            case ("inputs", name) if name in self._inputs:
                type = self._inputs[name].get("type")
                return None if type is None else Kind(type)
            case ("steps", id, "output", name):
                place = self._places.get(id)
                called = place.item.get("action", "") if place else ""
                field = self._registry.get(called).output.get(name) if called in self._registry else None
                return field.kind if field else None
        return None


_A = {
    Kind.STRING: "a text",
    Kind.INTEGER: "an integer",
    Kind.DECIMAL: "a decimal",
    Kind.BOOLEAN: "a boolean",
    Kind.TIMESTAMP: "a timestamp",
    Kind.LIST: "a list",
    Kind.OBJECT: "an object",
}


def _advice(wanted: Kind, said: str) -> str:
    match wanted:
        case Kind.STRING:
            return f"; to_string({said}) makes a text of it"
        case _ if said == "what stands here":
            return "; a text that is exactly one ${expression} keeps its type"
        case _:
            return ""
