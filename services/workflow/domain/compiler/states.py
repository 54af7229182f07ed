"""ASL states as the compiler writes them: what every state must have is here, so that none can lack it.

Amazon States Language: https://states-language.net/spec.html; the fields of the Lambda integration:
https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.dispatch import BRANCH_FAILED, Op, Outcome

State = dict[str, Any]

CALL_SECONDS = 90
"""How long a plain call may take: longer than the function's own timeout, so that it is never called again
while it still runs."""

INVOKE = "arn:aws:states:::lambda:invoke"
INVOKE_AND_WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"

TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")
STEP_RETRIES = 3
RUN_RETRIES = 6


@dataclass(frozen=True)
class Literals:
    """What is the same in every state of a machine."""

    tenant: str
    workflow: str
    version: int
    dispatcher_arn: str


def retries(attempts: int) -> State:
    """A broken call (throttled, crashed, timed out) again: a step that fails is a reply, not this."""
    return {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": attempts,
        "MaxDelaySeconds": 30,
        "JitterStrategy": "FULL",
    }


NEVER_AGAIN: State = {"ErrorEquals": list(TIMEOUTS), "MaxAttempts": 0}
"""A token that timed out is not asked for again: what became of it is looked up."""


def caught_by(state: str, *errors: str) -> State:
    """The catcher of `errors` (none: of all)."""
    return {"ErrorEquals": list(errors) or ["States.ALL"], "ResultPath": "$.error", "Next": state}


def call(
    literals: Literals,
    op: Op,
    *,
    step: str | None = None,
    fields: Sequence[str] = ("outcome", "delay"),
    then: str | None,
    failed: str,
    attempts: int = STEP_RETRIES,
    error: bool = False,
) -> State:
    """A plain call of the dispatcher; `fields` of its reply become `$.r`. `then` None ends the machine."""
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Parameters": {
            "FunctionName": literals.dispatcher_arn,
            "Payload": payload(literals, op, step, {"error.$": "$.error"} if error else {}),
        },
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": [retries(attempts)],
        "Catch": [caught_by(failed)],
        "ResultSelector": {f"{field}.$": f"$.Payload.{field}" for field in fields},
        "ResultPath": "$.r",
        **({"End": True} if then is None else {"Next": then}),
    }


def call_and_wait(
    literals: Literals,
    step: str,
    *,
    timeout: int,
    heartbeat: int | None,
    then: str,
    expired: str,
    failed: str,
) -> State:
    """A call whose answer comes through the task token, within `timeout` seconds: the answer is a reply."""
    beats = {"HeartbeatSeconds": heartbeat} if heartbeat and heartbeat < timeout else {}
    return {
        "Type": "Task",
        "Resource": INVOKE_AND_WAIT,
        "Parameters": {
            "FunctionName": literals.dispatcher_arn,
            "Payload": payload(literals, Op.STEP, step, {"token.$": "$$.Task.Token"}),
        },
        "TimeoutSeconds": timeout,
        **beats,
        "Retry": [NEVER_AGAIN, retries(STEP_RETRIES)],
        "Catch": [caught_by(expired, *TIMEOUTS), caught_by(failed)],
        "ResultSelector": {f"{field}.$": f"$.{field}" for field in ("outcome", "delay")},
        "ResultPath": "$.r",
        "Next": then,
    }


def payload(literals: Literals, op: Op, step: str | None, more: Mapping[str, str]) -> State:
    """A `dispatch.Request`."""
    return {
        "op": op.value,
        "tenant": literals.tenant,
        "workflow": literals.workflow,
        "version": literals.version,
        **({} if step is None else {"step": step}),
        "run.$": "$.run",
        "execution.$": "$$.Execution.Name",
        "mode.$": "$.mode",
        "at.$": "$.at",
        **more,
    }


def decide(default: str, *rules: State) -> State:
    """A choice."""
    return {"Type": "Choice", "Choices": list(rules), "Default": default}


def on(outcome: Outcome, state: str) -> State:
    """A rule on the reply's outcome."""
    return {"Variable": "$.r.outcome", "StringEquals": outcome.value, "Next": state}


def on_branch(index: int, state: str) -> State:
    """A rule on the reply's branch."""
    return {"Variable": "$.r.branch", "NumericEquals": index, "Next": state}


def wait(field: str, path: str, then: str) -> State:
    """A wait; `field` is SecondsPath or TimestampPath."""
    return {"Type": "Wait", field: path, "Next": then}


def succeed() -> State:
    """The good end of a branch."""
    return {"Type": "Succeed"}


def fail(error: str = BRANCH_FAILED) -> State:
    """The bad end of a branch: what failed is in the journal."""
    return {"Type": "Fail", "Error": error, "Cause": "the journal has the step that failed"}


def parallel(branches: Sequence[State], *, then: str, failed: str) -> State:
    """All `branches` at once; what they give is dropped, for it is in the journal."""
    return {
        "Type": "Parallel",
        "Branches": list(branches),
        "ResultPath": None,
        "Catch": [caught_by(failed)],
        "Next": then,
    }


def each(iteration: State, *, step: str, nested: bool, concurrency: int, then: str, failed: str) -> State:
    """An iteration for each of `$.r.items`; `nested` where it is inside another one."""
    at = f"States.Format('{{}}/{step}[{{}}]', $.at," if nested else f"States.Format('{step}[{{}}]',"
    return {
        "Type": "Map",
        "ItemsPath": "$.r.items",
        "ItemSelector": {"run.$": "$.run", "mode.$": "$.mode", "at.$": f"{at} $$.Map.Item.Value)"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **iteration},
        "MaxConcurrency": concurrency,
        "ResultPath": None,
        "Catch": [caught_by(failed)],
        "Next": then,
    }
