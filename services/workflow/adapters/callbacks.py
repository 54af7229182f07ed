"""Step Functions' task tokens."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import aws

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_NOBODY_WAITS = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


class StepFunctionsCallbacks:
    """`services.workflow.domain.ports.Callbacks`."""

    def __init__(self, client: "SFNClient | None" = None) -> None:
        self._given = client

    @property
    def _client(self) -> "SFNClient":
        made: SFNClient = self._given or aws.client("stepfunctions")
        return made

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        try:
            self._client.send_task_success(taskToken=token, output=json.dumps(output, separators=(",", ":")))
        except ClientError as error:
            return _waited(error)
        return True

    def heartbeat(self, token: str) -> bool:
        try:
            self._client.send_task_heartbeat(taskToken=token)
        except ClientError as error:
            return _waited(error)
        return True


def _waited(error: ClientError) -> bool:
    """False where nobody waits for the token any more; raises any other error."""
    if error.response["Error"]["Code"] in _NOBODY_WAITS:
        return False
    raise error
