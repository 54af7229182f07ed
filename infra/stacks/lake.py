"""The lake: what the bills say. Databases and tables in Glue are made per tenant at run time."""

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import Environment as AwsEnvironment
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.data_bucket import data_bucket
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge
from infra.environments import Environment

QUARANTINED = {"onyx": "quarantine"}
"""The tag that the cost center puts on refused files."""


class LakeStack(Stack):
    """Three buckets of data (landing, lake, results) and one of their access logs.

    Outputs: LandingBucket, LakeBucket, ResultsBucket.
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
        self._foundation = foundation
        self._old = Duration.days(environment.noncurrent_version_days)
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            # S3 delivers access logs only to buckets encrypted with its own keys.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            removal_policy=foundation.removal_policy,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    expiration=Duration.days(environment.log_retention_days),
                    noncurrent_version_expiration=Duration.days(1),
                    abort_incomplete_multipart_upload_after=Duration.days(2),
                )
            ],
        )
        acknowledge(self.access_logs, {"AwsSolutions-S1": "It holds the access logs of the other buckets."})
        self.landing = self._bucket(
            "Landing",
            # A delivery is read within minutes and kept as the evidence behind the numbers.
            rules=[
                self._tidy(),
                s3.LifecycleRule(id="archive", transitions=[_cold(90)]),
                # By tag: the folder is below each tenant's own prefix, which no rule can leave out.
                s3.LifecycleRule(
                    id="quarantine",
                    tag_filters=QUARANTINED,
                    expiration=Duration.days(environment.quarantine_days),
                ),
                s3.LifecycleRule(id="markers", expired_object_delete_marker=True),
            ],
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.PUT],
                    allowed_origins=list(environment.api.cors_origins),
                    allowed_headers=["content-type", "content-md5", "x-amz-*"],
                    exposed_headers=["ETag", "x-amz-version-id"],
                    max_age=3600,
                )
            ]
            if environment.api.cors_origins
            else None,
        )
        # As a property of the bucket: CDK's `event_bridge_enabled` would deploy a function to set it.
        cfn_bucket = self.landing.node.default_child
        if not isinstance(cfn_bucket, s3.CfnBucket):
            raise TypeError("a bucket's default child is its CfnBucket")
        cfn_bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )
        self.lake = self._bucket("Lake", rules=[self._tidy()])
        self.results = self._bucket(
            "Results",
            rules=[self._tidy(), s3.LifecycleRule(id="expire", expiration=Duration.days(7))],
        )
        if environment.encrypt_catalog:
            self._encrypt_catalog()
        for name, bucket in (("Landing", self.landing), ("Lake", self.lake), ("Results", self.results)):
            CfnOutput(self, f"{name}Bucket", value=bucket.bucket_name)

    def _bucket(
        self, id: str, *, rules: list[s3.LifecycleRule], cors: list[s3.CorsRule] | None = None
    ) -> s3.Bucket:
        return data_bucket(
            self, id, foundation=self._foundation, access_logs=self.access_logs, rules=rules, cors=cors
        )

    def _encrypt_catalog(self) -> None:
        settings = glue.CfnDataCatalogEncryptionSettings
        settings(
            self,
            "CatalogEncryption",
            catalog_id=self.account,
            data_catalog_encryption_settings=settings.DataCatalogEncryptionSettingsProperty(
                encryption_at_rest=settings.EncryptionAtRestProperty(
                    catalog_encryption_mode="SSE-KMS", sse_aws_kms_key_id=self._foundation.key.key_arn
                )
            ),
        )

    def _tidy(self) -> s3.LifecycleRule:
        return s3.LifecycleRule(
            id="tidy",
            noncurrent_version_expiration=self._old,
            abort_incomplete_multipart_upload_after=Duration.days(2),
        )


def _cold(days: int) -> s3.Transition:
    return s3.Transition(
        storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, transition_after=Duration.days(days)
    )
