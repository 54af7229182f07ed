"""Step Functions on the platform: what our patches of the emulator restore."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.platform import Platform
from tests.fakes.local_platform import eventually

pytestmark = pytest.mark.emulator

ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Machines:
    """State machines and executions of one test."""

    def __init__(self, platform: Platform) -> None:
        self._states = platform.client("stepfunctions")
        self.sqs = platform.client("sqs")
        self.role = platform.client("lambda").get_function(FunctionName="sample-echo")["Configuration"][
            "Role"
        ]

    def create(self, states: dict[str, Any], **more: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states, **more}
        return str(
            self._states.create_state_machine(
                name=f"test-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=self.role
            )["stateMachineArn"]
        )

    def publish(self, machine: str, states: dict[str, Any]) -> str:
        definition = {"StartAt": next(iter(states)), "States": states}
        self._states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
        return str(
            self._states.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
        )

    def start(self, machine: str) -> str:
        return str(self._states.start_execution(stateMachineArn=machine, input="{}")["executionArn"])

    def stop(self, execution: str) -> None:
        self._states.stop_execution(executionArn=execution)

    def ended(self, execution: str, seconds: float = 10) -> Any:
        def found() -> Any:
            described = self._states.describe_execution(executionArn=execution)
            return described if described["status"] in ENDED else None

        return eventually(found, "the end of the execution", seconds)

    def entered(self, execution: str) -> list[str]:
        events = self._states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "Entered" in each["type"]]

    def in_state(self, execution: str, name: str) -> None:
        eventually(lambda: name in self.entered(execution), f"state {name}")

    def succeed(self, token: str) -> None:
        self._states.send_task_success(taskToken=token, output="{}")

    def heartbeat(self, token: str) -> None:
        self._states.send_task_heartbeat(taskToken=token)

    def message(self, queue: str) -> str:
        """The next message: a task token."""

        def received() -> str | None:
            found = self.sqs.receive_message(QueueUrl=queue).get("Messages")
            return str(found[0]["Body"]) if found else None

        return str(eventually(received, "a message"))


@pytest.fixture(scope="module")
def machines(platform: Platform) -> Machines:
    return Machines(platform)


@pytest.fixture
def queue(machines: Machines) -> Iterator[str]:
    url = machines.sqs.create_queue(QueueName=f"tokens-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    yield url
    machines.sqs.delete_queue(QueueUrl=url)


def waiting(queue: str, **more: Any) -> dict[str, Any]:
    """A task that sends its token to the queue and waits."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody.$": "$$.Task.Token"},
        "TimeoutSeconds": 60,
        "End": True,
        **more,
    }


