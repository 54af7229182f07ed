"""The tasks of one service: as many processes as wanted, each on a port of its own."""

import http.client
import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local import task_roles
from infra.local.aws import REGION
from infra.local.children import Child, Command
from infra.local.plan import ServicePlan
from infra.local.processes import MARK, machine_environment
from infra.local.state import LocalState

_HEALTH_TIMEOUT = 1.0
_HEALTH_INTERVAL = 5.0
_FIRST_HEALTH_INTERVAL = 0.1


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def secret_value(reference: str, clients: Callable[[str], Any]) -> str:
    """The value that ECS would inject for `valueFrom`: a secret (or one key of it) or a parameter."""
    if ":parameter" in reference or reference.startswith("/"):
        name = reference.split(":parameter", 1)[-1]
        answer = clients("ssm").get_parameter(Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"])
    # <secret>[:<JSON key>[:<stage>[:<version>]]]; the secret is an ARN of seven parts on AWS and a name
    # here, where Ref of a secret yields that.
    parts = reference.split(":")
    length = 7 if reference.startswith("arn:") else 1
    identifier, key = ":".join(parts[:length]), ":".join(parts[length : length + 1])
    value = clients("secretsmanager").get_secret_value(SecretId=identifier)["SecretString"]
    return str(json.loads(value)[key]) if key else str(value)


def task_environment(plan: ServicePlan, state: LocalState, clients: Callable[[str], Any]) -> dict[str, str]:
    """The variables of a task but its port: the definition's, and what AWS gives every task."""
    return {
        **machine_environment(),
        "AWS_ENDPOINT_URL": state.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **task_roles.variables(state.roles_file, plan.role),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_SDK_ENABLED": "false",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # A task's disk is its own: what it leaves there goes with the platform.
        "TMPDIR": str(state.tmp),
        MARK: str(state.root),
        **plan.environment,
        **{name: secret_value(reference, clients) for name, reference in plan.secrets.items()},
    }


def resolved_command(command: list[str]) -> list[str]:
    """The image's `python` is this interpreter, which holds the same lock."""
    return [sys.executable, *command[1:]] if command[0] in ("python", "python3") else list(command)


class Task:
    """One process of a service, with its health."""

    def __init__(
        self, plan: ServicePlan, number: int, environment: Callable[[], Mapping[str, str]], log: Path
    ) -> None:
        self.plan = plan
        self.port: int | None = None
        self.healthy = False
        self._environment = environment
        self._asked = 0.0
        command = Command(resolved_command(plan.command), plan.context, self._prepare, plan.stop_timeout)
        self.child = Child(f"{plan.name}#{number}", command, log)

    @property
    def base(self) -> str | None:
        return f"http://127.0.0.1:{self.port}" if self.port else None

    def _prepare(self) -> Mapping[str, str]:
        variables = dict(self._environment())
        if self.plan.listens:
            self.port = free_port()  # anew for each start: the last one may be taken by now
            variables |= {"PORT": str(self.port), "HOST": "127.0.0.1"}
        return variables

    def tick(self) -> bool:
        """Keep it running and ask for its health; True when either changed."""
        if self.child.tick():
            self.healthy = False
            self._asked = 0.0
            return True
        was = self.healthy
        interval = _HEALTH_INTERVAL if was else _FIRST_HEALTH_INTERVAL
        now = time.monotonic()
        if self.child.running and now - self._asked >= interval:
            self._asked = now
            self.healthy = answers(self.port, self.plan.health_path) if self.port else True
        return self.healthy != was


def answers(port: int, path: str) -> bool:
    """Whether the server on `port` answers `path` with success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_HEALTH_TIMEOUT)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
