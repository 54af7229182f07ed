"""What the tasks reach, how, and who reaches them."""

from tests.infra.assembly import Environment

# Every AWS service that a task calls, and why. Not KMS: S3 and DynamoDB call it on a task's behalf.
CALLED = {
    "cognito-idp": "the query engine fetches the keys that tokens are signed with (by HTTPS, without a role)",
    "dynamodb": "tables",
    "ecr": "the image, by Fargate itself",
    "ecs": "task protection, by Fargate's agent",
    "glue": "the catalog of Iceberg tables",
    "logs": "what the container prints, by Fargate itself",
    "s3": "bills, the lake, results; the image's layers",
    "sqs": "landed bills",
    "sts": "credentials cut to one tenant",
}
NOT_CALLED = {"kms"}


def called(environment: Environment) -> set[str]:
    """Services in the rights of tasks: a task cannot call what it has no right to."""
    roles = {
        environment.text(task.stack, task.properties[name]).removesuffix(".Arn")
        for task in environment.resources("AWS::ECS::TaskDefinition")
        for name in ("TaskRoleArn", "ExecutionRoleArn")
    }
    # And the roles that these take on for their work on data.
    roles |= {
        resource.removesuffix(".Arn")
        for role in roles
        for statement in environment.statements(role)
        if "sts:AssumeRole" in statement["actions"]
        for resource in statement["resources"]
    }
    return {
        action.split(":")[0]
        for role in roles
        for statement in environment.statements(role)
        for action in statement["actions"]
    }


def endpoints(environment: Environment) -> dict[str, str]:
    """Service (the last part of an endpoint's name) -> Gateway or Interface."""
    return {
        environment.text(each.stack, each.properties["ServiceName"]).removeprefix(
            "com.amazonaws.us-east-1."
        ): (each.properties["VpcEndpointType"])
        for each in environment.resources("AWS::EC2::VPCEndpoint")
    }


def test_the_list_of_called_services_is_the_rights_of_tasks(environment: Environment) -> None:
    assert called(environment) - NOT_CALLED == set(CALLED) - {"cognito-idp"}


def test_public_tasks_reach_aws_over_the_gateway_and_storage_by_endpoints(environment: Environment) -> None:
    assert endpoints(environment) == {"s3": "Gateway", "dynamodb": "Gateway"}
    routes = list(environment.resources("AWS::EC2::Route"))
    assert {route.properties["DestinationCidrBlock"] for route in routes} == {"0.0.0.0/0"}
    assert all("GatewayId" in route.properties for route in routes)
    for service in environment.resources("AWS::ECS::Service"):
        place = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert place["AssignPublicIp"] == "ENABLED"
        assert len(place["Subnets"]) == 2


def test_private_tasks_reach_every_service_by_an_endpoint(private: Environment) -> None:
    reached = endpoints(private)
    for service in CALLED:
        if service in ("s3", "dynamodb"):
            assert reached[service] == "Gateway"
            continue
        names = {"ecr": ("ecr.api", "ecr.dkr"), "ecs": ("ecs", "ecs-agent", "ecs-telemetry")}
        for name in names.get(service, (service,)):
            assert reached[name] == "Interface", service
    assert not list(private.resources("AWS::EC2::InternetGateway"))
    assert not list(private.resources("AWS::EC2::Route"))
    for service in private.resources("AWS::ECS::Service"):
        place = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert place["AssignPublicIp"] == "DISABLED"


def test_no_nat(environment: Environment) -> None:
    assert not list(environment.resources("AWS::EC2::NatGateway", "AWS::EC2::EIP"))


def test_nothing_comes_in_but_the_vpc_links_calls(environment: Environment) -> None:
    assert not list(environment.resources("AWS::EC2::SecurityGroupIngress"))
    (link,) = environment.resources("AWS::ApiGatewayV2::VpcLink")
    (link_group,) = [environment.text(link.stack, g) for g in link.properties["SecurityGroupIds"]]
    open_to = []
    for group in environment.resources("AWS::EC2::SecurityGroup"):
        for rule in group.properties.get("SecurityGroupIngress", []):
            assert environment.text(group.stack, rule["SourceSecurityGroupId"]) == link_group
            assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (8080, 8080, "tcp")
            open_to.append(group.stack)
        for rule in group.properties["SecurityGroupEgress"]:
            assert rule["IpProtocol"] == "tcp"
            assert rule["FromPort"] == rule["ToPort"] in (443, 8080)
    assert open_to == ["query-engine"]


def test_refused_traffic_is_logged(environment: Environment) -> None:
    (log,) = environment.resources("AWS::EC2::FlowLog")
    assert log.properties["TrafficType"] == "REJECT"


def test_the_cluster_is_watched(environment: Environment) -> None:
    (cluster,) = environment.resources("AWS::ECS::Cluster")
    assert cluster.properties["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]
