"""Writes a small cloud assembly by hand, as `python app.py` of a CDK app would, but in no time.

SAMPLE_* variables change it, so that a test can deploy an update or a failure.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = Path(os.environ["CDK_OUTDIR"])
BUCKET = "cdk-hnb659fds-assets-000000000000-us-east-1"
TASKS = int(os.environ.get("SAMPLE_TASKS", "2"))


def stage(folder: str) -> str:
    """Copy a folder into the assembly under the hash of its content."""
    digest = hashlib.sha256()
    for path in sorted((HERE / folder).glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    name = f"asset.{digest.hexdigest()}"
    shutil.copytree(HERE / folder, OUT / name, ignore=shutil.ignore_patterns("__pycache__"))
    return name


def write_stack(name: str, template: dict[str, Any], files: dict[str, str], images: dict[str, str]) -> None:
    body = json.dumps(template)
    (OUT / f"{name}.template.json").write_text(body)
    packaged = {asset: (asset, "zip", f"{asset}.zip") for asset in files.values()}
    packaged["template"] = (
        f"{name}.template.json",
        "file",
        hashlib.sha256(body.encode()).hexdigest() + ".json",
    )
    assets = {
        "version": "48.0.0",
        "files": {
            key: {
                "source": {"path": path, "packaging": packaging},
                "destinations": {"current": {"bucketName": BUCKET, "objectKey": object_key}},
            }
            for key, (path, packaging, object_key) in packaged.items()
        },
        "dockerImages": {
            tag: {
                "source": {"directory": folder},
                "destinations": {"current": {"repositoryName": "images", "imageTag": tag}},
            }
            for tag, folder in images.items()
        },
    }
    (OUT / f"{name}.assets.json").write_text(json.dumps(assets))


def role(service: str, queue: str) -> dict[str, Any]:
    """May put into the table and consume its queue; nothing else."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    consume = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    allowed = [
        {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": {"Fn::GetAtt": ["Table", "Arn"]}},
        {"Effect": "Allow", "Action": consume, "Resource": {"Fn::GetAtt": [queue, "Arn"]}},
    ]
    version = "2012-10-17"
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": version, "Statement": [trust]},
            "Policies": [{"PolicyName": "own", "PolicyDocument": {"Version": version, "Statement": allowed}}],
        },
    }


def allow(service: str, action: str, resource: Any) -> dict[str, Any]:
    """A resource's policy: another service may do one thing."""
    principal = {"Service": service}
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def function(code: str, handler: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": f"sample-{handler}",
            "Runtime": "python3.13",
            "Handler": f"handlers.{handler}",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"S3Bucket": BUCKET, "S3Key": f"{code}.zip"},
            "Environment": {"Variables": {"GREETING": os.environ.get("SAMPLE_GREETING", "hello")}},
            "Timeout": 10,
        },
    }


def service(definition: str, desired: int, registry: bool) -> dict[str, Any]:
    registries = [{"RegistryArn": {"Fn::GetAtt": ["CloudMap", "Arn"]}}] if registry else []
    return {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "Cluster": {"Fn::ImportValue": "sample-cluster"},
            "TaskDefinition": {"Ref": definition},
            "DesiredCount": desired,
            "LaunchType": "FARGATE",
            "ServiceRegistries": registries,
        },
    }


def definition(name: str, image: str, module: str, port: bool) -> dict[str, Any]:
    container: dict[str, Any] = {
        "Name": name,
        "Image": {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.us-east-1.amazonaws.com/images:" + image},
        "Command": ["python", "-m", os.environ.get("SAMPLE_MODULE", module)],
        "Environment": [{"Name": "QUEUE_URL", "Value": {"Ref": "Work"}}, {"Name": "PLAIN", "Value": "value"}],
        "Secrets": [{"Name": "API_KEY", "ValueFrom": {"Fn::Sub": "${Secret}:key::"}}],
        "StopTimeout": 5,
        "HealthCheck": {"Command": ["CMD-SHELL", "curl -f http://localhost:8080/healthz || exit 1"]},
    }
    if port:
        container["PortMappings"] = [{"ContainerPort": 8080}]
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": name,
            "TaskRoleArn": {"Fn::GetAtt": ["TaskRole", "Arn"]},
            "Cpu": "256",
            "Memory": "512",
            "NetworkMode": "awsvpc",
            "RequiresCompatibilities": ["FARGATE"],
            "ContainerDefinitions": [container],
        },
    }


def base() -> dict[str, Any]:
    """What the other stack imports; and types that the emulator does not know."""
    return {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}},
            "FlowLog": {"Type": "AWS::EC2::FlowLog", "Properties": {"ResourceId": {"Ref": "Vpc"}}},
            "Link": {"Type": "AWS::ApiGatewayV2::VpcLink", "Properties": {"Name": "link", "SubnetIds": []}},
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "sample"}},
        },
        "Outputs": {
            "Cluster": {"Value": {"Ref": "Cluster"}, "Export": {"Name": "sample-cluster"}},
            "Cidr": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
        },
    }


