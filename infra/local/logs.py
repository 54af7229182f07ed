"""Where the lines of a service are: a file of the state folder, or the function's log group."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.platform import ENVIRONMENT, Platform, tail

_POLL = 0.2
_FUNCTION_POLL = 0.5


class UnknownServiceError(LookupError):
    """No log has that name; the message lists those that exist."""


class Log(Protocol):
    def tail(self, lines: int) -> list[str]: ...

    def follow(self) -> Iterator[str]: ...


class FileLog:
    """The log of a process. `follow` starts where `tail` ended."""

    def __init__(self, path: Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._path = path
        self._pause = pause
        self._read = 0

    def tail(self, lines: int) -> list[str]:
        self._read = self._path.stat().st_size if self._path.exists() else 0
        return tail(self._path, lines)

    def follow(self) -> Iterator[str]:
        rest = b""
        while True:
            size = self._path.stat().st_size if self._path.exists() else 0
            if size < self._read:  # rotated: a new file has begun
                self._read, rest = 0, b""
            if size > self._read:
                with self._path.open("rb") as file:
                    file.seek(self._read)
                    rest += file.read(size - self._read)
                self._read = size
                *whole, rest = rest.split(b"\n")
                yield from (line.decode(errors="replace") for line in whole)
            else:
                self._pause(_POLL)


class FunctionLog:
    """The log group of a Lambda function, oldest event first."""

    def __init__(self, logs: Any, group: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._logs = logs
        self._group = group
        self._pause = pause
        self._seen: dict[str, int] = {}  # events of each stream that were handed out

    def tail(self, lines: int) -> list[str]:
        fresh = self._fresh()
        return fresh[-lines:] if lines else []

    def follow(self) -> Iterator[str]:
        while True:
            yield from self._fresh()
            self._pause(_FUNCTION_POLL)

    def _fresh(self) -> list[str]:
        fresh: list[str] = []
        counts: dict[str, int] = {}
        for page in self._logs.get_paginator("filter_log_events").paginate(logGroupName=self._group):
            for event in page["events"]:
                stream = event["logStreamName"]
                counts[stream] = counts.get(stream, 0) + 1
                if counts[stream] > self._seen.get(stream, 0):
                    fresh += event["message"].splitlines()
        self._seen |= counts
        return fresh


def find(platform: Platform, service: str) -> Log:
    """The log of `service`. Raises UnknownServiceError, which names all that there are."""
    path = platform.state.logs / f"{service}.log"
    if path.parent == platform.state.logs and path.is_file():
        return FileLog(path)
    groups = function_groups(platform) if platform.running() else {}
    if service in groups:
        return FunctionLog(platform.client("logs"), groups[service])
    names = sorted({log.stem for log in platform.state.logs.glob("*.log")} | set(groups))
    raise UnknownServiceError(f"no log called {service}; there are: {', '.join(names) or 'none yet'}")


def function_groups(platform: Platform) -> dict[str, str]:
    """{short name of a function: its log group}; empty where the emulator does not answer."""
    cloudformation = platform.client("cloudformation")
    try:
        pages = platform.client("lambda").get_paginator("list_functions").paginate()
        groups = {
            function["FunctionName"]: function.get("LoggingConfig", {}).get("LogGroup")
            or f"/aws/lambda/{function['FunctionName']}"
            for page in pages
            for function in page["Functions"]
        }
        found = {}
        for stack in cloudformation.describe_stacks()["Stacks"]:
            name = stack["StackName"]
            for resource in cloudformation.describe_stack_resources(StackName=name)["StackResources"]:
                if resource["ResourceType"] == "AWS::Lambda::Function":
                    short = short_name(name, resource["LogicalResourceId"])
                    found[short] = groups[resource["PhysicalResourceId"]]
    except (BotoCoreError, ClientError):
        return {}
    return found


def short_name(stack: str, logical_id: str) -> str:
    """`onyx-local-cost-center` and `OnTenantCreatedFunctionB34A45DD` are `cost-center-on-tenant-created`."""
    domain = stack.removeprefix(f"onyx-{ENVIRONMENT}-")
    bare = re.sub(r"(Function)?[0-9A-F]{8}$", "", logical_id)
    return f"{domain}-{re.sub(r'(?<!^)(?=[A-Z])', '-', bare).lower()}"
