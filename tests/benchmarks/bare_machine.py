"""A compiled state machine whose every task calls a function that only says `ok`: nothing of ours in it."""

import io
import json
import time
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.naming import execution_input
from tests.e2e.conftest import Platform, wait_for

CODE = """
REPLY = {"outcome": "ok", "delay": 0, "branch": 0, "items": [], "until": None, "code": ""}
def handler(event, context):
    return REPLY
"""
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class BareMachine:
    """`arn` is the machine's."""

    platform: Platform
    arn: str

    @classmethod
    def deploy(cls, platform: Platform, asl: dict[str, Any]) -> "BareMachine":
        """With the states of `asl`, their tasks pointed at the bare function."""
        name = f"bare-{uuid.uuid4().hex[:8]}"
        role = _role(platform, name)
        made = platform.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": _zip()},
            Timeout=30,
        )
        _point(asl["States"], made["FunctionArn"])
        states = platform.client("stepfunctions")
        machine = states.create_state_machine(name=name, definition=json.dumps(asl), roleArn=role)
        return cls(platform, machine["stateMachineArn"])

    def start(self) -> str:
        name = f"r-{uuid.uuid4().hex}"
        self.platform.client("stepfunctions").start_execution(
            stateMachineArn=self.arn, name=name, input=json.dumps(execution_input(name))
        )
        return name

    def run(self) -> float:
        """Seconds of one execution."""
        name = self.start()
        machine = self.arn.rpartition(":")[2]
        wait_for(lambda: self._described(machine, name)["status"] == "SUCCEEDED", "the bare execution")
        return self.seconds(machine, name)

    def rate(self, count: int) -> float:
        """Executions per second."""
        began = time.monotonic()
        names = [self.start() for _ in range(count)]
        machine = self.arn.rpartition(":")[2]
        for name in names:
            wait_for(
                lambda name=name: self._described(machine, name)["status"] == "SUCCEEDED", "an execution"
            )
        return count / (time.monotonic() - began)

    def seconds(self, machine: str, name: str) -> float:
        """Of an execution that has ended, by the service's own clock."""

        def ended() -> dict[str, Any] | None:
            found = self._described(machine, name)
            return found if "stopDate" in found else None

        found = wait_for(ended, "the execution's end")
        return float((found["stopDate"] - found["startDate"]).total_seconds())

    def _described(self, machine: str, name: str) -> dict[str, Any]:
        arn = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:{machine}:{name}"
        return dict(self.platform.client("stepfunctions").describe_execution(executionArn=arn))


def _point(states: dict[str, Any], function: str) -> None:
    for state in states.values():
        if state["Type"] == "Task":
            state["Parameters"]["FunctionName"] = function


def _role(platform: Platform, name: str) -> str:
    iam: Any = platform.client("iam")
    services = ["lambda.amazonaws.com", "states.amazonaws.com"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
    call = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, call)]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="call", PolicyDocument=documents[1])
    return str(role["Arn"])


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    return packed.getvalue()
