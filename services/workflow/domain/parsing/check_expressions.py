"""Every expression of a workflow: its syntax, and that what it names is there when it is evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import Expression, compile_expression, compile_template
from services.workflow.domain.expressions.templates import expressions_of
from services.workflow.domain.names import hint
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.places import Place, Places, why_hidden
from services.workflow.domain.parsing.shapes import Item
from services.workflow.domain.registry import Registry

_RUN = ("id", "workflow", "version", "trigger", "started_by", "started_at")
_STEP = ("status", "output", "failure")
_ERROR = ("code", "message", "step")
_ROOTS = ("event", "inputs", "steps", "run", "item", "index", "error")
_OUTPUTS = {
    "approval": ("status", "decisions"),
    "choice": ("branch",),
    "for_each": ("items", "count"),
    "wait": ("until",),
    "wait_until": ("until",),
}


@dataclass(frozen=True)
class Sight:
    """What expressions at one place see. `of` is the step that they belong to."""

    roots: frozenset[str]
    visible: frozenset[str] = field(default=frozenset())
    of: Place | None = None


TRIGGER_SIGHT = Sight(frozenset({"event"}))


class Expressions:
    """Checks expressions and templates, and notes what is wrong."""

    def __init__(self, workflow: Item, places: Places, registry: Registry, findings: Findings) -> None:
        self._inputs = workflow.get("inputs", {})
        self._places = places
        self._registry = registry
        self._findings = findings

    def step(self, place: Place) -> Sight:
        """The sight of a step."""
        roots = {"event", "inputs", "steps", "run"}
        roots |= {"item", "index"} if place.in_loop else set()
        roots |= {"error"} if place.handles_failure else set()
        return Sight(frozenset(roots), place.visible, place)

    def end(self) -> Sight:
        """The sight of a workflow's outputs."""
        return Sight(frozenset({"event", "inputs", "steps", "run"}), self._places.ended)

    def expression(self, text: Any, path: str, sight: Sight) -> None:
        if not isinstance(text, str):
            return
        if text.startswith("${"):
            message = "an expression stands here as it is, without ${ and }"
            self._findings.add(path, "EXPRESSION_SYNTAX", message)
            return
        try:
            self._names(compile_expression(text), path, sight)
        except ExpressionError as error:
            self._findings.add(path, error.code, error.detail)

    def template(self, value: Any, path: str, sight: Sight) -> None:
        for below, text in expressions_of(value):
            try:
                parts = compile_template(text).parts
            except ExpressionError as error:
                self._findings.add(path + below, error.code, error.detail)
                continue
            for part in parts:
                if isinstance(part, Expression):
                    self._names(part, path + below, sight)

    def _names(self, expression: Expression, path: str, sight: Sight) -> None:
        if expression.reads_everything:
            message = f"name what is needed of the scope: {', '.join(sorted(sight.roots))}"
            self._findings.add(path, "WHOLE_SCOPE", message)
        for reference in expression.references:
            fault = self._fault(reference, sight)
            if fault is not None:
                self._findings.add(path, *fault)

    def _fault(self, reference: tuple[str, ...], sight: Sight) -> tuple[str, str] | None:
        root, *rest = reference
        if root not in sight.roots:
            return _not_here(root, sight)
        if not rest:
            return None
        match root:
            case "inputs":
                return _among(rest[0], self._inputs, "input", "UNKNOWN_INPUT")
            case "run":
                return _among(rest[0], _RUN, "part of run", "UNKNOWN_NAME")
            case "error":
                return _among(rest[0], _ERROR, "part of error", "UNKNOWN_NAME")
            case "steps":
                return self._step(rest, sight)
            case _:
                return None

    def _step(self, rest: list[str], sight: Sight) -> tuple[str, str] | None:
        id, *parts = rest
        place = self._places.get(id)
        if place is None:
            return "UNKNOWN_STEP", f"there is no step '{id[:64]}'{hint(id, self._places.names())}"
        if id not in sight.visible:
            code, why = why_hidden(sight.of, place)
            return code, f"the step '{id}' {why}"
        if not parts:
            return None
        fault = _among(parts[0], _STEP, f"part of steps.{id}", "UNKNOWN_NAME")
        if fault or parts[0] != "output" or len(parts) < 2:
            return fault
        return self._output(place, parts[1])

    def _output(self, place: Place, name: str) -> tuple[str, str] | None:
        item = place.item
        outputs: Mapping[str, Any] | tuple[str, ...] = _OUTPUTS.get(item.kind, ())
        if item.kind == "action" and item.get("action") in self._registry:
            action = self._registry.get(item["action"])
            outputs = () if action.open else action.output
            if action.name == "set":
                outputs = item.get("with", {})
        return (
            _among(name, outputs, f"output of the step '{place.id}'", "UNKNOWN_OUTPUT") if outputs else None
        )


def _among(name: str, known: Any, what: str, code: str) -> tuple[str, str] | None:
    if name in known:
        return None
    there = f"; there are {', '.join(known)}" if known else "; there is none"
    return code, f"there is no {what} '{name[:64]}'{hint(name, known) or there}"


def _not_here(root: str, sight: Sight) -> tuple[str, str]:
    match root:
        case "item" | "index":
            return "OUTSIDE_FOR_EACH", f"'{root}' is known inside of a for_each only"
        case "error":
            return "UNKNOWN_NAME", "'error' is known inside of on_failure and on_expiry only"
        case _ if root in _ROOTS:
            return "UNKNOWN_NAME", f"'{root}' is not known here: {', '.join(sorted(sight.roots))} is"
        case _:
            near = hint(root, sight.roots) or f"; there are {', '.join(sorted(sight.roots))}"
            return (
                "UNKNOWN_NAME",
                f"there is no '{root[:64]}'{near} (a text in an expression is written 'so')",
            )
