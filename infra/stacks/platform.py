"""What every domain stands on: key, bus, HTTP API, alarm topic, the secret behind page tokens."""

import json

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import Environment as AwsEnvironment
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.constructs.event_channel import watch
from infra.constructs.foundation import Foundation, removal_policy
from infra.constructs.nag import acknowledge
from infra.environments import Environment

HOP_SERVICES = ("events", "sns", "cloudwatch")
"""Services that write into something encrypted with the platform's key under their own name, not their
caller's: EventBridge into topics and dead-letter queues, SNS into queues, CloudWatch into the alarm topic.
(S3, DynamoDB, SQS and Secrets Manager use the key with the rights of whoever calls them, so roles get
those; S3 hands its events to EventBridge unencrypted.)"""

ACCESS_LOG = {
    "time": "$context.requestTime",
    "requestId": "$context.requestId",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "tenant": "$context.authorizer.claims.tenant",
    "subject": "$context.authorizer.claims.sub",
    "sourceIp": "$context.identity.sourceIp",
    "latency": "$context.responseLatency",
    "integrationError": "$context.integrationErrorMessage",
}


class PlatformStack(Stack):
    """Owns the KMS key and its whole policy. Outputs: ApiUrl, ApiId, BusName."""

    def __init__(
        self, scope: Construct, id: str, *, environment: Environment, env: AwsEnvironment | None = None
    ) -> None:
        super().__init__(scope, id, stack_name=id, env=env)
        self.key = self._key(environment)
        # By its ARN, here as in every other stack: nothing but `_key` writes into the key's policy.
        key = kms.Key.from_key_arn(self, "KeyByArn", self.key.key_arn)
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=f"onyx-{environment.name}",
            description="The facts that Onyx's domains publish",
        )
        self.alarms = sns.Topic(
            self, "Alarms", display_name=f"Onyx {environment.name}: alarms", master_key=key, enforce_ssl=True
        )
        self.alarms.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[self.alarms.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        self.page_token_secret = secretsmanager.Secret(
            self,
            "PageTokenSecret",
            description="Signs the cursors of paged answers, so that a caller cannot forge or move them",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({}),
                generate_string_key="key",
                password_length=64,
                exclude_punctuation=True,
            ),
            removal_policy=removal_policy(environment),
        )
        acknowledge(
            self.page_token_secret,
            {"AwsSolutions-SMG4": "A new key voids every cursor that is out: rotated by hand, after a leak."},
        )
        self.foundation = Foundation(
            environment=environment,
            key=key,
            bus=self.bus,
            alarms=self.alarms,
            page_token_secret=self.page_token_secret,
        )
        self.api = self._api(environment)
        CfnOutput(self, "ApiUrl", value=self.api.api_endpoint)
        CfnOutput(self, "ApiId", value=self.api.api_id)
        CfnOutput(self, "BusName", value=self.bus.event_bus_name)

    def _key(self, environment: Environment) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/onyx-{environment.name}",
            description=f"Onyx {environment.name}: data at rest and on its way",
            enable_key_rotation=True,
            removal_policy=removal_policy(environment),
        )
        same_account = {"StringEquals": {"aws:SourceAccount": self.account}}
        for service in HOP_SERVICES:
            key.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=service.title(),
                    principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    resources=["*"],
                    conditions=same_account,
                )
            )
        log_groups = f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:*"
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Logs",
                principals=[iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncrypt*",
                    "kms:GenerateDataKey*",
                    "kms:DescribeKey",
                ],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )
        return key

    def _api(self, environment: Environment) -> apigateway.HttpApi:
        api = apigateway.HttpApi(
            self,
            "Api",
            api_name=f"onyx-{environment.name}",
            description="Onyx: every domain under /v1/<domain>",
            create_default_stage=False,
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=list(environment.api.cors_origins),
                allow_methods=[apigateway.CorsHttpMethod.ANY],
                allow_headers=["authorization", "content-type", "traceparent"],
                max_age=Duration.hours(1),
            )
            if environment.api.cors_origins
            else None,
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=environment.api.rate_limit, burst_limit=environment.api.burst_limit
            ),
        )
        cfn_stage = stage.node.default_child
        if not isinstance(cfn_stage, apigateway.CfnStage):
            raise TypeError("a stage's default child is its CfnStage")
        cfn_stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=self.foundation.log_group(self, "AccessLogs").log_group_arn,
            format=json.dumps(ACCESS_LOG),
        )
        watch(
            self,
            "ServerErrors",
            self.foundation,
            metric=api.metric_server_error(period=Duration.minutes(5), statistic="Sum"),
            threshold=environment.alarms.api_server_errors,
            description="The HTTP API answers with errors of its own.",
        )
        return api
