"""A run without effects: the compiled machine is walked, expressions are evaluated, actions are stubbed.

A stub is given by step id: an action's output, or `{"error": {"code": ..., "message": ...}}` for one that
fails; of an approval `"approved"` (as without a stub), `"rejected"` or `"expired"`. An action without a stub
gives a value of each of its declared output fields; `set` gives its input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.workflow.domain.asl_walker import EPOCH, Status, Walker
from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import Definition
from services.workflow.domain.dry_run.dispatcher import RUN, Stubbed, Traced
from services.workflow.domain.dry_run.stubs import refuse_unknown_stubs
from services.workflow.domain.fields import check_fields, with_defaults
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Failure
from shared.actions import Action
from shared.errors import Unprocessable

__all__ = ["Trace", "Traced", "dry_run"]

ARN = "arn:aws:lambda:us-east-1:000000000000:function:dry-run"


@dataclass(frozen=True)
class Trace:
    """What a run would do. `status` is succeeded, failed or timed_out; `seconds` how long it takes, with
    actions that take no time; `not_reached` are ids."""

    status: str
    steps: tuple[Traced, ...]
    outputs: Mapping[str, Any] | None
    failure: Failure | None
    not_reached: tuple[str, ...]
    seconds: int
    transitions: int


def dry_run(
    definition: Definition,
    inputs: Mapping[str, Any] | None = None,
    event: Mapping[str, Any] | None = None,
    stubs: Mapping[str, Any] | None = None,
    *,
    actions: Mapping[str, Action] | None = None,
    now: datetime = EPOCH,
) -> Trace:
    """Walks one run that starts at `now`; `actions` are those of the registry. Raises what `compile`
    raises, and Unprocessable (UNKNOWN_STUB, INPUTS_INVALID)."""
    if actions is None:
        actions = {each.name: each for each in Registry.load()}
    refuse_unknown_stubs(definition, stubs or {})
    _refuse_wrong_inputs(definition, inputs or {})
    asl = compile(definition, tenant="dry-run", version=1, dispatcher_arn=ARN, actions=actions)
    given = with_defaults(definition.inputs, inputs or {})
    stubbed = Stubbed(definition, actions, given, event, stubs or {}, now)
    start = {"run": RUN, "mode": "run", "at": ""}
    walker = stubbed.walker = Walker(asl.machine, stubbed, name=RUN, input=start, now=now)
    walker.run()
    if walker.crashes:
        raise walker.crashes[0]
    reached = {each.step for each in stubbed.journal.values()}
    ended = "succeeded" if stubbed.failure is None else "failed"
    return Trace(
        status="timed_out" if walker.status is Status.TIMED_OUT else ended,
        steps=tuple(stubbed.journal.values()),
        outputs=stubbed.outputs,
        failure=stubbed.failure,
        not_reached=tuple(each.id for each in definition.every_step() if each.id not in reached),
        seconds=stubbed.seconds(),
        transitions=walker.transitions,
    )


def _refuse_wrong_inputs(definition: Definition, inputs: Mapping[str, Any]) -> None:
    if wrong := check_fields(definition.inputs, inputs):
        raise Unprocessable(
            "; ".join(each.message for each in wrong),
            code="INPUTS_INVALID",
            errors=[
                {"field": f"inputs.{each.path}", "code": each.code, "message": each.message} for each in wrong
            ],
        )
