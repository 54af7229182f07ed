"""Which role called what: one line per call that the emulator allowed, for the test of least privilege.

`ONYX_RECORD_CALLS=<file>` at `onyx up` switches it on. It tells what IAM checked, so a transaction is written
as the acts on its items, and a copy as a read and a write.
"""

import json
from pathlib import Path
from typing import IO, Any


class Calls:
    """Appends each different line once: {"principal", "action", "resource"}."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a", buffering=1)
        self._known: set[str] = set()

    def record(self, principal: str, action: str, resource: str) -> None:
        line = json.dumps({"principal": principal, "action": action, "resource": resource})
        if line not in self._known:
            self._known.add(line)
            self._file.write(line + "\n")


def record_calls(calls: Calls) -> None:
    """Listen to the emulator's one place of authorization, which every module imports when it needs it."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id

    enforce = iam_evaluator.enforce

    def enforcing(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", **more: Any
    ) -> Any:
        denied = enforce(access_key, action, service, region, resource_arn, **more)
        if denied is None and access_key:
            principal = iam_evaluator.resolve_principal(access_key, get_account_id())
            calls.record(getattr(principal, "arn", ""), action, resource_arn)
        return denied

    iam_evaluator.enforce = enforcing


def read_calls(path: Path) -> list[dict[str, str]]:
    """What was recorded until now."""
    return [json.loads(line) for line in path.read_text().splitlines()]
