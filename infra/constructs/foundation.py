"""What every construct stands on: the environment's values and the platform's shared resources."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.environments import Environment

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    365: logs.RetentionDays.ONE_YEAR,
}


@dataclass(frozen=True)
class Foundation:
    """Handed from the platform stack to every other stack.

    `key` is the platform's KMS key *by its ARN*: the key's policy lives in the platform stack alone (which
    grants the service principals of the encrypted hops), so that no other stack can write into it and close
    a cycle.
    """

    environment: Environment
    key: kms.IKey
    bus: events.IEventBus
    alarms: sns.ITopic
    page_token_secret: secretsmanager.ISecret

    @property
    def removal_policy(self) -> RemovalPolicy:
        """RETAIN where the environment keeps its data, else DESTROY."""
        return removal_policy(self.environment)

    def log_group(self, scope: Construct, id: str) -> logs.LogGroup:
        """A log group of the environment's retention, encrypted with the platform's key."""
        return logs.LogGroup(
            scope,
            id,
            retention=_RETENTION[self.environment.log_retention_days],
            encryption_key=self.key,
            removal_policy=self.removal_policy,
        )

    def allow_decrypt(self, role: iam.IRole) -> None:
        """Lets `role` read what is encrypted with the platform's key."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self.key.key_arn])
        )

    def allow_encrypt(self, role: iam.IRole) -> None:
        """Lets `role` read and write what is encrypted with the platform's key."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], resources=[self.key.key_arn]
            )
        )

    def allow_page_tokens(self, role: iam.IRole) -> None:
        """Lets `role` read the secret that signs page tokens."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[self.page_token_secret.secret_arn]
            )
        )
        self.allow_decrypt(role)


def removal_policy(environment: Environment) -> RemovalPolicy:
    """RETAIN where the environment keeps its data, else DESTROY."""
    return RemovalPolicy.RETAIN if environment.retain_data else RemovalPolicy.DESTROY
