"""Step Functions: an execution runs its version, and ends when and as it ends on AWS.

The emulator walks every execution and every branch in a thread of its own. What has to end together shares a
`Scope`; whoever waits in one wakes up when it ends.
"""

import contextvars
import copy
import json
import random
import threading
import time
from contextvars import ContextVar
from typing import Any

from ministack.services import stepfunctions as states

from infra.local.patches.execution_scope import Scope, Stopped

_INTERVAL = 0.2
"""Seconds between two looks at the deadlines of executions."""

_scope: ContextVar[Scope | None] = ContextVar("scope_of_the_execution", default=None)
_version: ContextVar[dict[str, Any] | None] = ContextVar("version_of_the_machine", default=None)
_ending = threading.Lock()
_going: dict[str, tuple[Scope, float | None, contextvars.Context]] = {}
"""By the execution's ARN: its scope, its deadline (epoch), and the account and region that it runs in."""


def run_the_version_that_was_started() -> None:
    """An execution that was started by a version's ARN runs what the machine is now."""
    start = states._start_execution

    def starting(data: dict[str, Any]) -> Any:
        arn = data.get("stateMachineArn", "").partition("#")[0]
        token = _version.set(states._state_machine_versions.get(states._execution_version_arn(arn) or ""))
        try:
            return start(data)
        finally:
            _version.reset(token)

    states._start_execution = starting
    states._run_execution = _run


def end_at_once() -> None:
    """A stopped execution goes on in its branches and waits, and may even end a second time; the branches
    beside one that failed go on to their end."""
    stop, sleep = states._stop_execution, states._scaled_sleep
    parallel, each = states._run_parallel_branches, states._run_map_items

    def stopping(data: dict[str, Any]) -> Any:
        with _ending:
            answer = stop(data)
        if going := _going.get(data.get("executionArn", "")):
            going[0].end()
        return answer

    def sleeping(seconds: float) -> None:
        if (scope := _scope.get()) is None:
            sleep(seconds)
        else:
            scope.wait(threading.Event(), seconds * states._SFN_WAIT_SCALE)

    states._stop_execution = stopping
    states._scaled_sleep = sleeping
    states._fail_execution = lambda execution, error, cause: _end(
        execution, "FAILED", "ExecutionFailed", error=error, cause=cause
    )
    states._run_sub_machine = _walk
    states._run_parallel_branches = _in_a_scope(parallel)
    states._run_map_items = _in_a_scope(each)


def time_out_executions() -> None:
    """TimeoutSeconds of a machine is ignored. One thread watches all of them."""
    threading.Thread(target=_watch, name="execution-timeouts", daemon=True).start()


def fail_the_task_when_its_call_fails() -> None:
    """A function that fails in `.waitForTaskToken` leaves its state waiting until the timeout; a heartbeat
    that does not come is not missed; and a retry waits with the token of the attempt before."""
    fill = states._apply_parameters

    def filling(state: dict[str, Any], data: Any, context: Any = None) -> Any:
        if context is not None and state.get("Resource", "").endswith(".waitForTaskToken"):
            context["Task"] = {"Token": states.new_uuid()}
        return fill(state, data, context)

    states._apply_parameters = filling
    states._invoke_with_callback = _call_back


def wait_before_a_retry_as_declared() -> None:
    """MaxDelaySeconds and JitterStrategy are ignored."""
    find = states._find_matching_retrier

    def finding(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> tuple[Any, int]:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return retrier, index
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        delay = min(delay, retrier.get("MaxDelaySeconds", delay))
        if retrier.get("JitterStrategy") == "FULL":
            delay = random.uniform(0, delay)  # noqa: S311 - no secret
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1}, index

    states._find_matching_retrier = finding


def _run(arn: str) -> None:
    """The whole execution, in its thread."""
    execution = states._executions.get(arn)
    if execution is None:
        return
    machine = states._state_machines.get(execution["stateMachineArn"])
    if machine is None:
        states._fail_execution(execution, "StateMachineDeleted", "State machine no longer exists")
        return
    definition = json.loads((_version.get() or machine)["definition"])
    seconds = definition.get("TimeoutSeconds")
    scope = Scope()
    _scope.set(scope)
    _going[arn] = (scope, seconds and time.time() + seconds, contextvars.copy_context())
    given = json.loads(execution["input"])
    context = {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": arn,
            "Input": given,
            "Name": execution["name"],
            "StartTime": execution["startDate"],
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
        "variables": {},
    }
    try:
        if execution["status"] != "RUNNING":
            return  # stopped before it began
        output = _walk(definition["States"], definition["StartAt"], given, execution, context)
        _end(execution, "SUCCEEDED", "ExecutionSucceeded", output=json.dumps(output))
    except states._ExecutionError as error:
        states._fail_execution(execution, error.error, error.cause)
    except Exception as error:  # noqa: BLE001 - the emulator's own fault ends the execution
        states.logger.exception("execution %s broke", arn)
        states._fail_execution(execution, "States.Runtime", str(error))
    finally:
        _going.pop(arn, None)


