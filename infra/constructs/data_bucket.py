"""A bucket of data: encrypted with the platform's key, versioned, private, its access logged."""

from collections.abc import Sequence

from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.foundation import Foundation


def data_bucket(
    scope: Construct,
    id: str,
    *,
    foundation: Foundation,
    access_logs: s3.IBucket,
    rules: Sequence[s3.LifecycleRule],
    cors: Sequence[s3.CorsRule] | None = None,
) -> s3.Bucket:
    """The bucket; its access logs go below `<id>/` of `access_logs`."""
    return s3.Bucket(
        scope,
        id,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=foundation.key,
        bucket_key_enabled=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        versioned=True,
        removal_policy=foundation.removal_policy,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{id.lower()}/",
        lifecycle_rules=list(rules),
        cors=list(cors) if cors else None,
    )
