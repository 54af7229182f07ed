"""The platform that a command talks to: the local one of a port, or an environment on AWS."""

import functools
from dataclasses import dataclass, field
from typing import Any, Self

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from infra.commands.errors import CommandError
from infra.local import aws
from infra.local.platform import Platform
from infra.local.state import LocalState, default_home

LOCAL = "local"


@dataclass(frozen=True)
class PlatformContext:
    """Clients and stack outputs of one platform. Nothing is called before it is needed."""

    env: str
    port: int
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _outputs: dict[str, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, env: str, port: int) -> Self:
        """The platform of `env`; CommandError where a local one does not run on `port`."""
        if env == LOCAL and not Platform(LocalState.of(port)).running():
            raise CommandError(not_running(port))
        return cls(env=env, port=port)

    @property
    def url(self) -> str:
        """Base of the HTTP API, without a slash at the end: `<url>/v1/...`."""
        if self.env == LOCAL:
            return LocalState.of(self.port).url
        return self.output("platform", "ApiUrl").rstrip("/")

    def client(self, service: str) -> Any:
        """A boto3 client: of the local endpoint, or by the AWS profile and region in force."""
        if service not in self._clients:
            if self.env == LOCAL:
                self._clients[service] = aws.client(service, LocalState.of(self.port).url)
            else:
                self._clients[service] = _session().client(service)
        return self._clients[service]

    def output(self, stack_suffix: str, key: str) -> str:
        """Output `key` of the stack `onyx-<env>-<stack_suffix>`. CommandError where there is none."""
        stack = f"onyx-{self.env}-{stack_suffix}"
        if stack_suffix not in self._outputs:
            self._outputs[stack_suffix] = self._read_outputs(stack)
        if key not in self._outputs[stack_suffix]:
            raise CommandError(f"Stack {stack} has no output {key}: deploy it again.")
        return self._outputs[stack_suffix][key]

    def _read_outputs(self, stack: str) -> dict[str, str]:
        try:
            found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except EndpointConnectionError:
            raise CommandError(f"Onyx {self.env} does not answer.") from None
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"Stack {stack} cannot be read: {error}") from None
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def not_running(port: int) -> str:
    """What to tell somebody who looks for a local platform on `port`, and where else one runs."""
    line = f"Onyx is not running on port {port}: start it with `onyx up`."
    homes = [each for each in default_home().glob("*") if each.name.isdecimal()]
    others = sorted(int(each.name) for each in homes if Platform(LocalState.of(int(each.name))).running())
    if not others:
        return line
    return f"{line} It runs on port {' and '.join(map(str, others))}: give --port, or set ONYX_PORT."


@functools.cache
def _session() -> Any:
    return boto3.Session()
