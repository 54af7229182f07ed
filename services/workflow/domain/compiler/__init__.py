"""Compiles a definition to the Amazon States Language that Step Functions runs.

The same definition gives the same bytes. What the machine asks and is told stands in
`services.workflow.domain.dispatch`; `tests/replay` holds runs of what earlier compilers wrote.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.compiler import names, states
from services.workflow.domain.compiler.names import RunState
from services.workflow.domain.compiler.states import Literals, State, on
from services.workflow.domain.compiler.steps import Exits, Scope, entry, series
from services.workflow.domain.definition import Definition
from services.workflow.domain.dispatch import END_FAILED, Op, Outcome
from services.workflow.domain.history_estimate import refuse_too_long
from shared.actions import Action
from shared.errors import Unprocessable

COMPILER = 1
"""Counts up whenever the same definition gives other bytes: add a recording beside the old ones then."""

LARGEST = 1_000_000
"""Bytes of a definition (a quota of Step Functions: 1 MB)."""

WORKFLOW_TOO_LARGE = "WORKFLOW_TOO_LARGE"
STEP_NAME_TOO_LONG = "STEP_NAME_TOO_LONG"


@dataclass(frozen=True)
class Asl:
    """A state machine: as data, and as the text that is sent."""

    machine: Mapping[str, Any]
    text: str


def compile(
    definition: Definition, *, tenant: str, version: int, dispatcher_arn: str, actions: Mapping[str, Action]
) -> Asl:
    """The state machine of `definition`. Raises Unprocessable (WORKFLOW_TOO_LARGE, WORKFLOW_TOO_LONG,
    STEP_NAME_TOO_LONG), and KeyError for an action that `actions` lacks: parsing has refused it before."""
    scope = Scope(Literals(tenant, definition.id, version, dispatcher_arn), actions)
    machine = {
        "Comment": f"onyx tenant={tenant} workflow={definition.id} version={version} compiler={COMPILER}",
        "Version": "1.0",
        "QueryLanguage": "JSONPath",
        "TimeoutSeconds": definition.timeout,
        "StartAt": RunState.START,
        "States": _states(definition, scope),
    }
    text = json.dumps(machine, sort_keys=True, separators=(",", ":"))
    _refuse_beyond_quotas(definition, machine, text)
    refuse_too_long(definition, machine)
    return Asl(json.loads(text), text)


def _states(definition: Definition, scope: Scope) -> dict[str, State]:
    """Begin, the steps, what follows a failure, and the end, through which every run goes."""
    main = Exits(then=RunState.END, failed=RunState.FAILURE, stop=RunState.END)
    after = Exits(then=RunState.END, failed=RunState.END, stop=RunState.END)
    return {
        RunState.START: states.decide(
            RunState.BEGIN, {"Variable": "$.mode", "StringEquals": "cleanup", "Next": RunState.FAILURE}
        ),
        RunState.BEGIN: _call(scope, Op.BEGIN, then=RunState.BEGUN, failed=RunState.BEGIN_FAILED),
        RunState.BEGUN: states.decide(
            RunState.FAILURE, on(Outcome.OK, entry(definition.steps, main)), on(Outcome.STOP, RunState.END)
        ),
        RunState.BEGIN_FAILED: _call(
            scope, Op.FAILED, then=RunState.FAILURE, failed=RunState.FAILURE, error=True
        ),
        **series(definition.steps, main, scope),
        RunState.FAILURE: _call(scope, Op.FAILURE, then=RunState.FAILING, failed=RunState.END),
        RunState.FAILING: states.decide(RunState.END, on(Outcome.OK, entry(definition.on_failure, after))),
        **series(definition.on_failure, after, scope),
        RunState.END: _call(scope, Op.END, then=None, failed=RunState.LOST),
        RunState.LOST: states.fail(END_FAILED),
    }


def _call(scope: Scope, op: Op, *, then: str | None, failed: str, error: bool = False) -> State:
    return states.call(scope.literals, op, then=then, failed=failed, attempts=states.RUN_RETRIES, error=error)


def state_names(machine: Mapping[str, Any]) -> Iterator[str]:
    """Of the machine and of all machines within it."""
    for name, state in machine["States"].items():
        yield name
        for inner in state.get("Branches", ()):
            yield from state_names(inner)
        if "ItemProcessor" in state:
            yield from state_names(state["ItemProcessor"])


def _refuse_beyond_quotas(definition: Definition, machine: Mapping[str, Any], text: str) -> None:
    for name in state_names(machine):
        if len(name) > names.LONGEST:
            raise Unprocessable(
                f"step {names.step_of(name)!r} has too long an id: its states would have names of "
                f"{len(name)} characters, and Step Functions takes {names.LONGEST}; shorten the id",
                code=STEP_NAME_TOO_LONG,
            )
    if (size := len(text.encode())) > LARGEST:
        steps = sum(1 for _ in definition.every_step())
        raise Unprocessable(
            f"workflow {definition.id!r} compiles to {size:,} bytes and Step Functions takes {LARGEST:,}: "
            f"it has {steps} steps; split it into several workflows",
            code=WORKFLOW_TOO_LARGE,
        )
