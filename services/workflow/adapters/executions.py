"""Step Functions' executions: started, stopped and asked after by the name that a run gives them."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import aws
from shared.errors import NotFound, TooManyRequests

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_LONGEST_CAUSE = 1_000


class StepFunctionsExecutions:
    """`services.workflow.domain.ports.Executions`; `machine` is the ARN of a state machine's version."""

    def __init__(self, client: "SFNClient | None" = None) -> None:
        self._given = client

    @property
    def _client(self) -> "SFNClient":
        made: SFNClient = self._given or aws.client("stepfunctions")
        return made

    def start(self, machine: str, name: str, input: Mapping[str, Any]) -> bool:
        try:
            self._client.start_execution(
                stateMachineArn=machine, name=name, input=json.dumps(input, separators=(",", ":"))
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # Kept for 90 days after its end: until then no run is started twice.
            if code == "ExecutionAlreadyExists":
                return False
            if code in _THROTTLED:
                raise TooManyRequests("Step Functions starts no more now", retry_after=2) from error
            if code in ("StateMachineDoesNotExist", "StateMachineDeleting", "ResourceNotFound"):
                raise NotFound(f"{machine} is gone", code="MACHINE_GONE") from error
            raise
        return True

    def stop(self, machine: str, name: str, cause: str) -> None:
        try:
            self._client.stop_execution(
                executionArn=execution_arn(machine, name), error="ONYX_STOPPED", cause=cause[:_LONGEST_CAUSE]
            )
        except ClientError as error:
            # Of one that has ended Step Functions says ValidationException; it need not be stopped.
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return
            if self.status(machine, name) in (None, "RUNNING"):
                raise

    def status(self, machine: str, name: str) -> str | None:
        try:
            found = self._client.describe_execution(executionArn=execution_arn(machine, name))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _THROTTLED:
                raise TooManyRequests("Step Functions is busy", retry_after=2) from error
            if code != "ExecutionDoesNotExist":
                raise
            return None
        return found["status"]


def execution_arn(machine: str, name: str) -> str:
    """Of the execution `name`, whichever version of the machine `machine` (an ARN) it was started with."""
    arn, _, last = machine.rpartition(":")
    unversioned = arn if last.isdigit() and arn.count(":") >= 6 else machine
    return f"{unversioned.replace(':stateMachine:', ':execution:')}:{name}"
