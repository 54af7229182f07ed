"""The operator function: what no tenant may do (create tenants, issue a token). IAM decides who may."""

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from infra.commands.errors import CommandError


class OperatorError(CommandError):
    """The operator function refused; `code` is the problem's stable code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Platform(Protocol):
    """The part of PlatformContext that commands use."""

    @property
    def url(self) -> str: ...

    def client(self, service: str) -> Any: ...

    def output(self, stack_suffix: str, key: str) -> str: ...


def operate(
    platform: Platform, command: str, *, unreachable: str, part: str = "identity", **fields: Any
) -> dict[str, Any]:
    """The answer of one command of the operator function of `part`.

    Raises CommandError with the problem's detail when it was refused.
    """
    payload = {"command": command, **{name: value for name, value in fields.items() if value is not None}}
    try:
        answer = platform.client("lambda").invoke(
            FunctionName=platform.output(part, "OperatorFunction"),
            Payload=json.dumps(payload).encode(),
        )
        found = json.loads(answer["Payload"].read())
    except EndpointConnectionError:
        raise CommandError(unreachable) from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"The operator function cannot be invoked: {error}") from None
    if answer.get("FunctionError") or not isinstance(found, dict):
        raise CommandError(f"The operator function failed at {command}: see `onyx logs`.")
    if not found.get("ok"):
        problem = found.get("problem") or {}
        code = str(problem.get("code", "INTERNAL"))
        raise OperatorError(f"{problem.get('detail', 'refused')} ({code})", code)
    return found
