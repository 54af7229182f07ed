"""The workgroup of Amazon Athena in which tenants' large queries run."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge

GIB = 2**30


class AthenaWorkgroup(Construct):
    """One for all tenants: a query's session says whose data it reads, and where its result goes.

    What a query may read at most is the workgroup's, and nobody's to change.
    """

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation, cutoff_gib: int) -> None:
        super().__init__(scope, id)
        self.name = foundation.environment.stack_name("query")
        encrypted = athena.CfnWorkGroup.EncryptionConfigurationProperty(
            encryption_option="SSE_KMS", kms_key=foundation.key.key_arn
        )
        self.workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=self.name,
            description="Tenants' queries that are too large for one machine",
            recursive_delete_option=True,
            state="ENABLED",
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=cutoff_gib * GIB,
                # Enforced, all results would lie in one place, which no session of a tenant may write to:
                # each is put below its tenant's prefix, in a bucket that encrypts with the platform's key.
                enforce_work_group_configuration=False,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    encryption_configuration=encrypted
                ),
            ),
        )
        self.workgroup.apply_removal_policy(RemovalPolicy.DESTROY)
        acknowledge(
            self.workgroup,
            {
                "AwsSolutions-ATH1": "Each query names a place below its tenant's prefix, which an enforced "
                "workgroup would override; the bucket encrypts all that is put with the platform's key."
            },
        )

    def allow_queries(self, role: iam.IRole) -> None:
        """Start queries here, look after them, stop them, and learn the types of their results."""
        arn = Stack.of(self).format_arn(service="athena", resource="workgroup", resource_name=self.name)
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[
                    "athena:StartQueryExecution",
                    "athena:GetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:StopQueryExecution",
                ],
                resources=[arn],
            )
        )
