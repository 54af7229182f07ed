"""The CloudFormation template for the customer's account: bucket, export, and a role that only reads.

Plain data: CloudFormation takes it as JSON. Sources: AWS Data Exports user guide, "Setting up an Amazon S3
bucket for data exports" (the bucket's policy) and "Data query" (tables and their properties); IAM user
guide, "Access to AWS accounts owned by third parties" (the external id).
"""

from dataclasses import dataclass
from typing import Any

from services.cost_center.domain.connection import STACK_REGION, Connection, Kind
from services.cost_center.domain.connection_columns import CUR2, CUR2_SPLIT, FOCUS

Template = dict[str, Any]
_ACCOUNT = {"Ref": "AWS::AccountId"}
_BUCKET_ARN = {"Fn::GetAtt": ["Bucket", "Arn"]}


@dataclass(frozen=True)
class Trusted:
    """Who may assume the role: roles of Onyx's own account whose ARN is like `roles` (`*` stands for any
    text). The account is the principal and the roles a condition, because a role that is named as principal
    and made anew would be trusted no more."""

    account_id: str
    roles: str
    partition: str = "aws"


def launch(connection: Connection, file: str = "template.json") -> str:
    """The command that deploys the template, to be run in the customer's account."""
    return (
        f"aws cloudformation deploy --region {STACK_REGION} --stack-name onyx-bills-{connection.source} "
        f"--template-file {file} --capabilities CAPABILITY_NAMED_IAM"
    )


def template(connection: Connection, external_id: str, trusted: Trusted) -> Template:
    """The template of one connection. It holds the external id: show it to the tenant's admins only."""
    place = connection.place
    made: Template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Onyx reads the bills of account {connection.account_id} as source "
        f"{connection.source}. Deploy it in that account, in {STACK_REGION}: AWS exports billing data from "
        "there only. Nothing here can change anything in the account.",
        "Resources": {"Role": _role(connection, external_id, trusted)},
        "Outputs": {
            "RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}},
            "Bucket": {"Value": {"Ref": "Bucket"} if connection.makes_export else place.bucket},
            "Prefix": {"Value": place.prefix or "/"},
            "ExportName": {"Value": place.export_name},
        },
    }
    if connection.makes_export:
        _add_export(made, connection)
    return made


def _add_export(made: Template, connection: Connection) -> None:
    if connection.kind is Kind.CUR:
        parameters, export = _report_definition(connection)
    else:
        parameters, export = _data_export(connection)
    made["Parameters"] = {
        **parameters,
        "KeepDays": {
            "Type": "Number",
            "Default": 365,
            "MinValue": 35,
            "Description": "Days after which delivered files are deleted here. Onyx keeps its copies.",
        },
    }
    made["Resources"] |= {
        "Bucket": _bucket(connection.place.bucket),
        "BucketPolicy": _bucket_policy(connection.kind),
        "Export": export,
    }
    if connection.kind is Kind.CUR2:
        made["Conditions"] = {"Split": {"Fn::Equals": [{"Ref": "SplitCostAllocation"}, "TRUE"]}}


def _bucket(name: str) -> Template:
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketName": name,
            "VersioningConfiguration": {"Status": "Enabled"},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                ]
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "expire",
                        "Status": "Enabled",
                        "ExpirationInDays": {"Ref": "KeepDays"},
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
                    }
                ]
            },
        },
    }


def _bucket_policy(kind: Kind) -> Template:
    """AWS's billing services may write for this very account, and nobody may come without TLS."""
    sources = [{"Fn::Sub": f"arn:${{AWS::Partition}}:cur:{STACK_REGION}:${{AWS::AccountId}}:definition/*"}]
    services = ["billingreports.amazonaws.com"]
    if kind is not Kind.CUR:
        arn = f"arn:${{AWS::Partition}}:bcm-data-exports:{STACK_REGION}:${{AWS::AccountId}}:export/*"
        sources.append({"Fn::Sub": arn})
        services.append("bcm-data-exports.amazonaws.com")
    everything = [_BUCKET_ARN, {"Fn::Sub": "${Bucket.Arn}/*"}]
    for_this_account = {
        "StringEquals": {"aws:SourceAccount": _ACCOUNT},
        "ArnLike": {"aws:SourceArn": sources},
    }
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyTls",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": everything,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                    {
                        "Sid": "BillingLooks",
                        "Effect": "Allow",
                        "Principal": {"Service": services},
                        "Action": ["s3:GetBucketAcl", "s3:GetBucketPolicy"],
                        "Resource": _BUCKET_ARN,
                        "Condition": for_this_account,
                    },
                    {
                        "Sid": "BillingDelivers",
                        "Effect": "Allow",
                        "Principal": {"Service": services},
                        "Action": "s3:PutObject",
                        "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
                        "Condition": for_this_account,
                    },
                ],
            },
        },
    }


