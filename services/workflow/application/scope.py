"""What expressions of a step see, made from the run's row and its journal. Only what they name is read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.workflow.application.runtime import Call, Runtime
from services.workflow.domain.expressions import (
    Expression,
    compile_expression,
    compile_template,
    is_template,
    render,
)
from services.workflow.domain.places import iterations, loops, owner, visible_at
from services.workflow.domain.run import Failure, Run, StepRecord
from shared.json_text import moment, plain


def evaluated(runtime: Runtime, call: Call, expression: str) -> Any:
    """An expression's value. Raises ExpressionError."""
    compiled = compile_expression(expression)
    return compiled.evaluate(_scope(runtime, call, [compiled]))


def holds(runtime: Runtime, call: Call, condition: str) -> bool:
    """Whether a condition holds. Raises ExpressionError."""
    compiled = compile_expression(condition)
    return compiled.holds(_scope(runtime, call, [compiled]))


def rendered(runtime: Runtime, call: Call, template: Any) -> Any:
    """Any value with its templates filled, in JSON's own types (decimals are text). Raises
    ExpressionError."""
    return plain(render(template, _scope(runtime, call, _expressions(template))))


def _scope(runtime: Runtime, call: Call, expressions: Iterable[Expression]) -> Mapping[str, Any]:
    wanted = {each[:2] for expression in expressions for each in expression.references}
    roots = {each[0] for each in wanted}
    read = _Reader(runtime, call)
    found: dict[str, Any] = {
        "event": call.run.event,
        "inputs": call.run.inputs,
        "run": about(call.run),
    }
    if "steps" in roots:
        # `steps` alone, as in keys(steps), may be asked for anything.
        named = None if ("steps",) in wanted else {each[1] for each in wanted if each[0] == "steps"}
        found["steps"] = read.steps(named)
    if "error" in roots:
        found["error"] = told(read.error())
    if roots & {"item", "index"}:
        found |= read.item()
    return found


def about(run: Run) -> Mapping[str, Any]:
    """A run as expressions see it."""
    return {
        "id": run.id,
        "workflow": run.workflow,
        "version": run.version,
        "trigger": run.trigger,
        "started_by": run.started_by,
        "started_at": moment(run.started_at or run.created_at),
    }


def told(failure: Failure | None) -> Mapping[str, Any] | None:
    """A failure as expressions see it."""
    if failure is None:
        return None
    return {"code": failure.code, "message": failure.message, "step": failure.step}


class _Reader:
    """Reads the journal from the place of the call's step."""

    def __init__(self, runtime: Runtime, call: Call) -> None:
        self._runtime = runtime
        self._call = call
        self._around = loops(call.definition)
        self._at = call.request.at

    def steps(self, named: set[str] | None) -> Mapping[str, Any]:
        """The named steps (None: all) that are visible and have begun."""
        found = {}
        for step in sorted(self._around if named is None else named & self._around.keys()):
            place = visible_at(self._at, self._around[step])
            record = None if place is None else self._record(step, place)
            if record is not None:
                found[step] = self._view(record)
        return found

    def item(self) -> Mapping[str, Any]:
        """The innermost iteration's item and its number from 0; nothing outside of loops."""
        inside = iterations(self._at)
        if not inside:
            return {}
        (loop, index), around = inside[-1], "/".join(self._at.split("/")[:-1])
        record = self._record(loop, around)
        items = [] if record is None else (self._output(record) or {}).get("items", [])
        return {"item": items[index] if index < len(items) else None, "index": index}

    def error(self) -> Failure | None:
        """In a step's own on_failure or on_expiry branch its failure, elsewhere the run's."""
        step = self._call.request.step
        handled = None if step is None else owner(self._call.definition, step)
        place = None if handled is None else visible_at(self._at, self._around[handled.id])
        if handled is None or place is None:
            return self._call.run.failure
        record = self._record(handled.id, place)
        return self._call.run.failure if record is None else record.failure

    def _record(self, step: str, at: str) -> StepRecord | None:
        return self._runtime.journal.get(self._call.tenant, self._call.run.id, step, at)

    def _output(self, record: StepRecord) -> Any:
        return self._runtime.journal.output(self._call.tenant, record)

    def _view(self, record: StepRecord) -> Mapping[str, Any]:
        return {
            "status": record.status.value,
            "output": self._output(record),
            "failure": told(record.failure),
        }


def _expressions(template: Any) -> Iterator[Expression]:
    match template:
        case str() if is_template(template):
            yield from (part for part in compile_template(template).parts if isinstance(part, Expression))
        case Mapping():
            for each in template.values():
                yield from _expressions(each)
        case list() | tuple():
            for each in template:
                yield from _expressions(each)
