"""CloudFormation: types and properties that the emulator does not know."""

from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

Created = tuple[str, dict[str, Any]]

# An unknown type rejects the whole template. These have no effect on one machine: what they declare
# is proven on the synthesized template by the infrastructure tests.
NO_OP_TYPES = (
    "AWS::ApiGatewayV2::VpcLink",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::BCMDataExports::Export",
    "AWS::Budgets::Budget",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CUR::ReportDefinition",
    "AWS::CloudTrail::Trail",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::Cognito::LogDeliveryConfiguration",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::PrefixList",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::Events::Archive",
    "AWS::Events::EventBusPolicy",
    "AWS::Glue::DataCatalogEncryptionSettings",
    "AWS::GuardDuty::Detector",
    "AWS::LakeFormation::DataLakeSettings",
    "AWS::LakeFormation::PrincipalPermissions",
    "AWS::LakeFormation::Resource",
    "AWS::Logs::QueryDefinition",
    "AWS::ResourceGroups::Group",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::XRay::Group",
    "AWS::XRay::SamplingRule",
)


def accept_types_without_local_meaning() -> None:
    """Register a handler that only names the resource, where the emulator has none."""

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Created:
        name = f"{stack}-{logical_id}"
        return name, {"Arn": f"arn:aws:local:us-east-1:000000000000:{name}", "Id": name, "VpcLinkId": name}

    def update(name: str, old: dict[str, Any], new: dict[str, Any], stack: str) -> Created:
        return name, {"Arn": f"arn:aws:local:us-east-1:000000000000:{name}", "Id": name, "VpcLinkId": name}

    def delete(name: str, properties: dict[str, Any]) -> None:
        """Nothing was made, so nothing goes."""

    for resource_type in NO_OP_TYPES:
        provisioners._RESOURCE_HANDLERS.setdefault(
            resource_type, {"create": create, "update": update, "delete": delete}
        )


def after(resource_type: str, then: Callable[[dict[str, Any], str, dict[str, Any]], None]) -> None:
    """Call `then(properties, physical id, attributes)` after each create and update of a type."""
    handler = provisioners._RESOURCE_HANDLERS[resource_type]
    create = handler["create"]

    def creating(logical_id: str, properties: dict[str, Any], stack: str) -> Created:
        name, attributes = create(logical_id, properties, stack)
        then(properties, name, attributes)
        return name, attributes

    handler["create"] = creating
    if update := handler.get("update"):

        def updating(physical: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Created:
            name, attributes = update(physical, old, new, *rest)
            then(new, name, attributes)
            return name, attributes

        handler["update"] = updating


def before(resource_type: str, rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Rewrite the properties of each create and update of a type."""
    handler = provisioners._RESOURCE_HANDLERS[resource_type]
    create = handler["create"]
    handler["create"] = lambda logical_id, properties, stack: create(logical_id, rewrite(properties), stack)
    if update := handler.get("update"):

        def updating(physical: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
            return update(physical, rewrite(old), rewrite(new), *rest)

        handler["update"] = updating


def give_vpc_its_address_attributes() -> None:
    """The CDK reads CidrBlock of a VPC for security group rules; the emulator returns only ids."""

    def add(properties: dict[str, Any], name: str, attributes: dict[str, Any]) -> None:
        attributes.setdefault("CidrBlock", properties.get("CidrBlock", "10.0.0.0/16"))
        attributes.setdefault("CidrBlockAssociations", [])
        attributes.setdefault("Ipv6CidrBlocks", [])

    after("AWS::EC2::VPC", add)


def refer_to_secrets_by_arn() -> None:
    """`Ref` of a secret is its ARN, which policies name; the emulator gives its name, and IAM then denies."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def creating(*arguments: Any, **options: Any) -> Created:
        name, attributes = create(*arguments, **options)
        return attributes.get("Arn", name), attributes

    def updating(physical: str, *arguments: Any, **options: Any) -> Created:
        _name, attributes = update(_secret_name(physical), *arguments, **options)
        return attributes.get("Arn", physical), attributes

    def deleting(physical: str, *arguments: Any, **options: Any) -> Any:
        return delete(_secret_name(physical), *arguments, **options)

    handler.update(create=creating, update=updating, delete=deleting)


def _secret_name(physical: str) -> str:
    """Of arn:aws:secretsmanager:region:account:secret:NAME-xxxxxx; a name is its own."""
    return physical.split(":")[6][:-7] if physical.startswith("arn:") else physical


def keep_table_ttl_and_recovery() -> None:
    """Time to live and point-in-time recovery of a table are dropped: set them by the service's calls."""

    def apply(properties: dict[str, Any], name: str, attributes: dict[str, Any]) -> None:
        if ttl := properties.get("TimeToLiveSpecification"):
            specification = {"Enabled": _true(ttl.get("Enabled")), "AttributeName": ttl["AttributeName"]}
            dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": specification})
        if recovery := _recovery(properties):
            wanted = {"PointInTimeRecoveryEnabled": _true(recovery.get("PointInTimeRecoveryEnabled"))}
            request = {"TableName": name, "PointInTimeRecoverySpecification": wanted}
            dynamodb._update_continuous_backups(request)

    after("AWS::DynamoDB::Table", apply)
    after("AWS::DynamoDB::GlobalTable", apply)


def _recovery(properties: dict[str, Any]) -> dict[str, Any] | None:
    owners = (properties, *properties.get("Replicas", []))
    found = (owner.get("PointInTimeRecoverySpecification") for owner in owners)
    return next((specification for specification in found if specification), None)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def spell_task_definitions_as_the_api_does() -> None:
    """`Secrets` and `HealthCheck` of a container keep CloudFormation's casing: clients drop them."""

    def rewrite(properties: dict[str, Any]) -> dict[str, Any]:
        containers = [dict(container) for container in properties.get("ContainerDefinitions", [])]
        for container in containers:
            for key in ("Secrets", "HealthCheck"):
                if key in container:
                    container[key] = _camel(container[key])
        return {**properties, "ContainerDefinitions": containers}

    before("AWS::ECS::TaskDefinition", rewrite)


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(inner) for key, inner in value.items()}
    return [_camel(inner) for inner in value] if isinstance(value, list) else value