def _report_definition(connection: Connection) -> tuple[Template, Template]:
    """The legacy Cost and Usage Report. Each refresh gets a folder: nothing is overwritten while we read."""
    place = connection.place
    return _granularity(), {
        "Type": "AWS::CUR::ReportDefinition",
        "DependsOn": "BucketPolicy",
        "Properties": {
            "ReportName": place.export_name,
            "TimeUnit": {"Ref": "TimeGranularity"},
            "Format": "textORcsv",
            "Compression": "GZIP",
            "AdditionalSchemaElements": ["RESOURCES"],
            "S3Bucket": {"Ref": "Bucket"},
            "S3Prefix": place.prefix,
            "S3Region": {"Ref": "AWS::Region"},
            "RefreshClosedReports": True,
            "ReportVersioning": "CREATE_NEW_REPORT",
        },
    }


def _data_export(connection: Connection) -> tuple[Template, Template]:
    """CUR 2.0 or FOCUS 1.2 by Data Exports, as text: in its Parquet files costs are floating point."""
    place = connection.place
    parameters = _granularity()
    if connection.kind is Kind.CUR2:
        parameters["SplitCostAllocation"] = {
            "Type": "String",
            "Default": "FALSE",
            "AllowedValues": ["TRUE", "FALSE"],
            "Description": "TRUE where split cost allocation data is switched on in the account's billing "
            "preferences.",
        }
        table = "COST_AND_USAGE_REPORT"
        properties: Template = {
            "TIME_GRANULARITY": {"Ref": "TimeGranularity"},
            "INCLUDE_RESOURCES": "TRUE",
            "INCLUDE_SPLIT_COST_ALLOCATION_DATA": {"Ref": "SplitCostAllocation"},
            "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
        }
        query: Any = {"Fn::If": ["Split", _select((*CUR2, *CUR2_SPLIT), table), _select(CUR2, table)]}
    else:
        table, properties = "FOCUS_1_2_AWS", {"TIME_GRANULARITY": {"Ref": "TimeGranularity"}}
        query = _select(FOCUS, table)
    return parameters, {
        "Type": "AWS::BCMDataExports::Export",
        "DependsOn": "BucketPolicy",
        "Properties": {
            "Export": {
                "Name": place.export_name,
                "Description": "Read by Onyx",
                "DataQuery": {"QueryStatement": query, "TableConfigurations": {table: properties}},
                "DestinationConfigurations": {
                    "S3Destination": {
                        "S3Bucket": {"Ref": "Bucket"},
                        "S3Prefix": place.prefix,
                        "S3Region": {"Ref": "AWS::Region"},
                        "S3OutputConfigurations": {
                            "OutputType": "CUSTOM",
                            "Format": "TEXT_OR_CSV",
                            "Compression": "GZIP",
                            # Each refresh gets a folder: nothing is overwritten while we read it.
                            "Overwrite": "CREATE_NEW_REPORT",
                        },
                    }
                },
                "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
            }
        },
    }


def _granularity() -> Template:
    return {
        "TimeGranularity": {
            "Type": "String",
            "Default": "HOURLY",
            "AllowedValues": ["HOURLY", "DAILY"],
            "Description": "HOURLY shows usage by the hour; DAILY makes much smaller files.",
        }
    }


def _select(columns: tuple[str, ...], table: str) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - AWS's own names, from this package


def _role(connection: Connection, external_id: str, trusted: Trusted) -> Template:
    place = connection.place
    folder = f"{place.prefix}/*" if place.prefix else "*"
    if connection.makes_export:
        bucket: Any = _BUCKET_ARN
        objects: Any = {"Fn::Sub": f"${{Bucket.Arn}}/{folder}"}
    else:
        bucket = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{place.bucket}"}
        objects = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{place.bucket}/{folder}"}
    root = f"arn:{trusted.partition}:iam::{trusted.account_id}:root"
    exports = [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:bcm-data-exports:{STACK_REGION}:${{AWS::AccountId}}:{what}/*"}
        for what in ("export", "table")
    ]
    definitions = {"Fn::Sub": f"arn:${{AWS::Partition}}:cur:{STACK_REGION}:${{AWS::AccountId}}:definition/*"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": place.role_arn.rpartition("/")[2],
            "Description": "Onyx reads this account's bills",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": root},
                        "Action": "sts:AssumeRole",
                        "Condition": {
                            "StringEquals": {"sts:ExternalId": external_id},
                            "ArnLike": {"aws:PrincipalArn": trusted.roles},
                        },
                    }
                ],
            },
            "Policies": [
                {
                    "PolicyName": "read-bills",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "s3:GetObject",
                                "Resource": objects,
                            },
                            {
                                "Effect": "Allow",
                                "Action": "s3:ListBucket",
                                "Resource": bucket,
                                "Condition": {"StringLike": {"s3:prefix": folder}},
                            },
                            {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
                            {
                                "Effect": "Allow",
                                "Action": [
                                    "bcm-data-exports:GetExport",
                                    "bcm-data-exports:GetExecution",
                                    "bcm-data-exports:ListExecutions",
                                ],
                                "Resource": exports,
                            },
                            {
                                "Effect": "Allow",
                                "Action": "cur:DescribeReportDefinitions",
                                "Resource": definitions,
                            },
                        ],
                    },
                }
            ],
        },
    }
