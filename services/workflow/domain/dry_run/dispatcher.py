"""The dispatcher of a dry run: expressions are evaluated as in a real one, and actions are stubbed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.workflow.domain.asl_walker import Call, Walker
from services.workflow.domain.builtin_actions import SET
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    ChoiceStep,
    Definition,
    ForEachStep,
    ParallelStep,
    Step,
    WaitStep,
)
from services.workflow.domain.dispatch import Op, Outcome
from services.workflow.domain.dry_run.stubs import any_output
from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import evaluate, holds, render
from services.workflow.domain.fields import check_fields, fits, with_defaults
from services.workflow.domain.places import iterations, loops, owner, visible_at
from services.workflow.domain.run import Failure
from shared.actions import Action, Kind
from shared.clock import iso
from shared.json_text import plain

RUN = "r-" + "0" * 32


@dataclass(frozen=True)
class Traced:
    """A step that was reached. `outcome` is succeeded, skipped, failed, expired, or the branch that a choice
    took (`branch 1`, `no branch`); `seconds` is when it began, from the run's start."""

    step: str
    at: str
    kind: str
    outcome: str
    seconds: int
    input: Any = None
    output: Any = None
    failure: Failure | None = None


@dataclass
class Stubbed:
    """The dispatcher of a dry run: its journal is the trace."""

    definition: Definition
    actions: Mapping[str, Action]
    inputs: Mapping[str, Any]
    event: Mapping[str, Any] | None
    stubs: Mapping[str, Any]
    started: datetime
    journal: dict[tuple[str, str], Traced] = field(default_factory=dict)
    caught: set[tuple[str, str]] = field(default_factory=set)
    failure: Failure | None = None
    outputs: Mapping[str, Any] | None = None
    walker: Walker = field(init=False)

    def __call__(self, call: Call) -> Mapping[str, Any]:
        step, at = call.payload.get("step", ""), call.payload["at"]
        reply: Mapping[str, Any] = {"outcome": Outcome.OK, "delay": 0}
        match Op(call.payload["op"]):
            case Op.STEP:
                reply = self._step(self.definition.step(step), at)
            case Op.EXPIRED:
                self._note(step, at, outcome="expired", failure=_failure(_EXPIRED, step, at))
                reply = {**reply, "outcome": Outcome.EXPIRED}
            case Op.FAILED:
                self._note(step, at, outcome="failed", failure=self._first_failure())
            case Op.CAUGHT:
                self.caught.add((step, at))
            case Op.FAILURE:
                self.failure = self._first_failure()
            case Op.END if self.failure is None:
                self._end()
        if call.token and reply["outcome"] is not Outcome.PENDING:
            self.walker.succeed(call.token, reply)
        return reply

    def seconds(self) -> int:
        """Since the run's start."""
        return round((self.walker.now - self.started).total_seconds())

    def _step(self, step: Step, at: str) -> Mapping[str, Any]:
        begun = self.journal[step.id, at] = Traced(
            step.id, at, _KINDS[type(step)], "succeeded", self.seconds()
        )
        reply: Mapping[str, Any] = {
            "outcome": Outcome.OK,
            "delay": 0,
            "branch": -1,
            "items": [],
            "until": None,
        }
        scope = self._scope(at, step.id)
        try:
            if step.when is not None and not holds(step.when, scope):
                self.journal[step.id, at] = replace(begun, outcome="skipped")
                return {**reply, "outcome": Outcome.SKIPPED}
            return {**reply, **_HANDLERS[type(step)](self, step, begun, scope)}
        except ExpressionError as error:
            failure: Mapping[str, Any] = {"code": error.code, "message": error.detail}
        except _StepFailed as error:
            failure = error.failure
        self._note(step.id, at, outcome="failed", failure=_failure(failure, step.id, at))
        return {**reply, "outcome": Outcome.FAILED}

    def _action(self, step: ActionStep, begun: Traced, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        action = self.actions[step.action]
        given = plain(with_defaults(action.input, render(step.with_, scope)))
        self._note(begun.step, begun.at, input=given)
        if wrong := check_fields(action.input, given, open=action.open):
            message = "; ".join(each.message for each in wrong)
            raise _StepFailed({"code": "ACTION_INPUT_INVALID", "message": f"{step.action}: {message}"})
        output = self.stubs.get(step.id, given if action.name == SET.name else any_output(action))
        if isinstance(output, Mapping) and output.keys() == {"error"}:
            raise _StepFailed(output["error"])
        self._note(begun.step, begun.at, output=plain(output))
        return {}

    def _approval(self, step: ApprovalStep, begun: Traced, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        said = self.stubs.get(step.id, "approved")
        self._note(begun.step, begun.at, input={"message": render(step.message, scope)})
        if said == "rejected":
            raise _StepFailed({"code": "APPROVAL_REJECTED", "message": "it was rejected"})
        if said == "expired":
            return {"outcome": Outcome.PENDING}
        self._note(begun.step, begun.at, output={"status": "approved", "decisions": [_DECISION]})
        return {}

    def _choice(self, step: ChoiceStep, begun: Traced, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        fitting = (
            index for index, each in enumerate(step.branches) if each.when is None or holds(each.when, scope)
        )
        taken = next(fitting, -1)
        outcome = "no branch" if taken < 0 else f"branch {taken + 1}"
        self._note(begun.step, begun.at, outcome=outcome, output={"branch": taken})
        return {"branch": taken}

    def _wait(self, step: WaitStep, begun: Traced, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        until: Any = iso(self.walker.now + timedelta(seconds=step.seconds or 0))
        if step.until is not None:
            until = plain(evaluate(step.until, scope))
            if not fits(Kind.TIMESTAMP, until):
                message = f"'until' is no timestamp: {until!r:.80}"
                raise _StepFailed({"code": "WAIT_UNTIL_INVALID", "message": message})
        deadline = self.started + timedelta(seconds=self.definition.timeout)
        if datetime.fromisoformat(until) > deadline:
            message = f"it would wait until {until}, and the run is stopped at {iso(deadline)}"
            raise _StepFailed({"code": "WAIT_BEYOND_TIMEOUT", "message": message})
        self._note(begun.step, begun.at, output={"until": until})
        return {"until": until}

    def _items(self, step: ForEachStep, begun: Traced, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        items = plain(evaluate(step.items, scope))
        if not isinstance(items, list):
            raise _StepFailed(
                {"code": "ITEMS_INVALID", "message": f"'items' gives no list: {step.items:.80}"}
            )
        if len(items) > step.max_items:
            message = f"{len(items)} items, and max_items is {step.max_items}"
            raise _StepFailed({"code": "TOO_MANY_ITEMS", "message": message})
        self._note(begun.step, begun.at, output={"items": items, "count": len(items)})
        return {"items": [str(index) for index in range(len(items))]}

    def _parallel(self, step: ParallelStep, begun: Traced, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def _note(self, step: str, at: str, **changes: Any) -> None:
        """Also of a parallel step without a condition, which is not asked for before its failure."""
        kind = _KINDS[type(self.definition.step(step))]
        before = self.journal.get((step, at)) or Traced(step, at, kind, "succeeded", self.seconds())
        self.journal[step, at] = replace(before, **changes)

    def _first_failure(self) -> Failure | None:
        """Of a step that nothing has handled."""
        return next(
            (
                each.failure
                for place, each in self.journal.items()
                if each.failure and place not in self.caught and not self._expires_well(each)
            ),
            None,
        )

    def _expires_well(self, traced: Traced) -> bool:
        step = self.definition.step(traced.step)
        return traced.outcome == "expired" and isinstance(step, ApprovalStep) and bool(step.on_expiry)

    def _end(self) -> None:
        try:
            self.outputs = plain(render(self.definition.outputs, self._scope("", None)))
        except ExpressionError as error:
            self.failure = Failure(error.code, error.detail)

    def _scope(self, at: str, step: str | None) -> Mapping[str, Any]:
        """As the dispatcher makes it."""
        around = loops(self.definition)
        seen = {
            id: self.journal[id, place]
            for id in around
            if (place := visible_at(at, around[id])) is not None and (id, place) in self.journal
        }
        scope: dict[str, Any] = {
            "event": self.event,
            "inputs": self.inputs,
            "steps": {id: _view(each) for id, each in seen.items()},
            "run": {
                "id": RUN,
                "workflow": self.definition.id,
                "version": 1,
                "trigger": "manual",
                "started_by": "dry-run",
                "started_at": iso(self.started),
            },
        }
        handled = None if step is None else owner(self.definition, step)
        failure = self.failure if handled is None or handled.id not in seen else seen[handled.id].failure
        scope["error"] = _told(failure)
        if inside := iterations(at):
            loop, index = inside[-1]
            outer = "/".join(at.split("/")[:-1])
            scope |= {"item": self.journal[loop, outer].output["items"][index], "index": index}
        return scope


class _StepFailed(Exception):  # noqa: N818 - it says what is so
    """With `code` and `message`."""

    def __init__(self, failure: Mapping[str, Any]) -> None:
        super().__init__(failure)
        self.failure = failure


_DECISION = {"by": "dry-run", "approve": True, "comment": ""}
_EXPIRED = {"code": "APPROVAL_EXPIRED", "message": "nobody decided in time"}
_Handler = Callable[[Stubbed, Any, Traced, Mapping[str, Any]], Mapping[str, Any]]
_HANDLERS: Mapping[type[Step], _Handler] = {
    ActionStep: Stubbed._action,
    ApprovalStep: Stubbed._approval,
    ChoiceStep: Stubbed._choice,
    ForEachStep: Stubbed._items,
    ParallelStep: Stubbed._parallel,
    WaitStep: Stubbed._wait,
}
_KINDS: Mapping[type[Step], str] = {
    ActionStep: "action",
    ApprovalStep: "approval",
    ChoiceStep: "choice",
    ForEachStep: "for_each",
    ParallelStep: "parallel",
    WaitStep: "wait",
}


def _view(traced: Traced) -> Mapping[str, Any]:
    status = "succeeded" if traced.kind == "choice" and traced.failure is None else traced.outcome
    return {"status": status, "output": traced.output, "failure": _told(traced.failure)}


def _told(failure: Failure | None) -> Mapping[str, Any] | None:
    if failure is None:
        return None
    return {"code": failure.code, "message": failure.message, "step": failure.step}


def _failure(told: Mapping[str, Any], step: str, at: str) -> Failure:
    return Failure(str(told.get("code", "STUBBED")), str(told.get("message", "")), step, at)
