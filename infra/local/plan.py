"""What to run: the ECS services of the deployed stacks, read from templates and the emulator.

The emulator reports a service as running and starts nothing, so each task definition's command
becomes a real process. A plan holds no secret: values are fetched when a task starts.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.local.assembly import ImageAsset, StackArtifact

_DEFAULT_HEALTH_PATH = "/healthz"
_DEFAULT_STOP_TIMEOUT = 30.0


class PlanError(RuntimeError):
    """A service cannot be run here; the message names it and says why."""


@dataclass(frozen=True)
class ServicePlan:
    """One ECS service: the process to start, how often, and what leads to it."""

    name: str  # short: the container's name
    arn: str
    task_definition: str
    role: str  # ARN of the role that the task calls AWS under; empty: none
    command: list[str]
    context: str  # folder of the staged build context: the process's working directory
    count: int
    listens: bool  # it has a port mapping: it serves HTTP on $PORT
    health_path: str
    stop_timeout: float
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # variable -> secret or parameter ARN
    integrations: list[str] = field(default_factory=list)  # integration URIs of the HTTP API that lead here

    def same_task(self, other: "ServicePlan") -> bool:
        """Whether a task of `other` may go on running for this: all that it was started from is the same.

        A build context is named by its content; the assembly that holds it does not matter.
        """
        moved = replace(other, count=self.count, context=self.context)
        return moved == self and Path(other.context).name == Path(self.context).name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_services(stacks: Sequence[StackArtifact], clients: Callable[[str], Any]) -> list[ServicePlan]:
    """Every ECS service of `stacks`, as deployed. Raises PlanError."""
    images = [image for stack in stacks for image in stack.images]
    uris = list(_integration_uris(clients("apigatewayv2")))
    plans = [plan for stack in stacks for plan in _services_of(stack, images, uris, clients)]
    names = [plan.name for plan in plans]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise PlanError(f"two services share the container name {', '.join(doubled)}: logs would mix")
    return plans


def _integration_uris(apigateway: Any) -> Iterator[str]:
    for api in apigateway.get_apis()["Items"]:
        for integration in apigateway.get_integrations(ApiId=api["ApiId"])["Items"]:
            if integration.get("ConnectionType") == "VPC_LINK":
                yield integration["IntegrationUri"]


def _services_of(
    stack: StackArtifact, images: Sequence[ImageAsset], uris: Sequence[str], clients: Callable[[str], Any]
) -> Iterator[ServicePlan]:
    services = list(stack.resources("AWS::ECS::Service"))
    if not services:
        return
    found = clients("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}
    for logical_id, properties in services:
        arn = physical[logical_id]  # arn:...:service/<cluster>/<name>
        _, cluster, name = arn.split("/")
        described = clients("ecs").describe_services(cluster=cluster, services=[name])["services"][0]
        definition = clients("ecs").describe_task_definition(taskDefinition=described["taskDefinition"])
        registered = properties.get("ServiceRegistries", [])
        registries = [_physical(registry["RegistryArn"], physical) for registry in registered]
        reached = [uri for uri in uris if any(registry and uri.endswith(registry) for registry in registries)]
        yield _plan(arn, described, definition["taskDefinition"], reached, images)


def _physical(reference: Any, physical: dict[str, str]) -> str:
    """The physical id behind a Ref or GetAtt of the same stack, or a plain string."""
    if isinstance(reference, str):
        return reference
    if isinstance(reference, dict):
        logical = reference.get("Ref") or next(iter(reference.get("Fn::GetAtt", [])), "")
        return physical.get(logical, "")
    return ""


def _plan(
    arn: str,
    service: dict[str, Any],
    definition: dict[str, Any],
    uris: list[str],
    images: Sequence[ImageAsset],
) -> ServicePlan:
    name = arn.rsplit("/", 1)[-1]
    containers = definition["containerDefinitions"]
    if len(containers) != 1:
        raise PlanError(f"{name}: {len(containers)} containers in one task; one is what runs here")
    container = containers[0]
    command = [*container.get("entryPoint", []), *container.get("command", [])]
    if not command:
        raise PlanError(
            f"{name}: container {container['name']} names no command; its image is not built here"
        )
    return ServicePlan(
        name=container["name"],
        arn=arn,
        task_definition=definition["taskDefinitionArn"],
        role=definition.get("taskRoleArn", ""),
        command=command,
        context=_context(name, container["image"], images),
        # No autoscaling here: a queue worker that AWS scales from zero runs all the time, because each
        # bill would otherwise wait for a cold start.
        count=max(1, int(service["desiredCount"])),
        listens=bool(container.get("portMappings")),
        health_path=_health_path(container),
        stop_timeout=float(container.get("stopTimeout") or _DEFAULT_STOP_TIMEOUT),
        environment={entry["name"]: entry["value"] for entry in container.get("environment", [])},
        secrets={entry["name"]: entry["valueFrom"] for entry in container.get("secrets", [])},
        integrations=uris,
    )


def _context(service: str, image: str, images: Sequence[ImageAsset]) -> str:
    for asset in images:
        if asset.tag in image:
            return str(asset.context)
    raise PlanError(f"{service}: image {image} is no asset of the assembly; only those run without docker")


def _health_path(container: dict[str, Any]) -> str:
    words = " ".join(container.get("healthCheck", {}).get("command", []))
    found = re.search(r"https?://[^/\s'\"]+(/[^\s'\"|)]*)", words)
    return found.group(1) if found else _DEFAULT_HEALTH_PATH