def passing(**result: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Result": result, "End": True}


def test_an_execution_runs_the_version_that_it_was_started_with(machines: Machines) -> None:
    machine = machines.create({"A": passing(version=0)})
    first = machines.publish(machine, {"A": passing(version=1)})
    second = machines.publish(machine, {"A": passing(version=2)})
    outputs = [machines.ended(machines.start(arn))["output"] for arn in (first, second, first)]
    assert [json.loads(each)["version"] for each in outputs] == [1, 2, 1]


@pytest.mark.parametrize("function", ["sample-consume", "nobody"])
def test_a_function_that_fails_fails_its_task_and_is_not_waited_for(
    machines: Machines, function: str
) -> None:
    """sample-consume takes messages, and breaks with anything else."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}},
        "TimeoutSeconds": 60,
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
        "End": True,
    }
    execution = machines.start(machines.create({"A": task, "Caught": {"Type": "Pass", "End": True}}))
    assert machines.ended(execution)["status"] == "SUCCEEDED"
    assert machines.entered(execution) == ["A", "Caught"]


def test_silence_longer_than_a_heartbeat_is_an_error_of_its_own(machines: Machines, queue: str) -> None:
    task = waiting(
        queue,
        HeartbeatSeconds=2,
        Catch=[{"ErrorEquals": ["States.HeartbeatTimeout"], "ResultPath": "$.error", "Next": "Silent"}],
    )
    execution = machines.start(machines.create({"A": task, "Silent": {"Type": "Pass", "End": True}}))
    token = machines.message(queue)
    for _ in range(3):
        beat_at = time.monotonic() + 1
        eventually(lambda at=beat_at: time.monotonic() > at, "the next heartbeat")  # type: ignore[misc]
        machines.heartbeat(token)
    assert machines.entered(execution) == ["A"]
    began = time.monotonic()
    assert json.loads(machines.ended(execution)["output"])["error"]["Error"] == "States.HeartbeatTimeout"
    assert 1 < time.monotonic() - began < 8


def test_every_attempt_waits_with_a_token_of_its_own(machines: Machines, queue: str) -> None:
    retry = {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1, "IntervalSeconds": 1}
    execution = machines.start(
        machines.create({"A": waiting(queue, TimeoutSeconds=1, Retry=[{**retry, "MaxDelaySeconds": 2}])})
    )
    first, second = machines.message(queue), machines.message(queue)
    assert first != second
    with pytest.raises(ClientError, match=r"TaskDoesNotExist|TaskTimedOut"):
        machines.succeed(first)
    machines.succeed(second)
    assert machines.ended(execution)["status"] == "SUCCEEDED"


def test_a_machine_has_a_time_of_its_own(machines: Machines, queue: str) -> None:
    branches = [{"StartAt": "A", "States": {"A": waiting(queue)}}]
    parallel = {"Type": "Parallel", "Branches": branches, "Next": "B"}
    execution = machines.start(machines.create({"P": parallel, "B": passing()}, TimeoutSeconds=1))
    assert machines.ended(execution)["status"] == "TIMED_OUT"
    with pytest.raises(ClientError, match=r"TaskDoesNotExist|TaskTimedOut"):
        machines.succeed(machines.message(queue))
    assert "B" not in machines.entered(execution)


def test_a_stopped_execution_enters_no_state_in_any_branch(machines: Machines, queue: str) -> None:
    """One branch waits for a token, one for time, one is in an iteration."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    loop = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {
            "StartAt": "InLoop",
            "States": {
                "InLoop": {"Type": "Wait", "Seconds": 2, "Next": "AfterLoop"},
                "AfterLoop": {"Type": "Pass", "End": True},
            },
        },
        "End": True,
    }
    branches = [
        {"StartAt": "Token", "States": {"Token": {**waiting(queue), "Catch": catch}, "Caught": passing()}},
        {
            "StartAt": "Time",
            "States": {"Time": {"Type": "Wait", "Seconds": 2, "Next": "AfterTime"}, "AfterTime": passing()},
        },
        {"StartAt": "Items", "States": {"Items": passing(items=[1, 2]) | {"Next": "Loop"}, "Loop": loop}},
    ]
    del branches[2]["States"]["Items"]["End"]  # type: ignore[index]
    parallel = {
        "Type": "Parallel",
        "Branches": branches,
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "CaughtAll"}],
        "Next": "After",
    }
    machine = machines.create({"P": parallel, "After": passing(), "CaughtAll": passing()})
    execution = machines.start(machine)
    token = machines.message(queue)
    machines.in_state(execution, "InLoop")
    machines.in_state(execution, "Time")
    machines.stop(execution)
    before = sorted(machines.entered(execution))
    assert machines.ended(execution)["status"] == "ABORTED"
    with pytest.raises(ClientError, match=r"TaskDoesNotExist|TaskTimedOut"):
        eventually(lambda: machines.succeed(token), "nobody waits for the token")
    # Another execution takes longer than the waits of the stopped one would have.
    pause = {"Type": "Wait", "Seconds": 3, "End": True}
    machines.ended(machines.start(machines.create({"Pause": pause})))
    assert sorted(machines.entered(execution)) == before
    assert machines.ended(execution)["status"] == "ABORTED"


def test_an_execution_that_is_stopped_as_it_starts_does_nothing(machines: Machines) -> None:
    machine = machines.create({"A": {"Type": "Wait", "Seconds": 1, "Next": "End"}, "End": passing()})
    for _ in range(5):
        execution = machines.start(machine)
        machines.stop(execution)
        assert machines.ended(execution)["status"] == "ABORTED"
        assert "End" not in machines.entered(execution)


def test_the_first_branch_that_fails_ends_the_others(machines: Machines, queue: str) -> None:
    branches = [
        {"StartAt": "Token", "States": {"Token": waiting(queue)}},
        {"StartAt": "Bad", "States": {"Bad": {"Type": "Fail", "Error": "Bad", "Cause": "of the test"}}},
    ]
    execution = machines.start(
        machines.create({"P": {"Type": "Parallel", "Branches": branches, "End": True}})
    )
    described = machines.ended(execution)
    assert (described["status"], described["error"]) == ("FAILED", "Bad")


def test_branches_wait_with_tokens_of_their_own(machines: Machines, queue: str) -> None:
    names = [f"B{number}" for number in range(8)]
    branches = [{"StartAt": name, "States": {name: waiting(queue)}} for name in names]
    execution = machines.start(
        machines.create({"P": {"Type": "Parallel", "Branches": branches, "End": True}})
    )
    tokens = {machines.message(queue) for _ in names}
    assert len(tokens) == len(names)
    for token in tokens:
        machines.succeed(token)
    assert machines.ended(execution)["status"] == "SUCCEEDED"


def test_retries_wait_no_longer_than_they_say(machines: Machines) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "nobody"},
        "TimeoutSeconds": 5,
        "Retry": [
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 1,
                "BackoffRate": 30,
                "MaxAttempts": 3,
                "MaxDelaySeconds": 1,
            }
        ],
        "End": True,
    }
    began = time.monotonic()
    assert machines.ended(machines.start(machines.create({"A": task})))["status"] == "FAILED"
    assert 2.5 < time.monotonic() - began < 9
