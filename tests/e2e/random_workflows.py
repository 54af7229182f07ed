"""Any workflow, with actions that a running platform has: requests to a server of the test, and queries."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    ChoiceStep,
    Definition,
    ForEachStep,
    ParallelStep,
    Retry,
    Step,
    WaitStep,
)
from tests.e2e.lying_server import BEHAVIOURS
from tests.fakes.workflow_definitions import definitions
from tests.fakes.workflow_texts import as_language_allows, text_of

MOST_STEPS = 9
REQUEST_SECONDS = 2
"""Of an attempt: less than the server sleeps where it is slow."""
ACTIONS = {"here.again": "idempotent", "here.search": "read", "here.once": "once"}
"""`there.*` is asked for on the bus: a query."""


@dataclass(frozen=True)
class AnyWorkflow:
    """A definition, and how the server behaves towards each of its requests."""

    definition: Definition
    behaviours: dict[str, str]
    places: int | None

    def source(self, id: str, *, tenant: str, marker: str, server: str) -> str:
        """Its text, as a tenant publishes it: every request and the outputs carry its marker."""

        def act(step: ActionStep) -> ActionStep:
            return _action(step, self.behaviours[step.id], tenant, marker, server)

        made = replace(
            self.definition,
            id=id,
            steps=_changed(self.definition.steps, act),
            on_failure=_changed(self.definition.on_failure, act),
            outputs={"marker": marker},
            timeout=3600,
        )
        document = json.loads(text_of(made))
        document["triggers"] = [{"name": "by-hand", "manual": True}]
        if self.places is not None:
            document["limits"] = {"concurrency": self.places}
        return json.dumps(document, indent=1)


# Deferred, or Hypothesis writes pages about what it draws from.
_SMALL = st.deferred(lambda: definitions(most=3).filter(_is_small))


def _is_small(definition: Definition) -> bool:
    steps = list(definition.every_step())
    return len(steps) <= MOST_STEPS and sum(isinstance(each, ActionStep) for each in steps) >= 2


@st.composite
def workflows(draw: st.DrawFn) -> AnyWorkflow:
    definition = as_language_allows(draw(_SMALL))
    steps = [each.id for each in definition.every_step() if isinstance(each, ActionStep)]
    behaviours = {each: draw(st.sampled_from(BEHAVIOURS)) for each in steps}
    return AnyWorkflow(definition, behaviours, draw(st.sampled_from([None, 1, 2])))


def _action(step: ActionStep, behaviour: str, tenant: str, marker: str, server: str) -> ActionStep:
    kind = ACTIONS.get(step.action)
    retry = Retry(attempts=step.retry.attempts, delay=1, max_delay=2)
    if kind is None:
        query = {"sql": "SELECT 1 AS one"}
        return replace(step, action="query.run", with_=query, timeout=20, heartbeat=None, retry=retry)
    given: dict[str, Any] = {"url": f"{server}/{behaviour}"}
    step = replace(step, timeout=REQUEST_SECONDS, heartbeat=None, retry=retry)
    if kind == "read":
        return replace(step, action="http.get", with_=given)
    given["body"] = {"tenant": tenant, "marker": marker, "run": "${run.id}", "step": step.id}
    if kind == "idempotent":
        given["idempotent"] = True
    return replace(step, action="http.send", with_=given)


def _changed(steps: tuple[Step, ...], act: Callable[[ActionStep], ActionStep]) -> tuple[Step, ...]:
    return tuple(_change(step, act) for step in steps)


def _change(step: Step, act: Callable[[ActionStep], ActionStep]) -> Step:
    match step:
        case ActionStep():
            return replace(act(step), on_failure=_changed(step.on_failure, act))
        case WaitStep(seconds=int()):
            return replace(step, seconds=1)
        case ApprovalStep():
            return replace(
                step,
                roles=("approver", "analyst"),
                expires=60,
                reminders=None,
                on_expiry=_changed(step.on_expiry, act),
            )
        case ForEachStep():
            return replace(step, steps=_changed(step.steps, act))
        case ChoiceStep() | ParallelStep():
            branches = (replace(each, steps=_changed(each.steps, act)) for each in step.branches)
            return replace(step, branches=tuple(branches))
        case _:
            return step
