"""The network of the Fargate tasks: no NAT gateway, nothing open to the internet."""

import jsii
from aws_cdk import Environment as AwsEnvironment
from aws_cdk import Fn, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

from infra.constructs.data_service import PORT, Place
from infra.constructs.foundation import Foundation
from infra.environments import Environment, Subnets

ZONES = 2
RANGE = "10.64.0.0/16"
_NAMES = ec2.InterfaceVpcEndpointAwsService

INTERFACE_ENDPOINTS = {
    "cognito-idp": (_NAMES.COGNITO_IDP,),
    "ecr": (_NAMES.ECR, _NAMES.ECR_DOCKER),
    "ecs": (_NAMES.ECS, _NAMES.ECS_AGENT, _NAMES.ECS_TELEMETRY),
    "events": (_NAMES.EVENTBRIDGE,),
    "glue": (_NAMES.GLUE,),
    "logs": (_NAMES.CLOUDWATCH_LOGS,),
    "secretsmanager": (_NAMES.SECRETS_MANAGER,),
    "sqs": (_NAMES.SQS,),
    "sts": (_NAMES.STS,),
}
"""How private tasks reach each AWS service (by its IAM prefix). S3 and DynamoDB have gateway endpoints
always."""
GATEWAY_ENDPOINTS = ("dynamodb", "s3")


class NetworkStack(Stack):
    """A VPC over two zones, the cluster, the Cloud Map namespace and the HTTP API's way in (the VPC link).

    Public subnets by default: tasks have public addresses to call AWS from, and no inbound rule but the VPC
    link's. Private subnets: no route out at all, AWS by interface endpoints.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment: Environment,
        foundation: Foundation,
        env: AwsEnvironment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=id, env=env)
        public = environment.subnets is Subnets.PUBLIC
        kind = ec2.SubnetType.PUBLIC if public else ec2.SubnetType.PRIVATE_ISOLATED
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(RANGE),
            max_azs=ZONES,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="tasks",
                    subnet_type=kind,
                    cidr_mask=22,
                    map_public_ip_on_launch=False if public else None,
                )
            ],
            # The default group is used by nothing; closing it takes a custom resource with a function of
            # its own.
            restrict_default_security_group=False,
        )
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.vpc.add_gateway_endpoint("DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                foundation.log_group(self, "FlowLogs"),
                iam.Role(self, "FlowLogRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com")),
            ),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        if not public:
            self._interface_endpoints(environment)
        link_security_group = ec2.SecurityGroup(
            self,
            "LinkSecurityGroup",
            vpc=self.vpc,
            description="VPC link of the HTTP API: reaches the tasks and nothing else",
            allow_all_outbound=False,
        )
        link_security_group.add_egress_rule(
            ec2.Peer.ipv4(RANGE), ec2.Port.tcp(PORT), "The tasks that serve HTTP"
        )
        subnets = ec2.SubnetSelection(subnet_type=kind)
        cluster = ecs.Cluster(
            self, "Cluster", vpc=self.vpc, container_insights_v2=ecs.ContainerInsights.ENABLED
        )
        self.place = Place(
            vpc=self.vpc,
            subnets=subnets,
            assign_public_ip=public,
            cluster=cluster,
            namespace=servicediscovery.PrivateDnsNamespace(
                self, "Namespace", name=f"{environment.name}.onyx.internal", vpc=self.vpc
            ),
            link=apigateway.VpcLink(
                self, "Link", vpc=self.vpc, subnets=subnets, security_groups=[link_security_group]
            ),
            link_security_group=link_security_group,
        )

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The region's first zones, chosen by CloudFormation: the CDK would ask the account at synth."""
        return [Fn.select(zone, Fn.get_azs()) for zone in range(ZONES)]

    def _interface_endpoints(self, environment: Environment) -> None:
        security_group = ec2.SecurityGroup(
            self,
            "EndpointSecurityGroup",
            vpc=self.vpc,
            description="Interface endpoints: TLS from inside the VPC",
            allow_all_outbound=False,
        )
        security_group.add_ingress_rule(ec2.Peer.ipv4(RANGE), ec2.Port.tcp(443), "Tasks call AWS")
        wanted = {**INTERFACE_ENDPOINTS}
        if environment.query_engine.athena.enabled:
            wanted["athena"] = (_NAMES.ATHENA,)
        for prefix, services in wanted.items():
            for number, service in enumerate(services):
                self.vpc.add_interface_endpoint(
                    f"{prefix.title().replace('-', '')}{number or ''}",
                    service=service,
                    security_groups=[security_group],
                    open=False,
                )
