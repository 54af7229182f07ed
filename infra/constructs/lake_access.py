"""Grants on the lake, in the words of who needs them."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge, as_seen_from, wildcard_resource

_GET = ("s3:GetObject",)
_DELIVERED = ("s3:GetObject", "s3:GetObjectVersion")
_WRITE = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
_TABLES = ("glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable")
_ANY_TENANT = "Objects and databases of every tenant: which one an act is for is known at run time only."
_DATABASES = ("glue:CreateDatabase",)
_QUERIED = ("glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions")


@dataclass(frozen=True)
class LakeAccess:
    """The lake's buckets and its catalog, handed from the lake stack.

    A role gets whole buckets and every tenant's database: which tenant an act belongs to is known at run time
    only. So it is for `DataService.tenant_role`, whose sessions are cut down to one tenant, and for what must
    act for any: the upload's signature and the making of databases.
    """

    foundation: Foundation
    landing: s3.IBucket
    lake: s3.IBucket
    results: s3.IBucket

    def allow_upload(self, role: iam.IRole) -> None:
        """Put objects into landing: what a presigned upload may do."""
        self._objects(role, self.landing, ("s3:PutObject",))
        self.foundation.allow_encrypt(role)

    def allow_pull(self, role: iam.IRole) -> None:
        """Put objects into landing, also in parts, and take back one that was not finished. Read none."""
        self._objects(role, self.landing, ("s3:PutObject", "s3:AbortMultipartUpload"))
        self.foundation.allow_encrypt(role)

    def allow_landing_read(self, role: iam.IRole) -> None:
        """Read deliveries, each in the very version that was announced."""
        self._objects(role, self.landing, _DELIVERED)
        self.foundation.allow_decrypt(role)

    def allow_quarantine(self, role: iam.IRole) -> None:
        """Move a refused delivery: put it, with a tag, below a tenant's `.quarantine/`, delete the version
        that landed.

        List versions: which one of a file belongs to a manifest. What sessions see is cut to one tenant.
        """
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"],
                resources=[self.landing.arn_for_objects("*/.quarantine/*")],
            )
        )
        arn = as_seen_from(role, self.landing, self.landing.bucket_arn)
        acknowledge(role, {wildcard_resource(role, f"{arn}/*/.quarantine/*"): _ANY_TENANT})
        self._objects(role, self.landing, ("s3:DeleteObjectVersion",))
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:ListBucketVersions"], resources=[self.landing.bucket_arn])
        )
        self.foundation.allow_encrypt(role)

    def allow_lake_read(self, role: iam.IRole) -> None:
        """Read the lake's files, which are known by name."""
        self._objects(role, self.lake, _GET)
        self.foundation.allow_decrypt(role)

    def allow_changes_read(self, role: iam.IRole) -> None:
        """Sign addresses of documents of changes, and read nothing else of the lake."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(_GET), resources=[self.lake.arn_for_objects("*/changes/*")])
        )
        arn = as_seen_from(role, self.lake, self.lake.bucket_arn)
        acknowledge(role, {wildcard_resource(role, f"{arn}/*/changes/*"): _ANY_TENANT})
        self.foundation.allow_decrypt(role)

    def allow_lake_write(self, role: iam.IRole) -> None:
        """Read, write and delete the lake's files."""
        self._objects(role, self.lake, (*_GET, *_WRITE))
        self.foundation.allow_encrypt(role)

    def allow_results_write(self, role: iam.IRole) -> None:
        """Put results, each under a name of its own; who asked for one fetches it by a signed address."""
        self._objects(role, self.results, ("s3:PutObject", "s3:AbortMultipartUpload"))
        self.foundation.allow_encrypt(role)

    def allow_results_read(self, role: iam.IRole) -> None:
        """Read results: what a signed address may do."""
        self._objects(role, self.results, _GET)
        self.foundation.allow_decrypt(role)

    def allow_athena(self, role: iam.IRole) -> None:
        """What Athena does with a session's rights, beside reading the lake and putting results: find
        tenants' tables, and see where the buckets are and what lies in them."""
        for bucket in (self.lake, self.results):
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=[bucket.bucket_arn]
                )
            )
        self._catalog(role, _QUERIED, tables=True)
        default = Stack.of(role).format_arn(service="glue", resource="database", resource_name="default")
        role.add_to_principal_policy(iam.PolicyStatement(actions=["glue:GetDatabase"], resources=[default]))

    def allow_databases(self, role: iam.IRole) -> None:
        """Create tenants' databases."""
        self._catalog(role, _DATABASES, tables=False)

    def allow_tables(self, role: iam.IRole) -> None:
        """Create tenants' databases, and read and write their tables."""
        self._catalog(role, sorted({*_DATABASES, *_TABLES}), tables=True)

    def allow_landing_sweep(self, role: iam.IRole) -> None:
        """List deliveries and their versions, and read none."""
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket", "s3:ListBucketVersions"], resources=[self.landing.bucket_arn]
            )
        )

    def allow_orphan_sweep(self, role: iam.IRole) -> None:
        """List the lake's files and delete them, and read none. What is deleted keeps its old version."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.lake.bucket_arn])
        )
        self._objects(role, self.lake, ("s3:DeleteObject",))

    def _objects(self, role: iam.IRole, bucket: s3.IBucket, actions: tuple[str, ...]) -> None:
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[bucket.arn_for_objects("*")])
        )
        arn = as_seen_from(role, bucket, bucket.bucket_arn)
        acknowledge(role, {wildcard_resource(role, f"{arn}/*"): _ANY_TENANT})

    def _catalog(self, role: iam.IRole, actions: Sequence[str], *, tables: bool) -> None:
        prefix = self.foundation.environment.glue_database_prefix
        glue = Stack.of(role).format_arn(service="glue", resource="")
        wildcards = [f"{glue}database/{prefix}*"]
        if tables:
            wildcards.append(f"{glue}table/{prefix}*/*")
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[f"{glue}catalog", *wildcards])
        )
        acknowledge(role, {wildcard_resource(role, arn): _ANY_TENANT for arn in wildcards})