def main(code: str, image: str) -> dict[str, Any]:
    queue: dict[str, Any] = {
        "VisibilityTimeout": 1,
        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 2},
    }
    key = [{"AttributeName": "pk", "AttributeType": "S"}]
    proxy = "arn:${AWS::Partition}:apigateway:${AWS::Region}"
    resources: dict[str, Any] = {
        "Role": role("lambda.amazonaws.com", "Queue"),
        "TaskRole": role("ecs-tasks.amazonaws.com", "Work"),
        "Echo": function(code, "echo"),
        "Consume": function(code, "consume"),
        "PreToken": function(code, "pre_token"),
        "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "sample-dead"}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "sample-queue", **queue}},
        "Work": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "sample-work"}},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Consume"},
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "sample-table",
                "AttributeDefinitions": key,
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            },
        },
        "Landing": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": "sample-landing",
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            },
        },
        "Landed": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.s3"], "detail": {"bucket": {"name": [{"Ref": "Landing"}]}}},
                "Targets": [{"Id": "topic", "Arn": {"Ref": "Topic"}}],
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "sample-topic"}},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Work", "Arn"]},
                "RawMessageDelivery": True,
            },
        },
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Topic"}],
                "PolicyDocument": allow("events.amazonaws.com", "sns:Publish", {"Ref": "Topic"}),
            },
        },
        "WorkPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Work"}],
                "PolicyDocument": allow(
                    "sns.amazonaws.com", "sqs:SendMessage", {"Fn::GetAtt": ["Work", "Arn"]}
                ),
            },
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "GenerateSecretString": {"SecretStringTemplate": "{}", "GenerateStringKey": "key"}
            },
        },
        "Namespace": {
            "Type": "AWS::ServiceDiscovery::PrivateDnsNamespace",
            "Properties": {"Name": "sample.local", "Vpc": "vpc-1"},
        },
        "CloudMap": {
            "Type": "AWS::ServiceDiscovery::Service",
            "Properties": {
                "Name": "server",
                "NamespaceId": {"Ref": "Namespace"},
                "DnsConfig": {"DnsRecords": [{"TTL": 10, "Type": "SRV"}]},
            },
        },
        "ServerTask": definition("server", image, "server", port=True),
        "WorkerTask": definition("worker", image, "worker", port=False),
        "Server": service("ServerTask", TASKS, registry=True),
        "Worker": service("WorkerTask", 0, registry=False),
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {
                "UserPoolName": "sample",
                "Schema": [{"Name": "tenant", "AttributeDataType": "String", "Mutable": False}],
                "LambdaConfig": {
                    "PreTokenGenerationConfig": {
                        "LambdaArn": {"Fn::GetAtt": ["PreToken", "Arn"]},
                        "LambdaVersion": "V3_0",
                    }
                },
            },
        },
        "Client": {
            "Type": "AWS::Cognito::UserPoolClient",
            "Properties": {
                "UserPoolId": {"Ref": "Pool"},
                "ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
                "WriteAttributes": ["email"],
            },
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "onyx-local",
                "ProtocolType": "HTTP",
                "CorsConfiguration": {"AllowOrigins": ["http://app.test"], "AllowMethods": ["GET"]},
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
        "Jwt": {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "Name": "jwt",
                "JwtConfiguration": {
                    "Audience": [{"Ref": "Client"}],
                    "Issuer": {"Fn::Sub": "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"},
                },
            },
        },
        "Lambda": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "PayloadFormatVersion": "2.0",
                "IntegrationUri": {
                    "Fn::Sub": proxy + ":lambda:path/2015-03-31/functions/${Echo.Arn}/invocations"
                },
            },
        },
        "Private": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "HTTP_PROXY",
                "IntegrationMethod": "ANY",
                "ConnectionType": "VPC_LINK",
                "ConnectionId": "link",
                "PayloadFormatVersion": "1.0",
                "TimeoutInMillis": 3000,
                "IntegrationUri": {"Fn::GetAtt": ["CloudMap", "Arn"]},
            },
        },
    }
    routes = {"Open": ("/v1/open/{proxy+}", "Lambda", None), "Task": ("/v1/task/{proxy+}", "Private", None)}
    for name, (path, integration, scope) in {
        **routes,
        "Closed": ("/v1/closed", "Lambda", "onyx/api"),
    }.items():
        properties: dict[str, Any] = {
            "ApiId": {"Ref": "Api"},
            "RouteKey": f"ANY {path}",
            "Target": {"Fn::Sub": "integrations/${" + integration + "}"},
        }
        if scope:
            properties |= {
                "AuthorizationType": "JWT",
                "AuthorizerId": {"Ref": "Jwt"},
                "AuthorizationScopes": [scope],
            }
        resources[name] = {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}
    if os.environ.get("SAMPLE_BROKEN"):
        resources["Broken"] = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "StreamSpecification": [],
            },
        }
    outputs = {
        "PoolId": {"Value": {"Ref": "Pool"}},
        "ClientId": {"Value": {"Ref": "Client"}},
        "ApiUrl": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}},
    }
    return {"Resources": resources, "Outputs": outputs}


def write_all() -> None:
    code, image = stage("functions"), stage("image")
    tag = image.removeprefix("asset.")
    write_stack("sample-base", base(), {}, {})
    write_stack("onyx-local-platform", main(code, tag), {code: code}, {tag: image})
    kind = "aws:cloudformation:stack"
    artifacts: dict[str, Any] = {
        # In the wrong order on purpose: the dependency decides.
        "onyx-local-platform": {
            "type": kind,
            "dependencies": ["sample-base"],
            "properties": {
                "templateFile": "onyx-local-platform.template.json",
                "tags": {"project": "sample"},
            },
        },
        "sample-base": {"type": kind, "properties": {"templateFile": "sample-base.template.json"}},
    }
    (OUT / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))


write_all()
