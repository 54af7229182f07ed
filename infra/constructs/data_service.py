"""A service of the data plane on Fargate."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as servicediscovery
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import packaging
from infra.constructs.control_function import common_environment
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge, as_seen_from, wildcard_resource
from infra.environments import TaskSize

PORT = 8080
STOP_SECONDS = 120
"""Between SIGTERM and SIGKILL: Fargate's maximum, so that a task can finish or hand back what it holds."""


@dataclass(frozen=True)
class Place:
    """Where tasks run and how they are reached: handed from the network stack."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    assign_public_ip: bool
    cluster: ecs.ICluster
    namespace: servicediscovery.INamespace
    link: apigateway.IVpcLink
    link_security_group: ec2.ISecurityGroup


@dataclass(frozen=True)
class Served:
    """The task is an HTTP server: its Cloud Map name and the path of its health route."""

    name: str
    health_path: str


@dataclass(frozen=True)
class Scaled:
    """The task works off queues: from `min_tasks` to `max_tasks` by messages that wait or are in work.

    With no task at all, the first message of a long quiet time waits for up to 15 minutes: SQS stops its
    metrics after six idle hours and takes that long to resume them. `min_tasks=1` is the price of not
    waiting.
    """

    queues: Sequence[sqs.IQueue]
    min_tasks: int
    max_tasks: int
    messages_per_task: int = 4


class DataService(Construct):
    """One task definition (arm64, explicit command, read-only root with a writable /tmp) and its service.

    Give `served` for an HTTP server: it gets PORT and HOST, a health check, an SRV record in Cloud Map and an
    `integration` for the HTTP API through the VPC link, which alone may reach its port. Give `scaled` for a
    consumer of queues. The task's role starts empty: callers add what the code calls.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        place: Place,
        domain: str,
        command: Sequence[str],
        size: TaskSize,
        environment: Mapping[str, str],
        tasks: int = 1,
        served: Served | None = None,
        scaled: Scaled | None = None,
    ) -> None:
        super().__init__(scope, id)
        if (served is None) == (scaled is None):
            raise ValueError(f"{id}: a service is either served or scaled")
        self._place = place
        definition = self._definition(id, foundation, domain, command, size, environment, served)
        self._definition_of_task = definition
        self.role: iam.IRole = definition.task_role
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=place.vpc,
            description=f"{domain} {id}: calls AWS over TLS",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS APIs (endpoints or their public names)"
        )
        if served:
            self.security_group.add_ingress_rule(
                # By its id: the rule then stands in the group itself instead of in a resource of its own.
                ec2.Peer.security_group_id(place.link_security_group.security_group_id),
                ec2.Port.tcp(PORT),
                "The HTTP API, through the VPC link",
            )
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=place.cluster,
            task_definition=definition,
            # A scaled service has its count from the scaling target; a deploy must not reset it.
            desired_count=tasks if served else _fixed_count(scaled),
            vpc_subnets=place.subnets,
            assign_public_ip=place.assign_public_ip,
            security_groups=[self.security_group],
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            min_healthy_percent=100,
            max_healthy_percent=200,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            enable_ecs_managed_tags=True,
            cloud_map_options=_cloud_map(place, served) if served else None,
        )
        if scaled and scaled.min_tasks != scaled.max_tasks:
            self._scale(scaled)

    def integration(self, id: str) -> apigateway.HttpRouteIntegration:
        """The HTTP API's private integration with this service (it waits for an answer for 30 seconds)."""
        found = self.service.cloud_map_service
        if found is None:
            raise ValueError(f"{self.node.path} serves nothing")
        return integrations.HttpServiceDiscoveryIntegration(id, found, vpc_link=self._place.link)

    def tenant_role(self) -> iam.Role:
        """The role of this service's work on tenants' data: callers add what the work does.

        Only the task may take it on, which it does for one tenant at a time (`shared.tenant_credentials` cuts
        the session down). Its own role has no rights on data at all.
        """
        role = iam.Role(
            self,
            "TenantRole",
            assumed_by=iam.ArnPrincipal(self.role.role_arn),
            description="Work on one tenant's data: a session policy says whose",
        )
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role.role_arn])
        )
        container = self._definition_of_task.default_container
        if container is None:
            raise ValueError(f"{self.node.path} has no container")
        container.add_environment("TENANT_ROLE_ARN", role.role_arn)
        return role

    def allow_task_protection(self) -> None:
        """Lets a task protect itself from scale-in while it works (UpdateTaskProtection, by the agent)."""
        cluster = self._place.cluster
        tasks = Stack.of(self).format_arn(service="ecs", resource="task", resource_name="")
        self.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
                resources=[f"{tasks}{cluster.cluster_name}/*"],
            )
        )
        seen = as_seen_from(self, cluster, cluster.cluster_name)
        acknowledge(
            self.role,
            {wildcard_resource(self, f"{tasks}{seen}/*"): "A task's id is not known before it runs."},
        )

    def _definition(
        self,
        id: str,
        foundation: Foundation,
        domain: str,
        command: Sequence[str],
        size: TaskSize,
        environment: Mapping[str, str],
        served: Served | None,
    ) -> ecs.FargateTaskDefinition:
        definition = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=size.cpu,
            memory_limit_mib=size.memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            volumes=[ecs.Volume(name="tmp")],
        )
        address = {"PORT": str(PORT), "HOST": "0.0.0.0"} if served else {}  # noqa: S104 (the task's own address)
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", id).lower()
        container = definition.add_container(
            name,
            image=ecs.ContainerImage.from_asset(
                str(packaging.image_context()), platform=ecr_assets.Platform.LINUX_ARM64
            ),
            command=list(command),
            environment={**common_environment(foundation, service=domain), **address, **environment},
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=foundation.log_group(self, "Logs")),
            health_check=_health_check(served.health_path) if served else None,
            port_mappings=[ecs.PortMapping(container_port=PORT, name="http")] if served else None,
            readonly_root_filesystem=True,
            stop_timeout=Duration.seconds(STOP_SECONDS),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path="/tmp", source_volume="tmp", read_only=False)  # noqa: S108
        )
        acknowledge(
            definition,
            {
                "AwsSolutions-ECS2": "Names and limits only; a secret is read by its ARN.",
                "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no resource but `*`.",
            },
        )
        return definition

    def _scale(self, scaled: Scaled) -> None:
        """Steps over visible plus in-flight messages: by the visible alone, a task would be taken in
        mid-work."""
        target = self.service.auto_scale_task_count(
            min_capacity=scaled.min_tasks, max_capacity=scaled.max_tasks
        )
        minute = Duration.minutes(1)
        counts: dict[str, cloudwatch.IMetric] = {}
        for number, queue in enumerate(scaled.queues, start=1):
            counts[f"waiting{number}"] = queue.metric_approximate_number_of_messages_visible(
                period=minute, statistic="Maximum"
            )
            counts[f"working{number}"] = queue.metric_approximate_number_of_messages_not_visible(
                period=minute, statistic="Maximum"
            )
        backlog = cloudwatch.MathExpression(
            # A queue that was quiet for hours has no data; the others count all the same.
            expression=" + ".join(f"FILL({name}, 0)" for name in counts),
            label="messages waiting or in work",
            period=minute,
            using_metrics=counts,
        )
        # Bounds lie between whole numbers: AWS counts a value that is exactly on a bound to the step below
        # it when it scales in, by which the one message of a quiet day would get no task at all.
        steps = [autoscaling.ScalingInterval(upper=0.5, change=scaled.min_tasks)]
        first = max(scaled.min_tasks, 1)
        for tasks in range(first, scaled.max_tasks + 1):
            lower = 0.5 if tasks == first else (tasks - 1) * scaled.messages_per_task + 0.5
            steps.append(autoscaling.ScalingInterval(lower=lower, change=tasks))
        target.scale_on_metric(
            "Backlog",
            metric=backlog,
            scaling_steps=steps,
            adjustment_type=autoscaling.AdjustmentType.EXACT_CAPACITY,
            evaluation_periods=1,
            cooldown=Duration.minutes(3),
        )


def _fixed_count(scaled: Scaled | None) -> int | None:
    return scaled.min_tasks if scaled and scaled.min_tasks == scaled.max_tasks else None


def _cloud_map(place: Place, served: Served) -> ecs.CloudMapOptions:
    return ecs.CloudMapOptions(
        name=served.name,
        cloud_map_namespace=place.namespace,
        dns_record_type=servicediscovery.DnsRecordType.SRV,
        dns_ttl=Duration.seconds(10),
        container_port=PORT,
    )


def _health_check(path: str) -> ecs.HealthCheck:
    """Asks the server itself, with the one program that is surely in the image."""
    ask = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}{path}', timeout=4)"
    return ecs.HealthCheck(
        command=["CMD", "python", "-c", ask],
        interval=Duration.seconds(15),
        timeout=Duration.seconds(5),
        retries=3,
        start_period=Duration.seconds(60),
    )
