"""A function of the control plane: one domain's source, one role, one log group."""

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import packaging
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge

RUNTIME = lambda_.Runtime.PYTHON_3_13
METRICS = "Onyx"
"""The namespace of the metrics that functions and tasks write."""
ARCHITECTURE = lambda_.Architecture.ARM_64


class ControlFunction(Construct):
    """Python on arm64 from a zip of exactly the domain's source, what it imports of peers' contracts and
    `shared`.

    `handler` is a dotted path (`services.identity.handlers.api.handler`). The role starts with its own log
    group and tracing; callers add what the code calls. Dependencies come from one layer, except where the
    environment says that the machine's interpreter has them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        domain: str,
        handler: str,
        environment: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
        memory_mib: int = 512,
        reserved_concurrency: int | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.timeout = timeout or Duration.seconds(10)
        log_group = foundation.log_group(self, "Logs")
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"{domain}: {handler}",
        )
        self.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            )
        )
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=handler,
            code=lambda_.Code.from_asset(str(packaging.function_source(domain))),
            layers=_layers(self, foundation),
            role=self.role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=self.timeout,
            memory_size=memory_mib,
            reserved_concurrent_executions=reserved_concurrency,
            environment={
                **common_environment(foundation, service=domain),
                **(environment or {}),
            },
        )
        acknowledge(
            self,
            {
                "AwsSolutions-L1": "3.13 is what the lock's wheels are resolved and tested for.",
                "AwsSolutions-IAM5[Resource::*]": "X-Ray's PutTraceSegments knows no resource but `*`.",
            },
        )


def common_environment(foundation: Foundation, *, service: str) -> dict[str, str]:
    """Variables that every function and task gets."""
    return {
        "ONYX_ENV": foundation.environment.name,
        "POWERTOOLS_SERVICE_NAME": service,
        "POWERTOOLS_METRICS_NAMESPACE": METRICS,
        "BUS_NAME": foundation.bus.event_bus_name,
        "PAGE_TOKEN_SECRET_ARN": foundation.page_token_secret.secret_arn,
    }


def _layers(scope: Construct, foundation: Foundation) -> list[lambda_.ILayerVersion]:
    """The dependencies, as a layer version per stack.

    Per stack, because a new version replaces the old one, and CloudFormation refuses to replace what another
    stack imports.
    """
    if not foundation.environment.bundle_layer:
        return []
    stack = Stack.of(scope)
    found = stack.node.try_find_child("Dependencies")
    if isinstance(found, lambda_.LayerVersion):
        return [found]
    return [
        lambda_.LayerVersion(
            stack,
            "Dependencies",
            code=lambda_.Code.from_asset(str(packaging.layer())),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            description="The control plane's dependencies, from uv.lock",
            removal_policy=foundation.removal_policy,
        )
    ]
