"""The states of each kind of step, in a table by kind.

What a step's failure leads to is given from outside (`Exits`): the step's own on_failure comes first, then
the level that it stands in, then the run's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.workflow.domain.compiler import names, states
from services.workflow.domain.compiler.states import Literals, State, on
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    ChoiceStep,
    ForEachStep,
    ParallelStep,
    Step,
    WaitStep,
)
from services.workflow.domain.dispatch import Op, Outcome
from shared.actions import Action, Mode

States = dict[str, State]


@dataclass(frozen=True)
class Exits:
    """Where a step goes on: after it, after a failure, and when the run is to stop. `nested`: inside a
    for-each."""

    then: str
    failed: str
    stop: str
    nested: bool = False


@dataclass(frozen=True)
class Scope:
    """What the builders know of the machine."""

    literals: Literals
    actions: Mapping[str, Action]


def series(steps: Sequence[Step], exits: Exits, scope: Scope) -> States:
    """The states of `steps`, one after the other. The first state of a step is called by its id."""
    built: States = {}
    following = [*(step.id for step in steps[1:]), exits.then]
    for step, then in zip(steps, following, strict=False):
        built |= BUILDERS[type(step)](step, replace(exits, then=then), scope)
    return built


def entry(steps: Sequence[Step], exits: Exits) -> str:
    """The state with which `steps` begin."""
    return steps[0].id if steps else exits.then


def branch(step: Step, index: int, steps: Sequence[Step], nested: bool, scope: Scope) -> State:
    """A machine of its own within a parallel or map state: it ends well, or fails the state that it is in."""
    good, bad = names.done(step, index), names.broken(step, index)
    exits = Exits(then=good, failed=bad, stop=bad, nested=nested)
    ends: States = {good: states.succeed()} | ({bad: states.fail()} if steps else {})
    return {"StartAt": entry(steps, exits), "States": series(steps, exits, scope) | ends}


def asked(
    step: Step, exits: Exits, scope: Scope, rules: Sequence[State], *, fields: Sequence[str] = ()
) -> States:
    """What every step is that a plain call decides: the call, the choice on its reply (`rules` come first),
    and the ways out of both."""
    task = states.call(
        scope.literals,
        Op.STEP,
        step=step.id,
        fields=("outcome", "delay", *fields),
        then=names.decision(step),
        failed=names.failed(step),
    )
    return {step.id: task} | decided(step, exits, scope, rules)


def decided(step: Step, exits: Exits, scope: Scope, rules: Sequence[State]) -> States:
    """The choice on the reply, the wait before a retry, and the note of a broken call."""
    return {
        names.decision(step): states.decide(
            exits.failed,
            *rules,
            on(Outcome.SKIPPED, exits.then),
            on(Outcome.RETRY, names.again(step)),
            on(Outcome.STOP, exits.stop),
        ),
        names.again(step): states.wait("SecondsPath", "$.r.delay", step.id),
        **noted(step, exits, scope),
    }


def noted(step: Step, exits: Exits, scope: Scope) -> States:
    """The call that puts a failure outside the dispatcher's hands into the journal."""
    note = states.call(
        scope.literals, Op.FAILED, step=step.id, then=exits.failed, failed=exits.failed, error=True
    )
    return {names.failed(step): note}


def awaited(
    step: Step,
    exits: Exits,
    scope: Scope,
    rules: Sequence[State],
    *,
    timeout: int,
    heartbeat: int | None = None,
) -> States:
    """A step whose answer comes through a token."""
    task = states.call_and_wait(
        scope.literals,
        step.id,
        timeout=timeout,
        heartbeat=heartbeat,
        then=names.decision(step),
        expired=names.expired(step),
        failed=names.failed(step),
    )
    look_up = states.call(
        scope.literals, Op.EXPIRED, step=step.id, then=names.decision(step), failed=names.failed(step)
    )
    return {step.id: task, names.expired(step): look_up} | decided(step, exits, scope, rules)


def action(step: ActionStep, exits: Exits, scope: Scope) -> States:
    """Inline: a plain call. By event: a token. Its on_failure goes on after the step."""
    inner, own = exits, {}
    if step.on_failure:
        own = handler(step, exits, scope)
        inner = replace(exits, failed=names.caught(step))
    rules = [on(Outcome.OK, exits.then)]
    if scope.actions[step.action].mode is Mode.EVENT:
        main = awaited(step, inner, scope, rules, timeout=step.timeout, heartbeat=step.heartbeat)
    else:
        main = asked(step, inner, scope, rules)
    return main | own


def handler(step: ActionStep, exits: Exits, scope: Scope) -> States:
    """The step's own on_failure."""
    return {
        names.caught(step): states.call(
            scope.literals, Op.CAUGHT, step=step.id, then=names.handled(step), failed=exits.failed
        ),
        names.handled(step): states.decide(
            exits.failed, on(Outcome.OK, entry(step.on_failure, exits)), on(Outcome.STOP, exits.stop)
        ),
        **series(step.on_failure, exits, scope),
    }


def approval(step: ApprovalStep, exits: Exits, scope: Scope) -> States:
    """A token that people answer; on_expiry instead of a failure where there is one."""
    expiry = entry(step.on_expiry, replace(exits, then=exits.failed))
    rules = [on(Outcome.OK, exits.then), on(Outcome.EXPIRED, expiry)]
    return awaited(step, exits, scope, rules, timeout=step.expires) | series(step.on_expiry, exits, scope)


def wait(step: WaitStep, exits: Exits, scope: Scope) -> States:
    """The dispatcher says until when: so a run that goes on from a later step does not wait anew."""
    rules = [on(Outcome.OK, names.body(step))]
    return asked(step, exits, scope, rules, fields=("until",)) | {
        names.body(step): states.wait("TimestampPath", "$.r.until", exits.then)
    }


def choice(step: ChoiceStep, exits: Exits, scope: Scope) -> States:
    """The dispatcher says which branch; a reply that is not ok has none."""
    rules = [
        *(states.on_branch(index, entry(each.steps, exits)) for index, each in enumerate(step.branches)),
        on(Outcome.OK, exits.then),
    ]
    built = asked(step, exits, scope, rules, fields=("branch",))
    for each in step.branches:
        built |= series(each.steps, exits, scope)
    return built


def parallel(step: ParallelStep, exits: Exits, scope: Scope) -> States:
    """Without a condition there is nothing to ask."""
    body = states.parallel(
        [branch(step, index, each.steps, exits.nested, scope) for index, each in enumerate(step.branches)],
        then=exits.then,
        failed=names.failed(step),
    )
    if step.when is None:
        return {step.id: body} | noted(step, exits, scope)
    return asked(step, exits, scope, [on(Outcome.OK, names.body(step))]) | {names.body(step): body}


def for_each(step: ForEachStep, exits: Exits, scope: Scope) -> States:
    """The dispatcher lists the items (their indices), and each runs as a machine of its own."""
    body = states.each(
        branch(step, 0, step.steps, True, scope),
        step=step.id,
        nested=exits.nested,
        concurrency=step.concurrency,
        then=exits.then,
        failed=names.failed(step),
    )
    rules = [on(Outcome.OK, names.body(step))]
    return asked(step, exits, scope, rules, fields=("items",)) | {names.body(step): body}


Builder = Callable[[Any, Exits, Scope], States]

BUILDERS: Mapping[type[Step], Builder] = {
    ActionStep: action,
    ApprovalStep: approval,
    WaitStep: wait,
    ChoiceStep: choice,
    ParallelStep: parallel,
    ForEachStep: for_each,
}