def _walk(machine: dict[str, Any], start: str, data: Any, execution: Any, context: Any) -> Any:
    """From `start` to an end; None where its scope ends before. Branches do not share what is of a state."""
    scope = _scope.get() or Scope()
    data, context = copy.deepcopy(data), {**context}
    name: str | None = start
    try:
        while name:
            if scope.ended:
                return None
            state = machine[name]
            context["State"] = {"Name": name, "EnteredTime": states.now_iso(), "RetryCount": 0}
            _note(execution, state, "Entered", name, "input", data)
            data, following = _visit(state, data, execution, context)
            _note(execution, state, "Exited", name, "output", data)
            name = following
    except Stopped:
        return None
    except Exception:
        scope.end()
        raise
    return data


def _visit(state: dict[str, Any], data: Any, execution: Any, context: Any) -> tuple[Any, str | None]:
    match state["Type"]:
        case "Succeed":
            data = states._apply_input_path(state, data, context)
            return states._apply_output_path(state, data, context), None
        case "Fail":
            raise states._ExecutionError(*states._fail_state_error(state, data, context))
        case "Task" | "Parallel" | "Map" as kind:
            return getattr(states, f"_execute_{kind.lower()}")(state, data, execution, context)  # type: ignore[no-any-return]
        case kind:
            return getattr(states, f"_execute_{kind.lower()}")(state, data, context)  # type: ignore[no-any-return]


def _note(execution: Any, state: dict[str, Any], what: str, name: str, field: str, data: Any) -> None:
    details = {f"state{what}EventDetails": {"name": name, field: json.dumps(data)}}
    states._add_event(execution, f"{state['Type']}State{what}", details)


def _in_a_scope(run: Any) -> Any:
    """`run` with a scope of its own for the branches that it starts: they copy its context."""

    def running(*arguments: Any) -> Any:
        token = _scope.set(Scope(_scope.get()))
        try:
            return run(*arguments)
        finally:
            _scope.reset(token)

    return running


def _end(execution: dict[str, Any], status: str, event: str, **facts: Any) -> None:
    """Once: what ended first counts."""
    with _ending:
        if execution["status"] != "RUNNING":
            return
        execution.update(facts, status=status, stopDate=states.now_iso())
        states._add_event(execution, event, {f"{event[0].lower()}{event[1:]}EventDetails": facts})
    states._emit_execution_status_event(execution)


def _watch() -> None:
    while True:
        time.sleep(_INTERVAL)
        for arn, (scope, deadline, context) in list(_going.items()):
            if deadline is not None and time.time() >= deadline:
                context.copy().run(_time_out, arn)
                scope.end()


def _time_out(arn: str) -> None:
    if (execution := states._executions.get(arn)) is not None:
        _end(execution, "TIMED_OUT", "ExecutionTimedOut")


def _call_back(resource: str, data: Any, token: str, state: dict[str, Any]) -> Any:
    """The call, then its answer by token."""
    scope = _scope.get() or Scope()
    deadline = time.time() + state.get("TimeoutSeconds", 99_999_999)
    waiting: dict[str, Any] = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
    states._task_tokens[token] = waiting
    try:
        states._invoke_resource_with_timeout(
            resource.removesuffix(".waitForTaskToken"), data, deadline - time.time()
        )
        _await(scope, waiting, deadline, state.get("HeartbeatSeconds"))
    finally:
        states._task_tokens.pop(token, None)
    if error := waiting["error"]:
        raise states._ExecutionError(error.get("Error", "TaskFailed"), error.get("Cause", ""))
    return json.loads(waiting["result"])


def _await(scope: Scope, waiting: dict[str, Any], deadline: float, beat: float | None) -> None:
    began = time.time()
    while True:
        beaten = (states._iso_to_epoch_ms(waiting["heartbeat"]) or 0) / 1000
        silence = deadline if beat is None else max(began, beaten) + beat
        now = time.time()
        if now >= deadline:
            raise states._ExecutionError("States.Timeout", "nobody answered in time")
        if now >= silence:
            raise states._ExecutionError("States.HeartbeatTimeout", "no heartbeat in time")
        if scope.wait(waiting["event"], min(deadline, silence) - now):
            return
