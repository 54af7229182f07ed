"""The walker in memory and the emulator walk the same compiled machines alike."""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.platform import Platform
from services.workflow.domain.asl_walker import Call, Walker
from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import (
    ActionStep,
    Branch,
    ChoiceStep,
    Definition,
    ForEachStep,
    ParallelStep,
    Step,
    WaitStep,
)
from tests.fakes.local_platform import eventually
from tests.fakes.workflow_definitions import ACTIONS

pytestmark = pytest.mark.emulator

DISPATCHER = '''
def handler(event, context):
    """Replies by the first word of the step's id."""
    step = event.get("step", "")
    word = step.split("_")[0]
    outcome = word if word in ("failed", "skipped", "stop") and event["op"] == "step" else "ok"
    return {"outcome": outcome, "delay": 0, "branch": 1, "items": ["0", "1", "2"],
            "until": "2026-01-01T00:00:00Z", "code": ""}
'''


def here(id: str, **more: Any) -> ActionStep:
    return ActionStep(id, "here.again", **more)


LOOP = ForEachStep("loop", "x", (here("a"), here("skipped_b")), max_items=3, concurrency=2)
BRANCHES = (Branch((here("x"),), "c"), Branch((here("y"), WaitStep("w", seconds=1))))
CASES: dict[str, tuple[tuple[Step, ...], tuple[Step, ...]]] = {
    "good": ((here("first"), LOOP, ChoiceStep("c", BRANCHES), ParallelStep("p", BRANCHES)), ()),
    "failing": ((here("a"), here("failed_b"), here("never")), (here("after"),)),
    "handled": ((here("failed_a", on_failure=(here("b"),)), here("c")), ()),
    "failing_inside": (
        (
            ParallelStep(
                "p", (Branch((ForEachStep("f", "x", (here("failed_a"),), max_items=3, concurrency=1),)),)
            ),
        ),
        (here("after"),),
    ),
    "stopped": (
        (ForEachStep("f", "x", (here("stop_a"),), max_items=3, concurrency=1), here("b")),
        (here("c"),),
    ),
}


@pytest.fixture(scope="module")
def dispatcher(platform: Platform) -> Iterator[str]:
    functions = platform.client("lambda")
    role = functions.get_function(FunctionName="sample-echo")["Configuration"]["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("code.py", DISPATCHER)
    made = functions.create_function(
        FunctionName=f"dispatcher-{uuid.uuid4().hex[:8]}",
        Runtime="python3.13",
        Handler="code.handler",
        Role=role,
        Code={"ZipFile": code.getvalue()},
    )
    yield made["FunctionArn"]
    functions.delete_function(FunctionName=made["FunctionName"])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["run", "cleanup"])
def test_both_enter_the_same_states(platform: Platform, dispatcher: str, case: str, mode: str) -> None:
    steps, on_failure = CASES[case]
    asl = compile(
        Definition("w", "W", steps, on_failure=on_failure),
        tenant="acme",
        version=1,
        dispatcher_arn=dispatcher,
        actions=ACTIONS,
    )
    given = {"run": "r-1", "mode": mode, "at": ""}
    space: dict[str, Any] = {}
    exec(DISPATCHER, space)  # noqa: S102 - the same code on both sides

    def dispatch(call: Call) -> Any:
        return space["handler"](call.payload, None)

    walker = Walker(asl.machine, dispatch, name="r-1", input=given).run()
    walked = sorted(visit.state for visit in walker.visits)
    states = platform.client("stepfunctions")
    role = platform.client("lambda").get_function(FunctionName="sample-echo")["Configuration"]["Role"]
    machine = states.create_state_machine(name=f"w-{uuid.uuid4().hex[:8]}", definition=asl.text, roleArn=role)
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given))
    arn = started["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING", "its end", 30)
    assert states.describe_execution(executionArn=arn)["status"] == walker.status.value
    history = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    entered = [each["stateEnteredEventDetails"]["name"] for each in history if "Entered" in each["type"]]
    assert sorted(entered) == walked
