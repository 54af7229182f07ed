"""The template for the customer's account: valid CloudFormation, and no more rights than reading takes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from infra.constructs.connected_accounts import ROLE_PATTERN
from services.cost_center.domain.charges import COLUMNS
from services.cost_center.domain.connection import ROLE_PREFIX, Connection, Kind, moved, new_connection
from services.cost_center.domain.connection_columns import CUR2, CUR2_SPLIT, FOCUS
from services.cost_center.domain.connection_template import Template, Trusted, launch, template
from shared.tenancy import TenantId
from tests.fakes.connections import START

TRUSTED = Trusted("999999999999", "arn:aws:iam::999999999999:role/onyx-dev-cost-center-*")
KINDS = list(Kind)


def connection(kind: Kind) -> Connection:
    return new_connection(
        TenantId("acme"), "aws-prod", "123456789012", kind, nonce="0123456789abcdef", at=START, by="ada"
    )


def made(kind: Kind) -> Template:
    return template(connection(kind), "an-external-id", TRUSTED)


@pytest.mark.parametrize("kind", KINDS)
def test_cloudformation_takes_it(kind: Kind, tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text(json.dumps(made(kind), indent=2))
    found = lint_file(file, ManualArgs(regions=["us-east-1"]))
    assert [str(each) for each in found] == []


@pytest.mark.parametrize("prefix", ["billing/daily", ""])
def test_where_an_export_is_there_already_the_role_alone_is_made(prefix: str, tmp_path: Path) -> None:
    own = connection(Kind.CUR)
    found = moved(own, replace(own.place, bucket="our-billing", prefix=prefix, export_name="daily"))
    only = template(found, "an-external-id", TRUSTED)
    assert set(only["Resources"]) == {"Role"}
    (policy,) = only["Resources"]["Role"]["Properties"]["Policies"]
    get, listing, *_ = policy["PolicyDocument"]["Statement"]
    below = f"{prefix}/*" if prefix else "*"
    assert get["Resource"] == {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::our-billing/{below}"}
    assert listing["Condition"] == {"StringLike": {"s3:prefix": below}}
    file = tmp_path / "template.json"
    file.write_text(json.dumps(only))
    assert [str(each) for each in lint_file(file, ManualArgs(regions=["us-east-1"]))] == []


def test_a_wrong_template_would_be_found(tmp_path: Path) -> None:
    wrong = made(Kind.CUR2)
    wrong["Resources"]["Export"]["Properties"]["Export"]["RefreshCadence"] = {"Frequency": "SOMETIMES"}
    file = tmp_path / "template.json"
    file.write_text(json.dumps(wrong))
    assert lint_file(file, ManualArgs(regions=["us-east-1"]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_role_opens_to_onyx_with_the_external_id_only(kind: Kind) -> None:
    role = made(kind)["Resources"]["Role"]["Properties"]
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"sts:ExternalId": "an-external-id"},
                "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::999999999999:role/onyx-dev-cost-center-*"},
            },
        }
    ]
    assert connection(kind).place.role_arn.endswith(f":role/{role['RoleName']}")


def actions(value: Any) -> set[str]:
    return set(value) if isinstance(value, list) else {value}


@pytest.mark.parametrize("kind", KINDS)
def test_the_role_reads_the_exports_folder_and_changes_nothing(kind: Kind) -> None:
    (policy,) = made(kind)["Resources"]["Role"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    granted = set[str]().union(*(actions(each["Action"]) for each in statements))
    assert granted == {
        *("s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"),
        *(f"bcm-data-exports:{act}" for act in ("GetExport", "GetExecution", "ListExecutions")),
        "cur:DescribeReportDefinitions",
    }
    assert not [each for each in statements if each["Resource"] == "*"]
    (get,) = [each for each in statements if each["Action"] == "s3:GetObject"]
    assert get["Resource"] == {"Fn::Sub": "${Bucket.Arn}/acme/aws-prod/*"}
    (listing,) = [each for each in statements if each["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "acme/aws-prod/*"}}


@pytest.mark.parametrize("kind", KINDS)
def test_the_bucket_takes_aws_billing_of_this_account_and_tls_only(kind: Kind) -> None:
    resources = made(kind)["Resources"]
    assert set(resources["Bucket"]["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert resources["Bucket"]["DeletionPolicy"] == "Retain"
    deny, *allow = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    for statement in allow:
        assert set(statement["Principal"]) == {"Service"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert resources["Export"]["DependsOn"] == "BucketPolicy", "the export is refused before AWS may write"


def test_each_kind_exports_what_the_ingest_reads() -> None:
    cur = made(Kind.CUR)["Resources"]["Export"]
    assert cur["Type"] == "AWS::CUR::ReportDefinition"
    assert cur["Properties"]["AdditionalSchemaElements"] == ["RESOURCES"]
    query = made(Kind.CUR2)["Resources"]["Export"]["Properties"]["Export"]["DataQuery"]
    assert query["TableConfigurations"]["COST_AND_USAGE_REPORT"]["INCLUDE_RESOURCES"] == "TRUE"
    _, with_split, without = query["QueryStatement"]["Fn::If"]
    assert set(with_split.split(" FROM ")[0].removeprefix("SELECT ").split(", ")) == {*CUR2, *CUR2_SPLIT}
    assert "split_line_item" not in without
    focus = made(Kind.FOCUS)["Resources"]["Export"]["Properties"]["Export"]["DataQuery"]
    assert focus["QueryStatement"].endswith(" FROM FOCUS_1_2_AWS")
    for kind in (Kind.CUR2, Kind.FOCUS):
        export = made(kind)["Resources"]["Export"]["Properties"]["Export"]
        output = export["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
        assert output["Format"] == "TEXT_OR_CSV", "in AWS's Parquet a cost is a double"
        assert output["Overwrite"] == "CREATE_NEW_REPORT", "no file changes while it is read"


def test_the_columns_are_each_named_once() -> None:
    assert len(set(CUR2 + CUR2_SPLIT)) == len(CUR2 + CUR2_SPLIT) == 125
    assert len(set(FOCUS)) == len(FOCUS)
    assert {"line_item_unblended_cost", "resource_tags", "product", "discount", "cost_category"} <= set(CUR2)


def test_the_focus_columns_are_those_of_charges() -> None:
    known = {column.name for column in COLUMNS}
    assert {name for name in FOCUS if not name.startswith("x_")} <= known


def test_the_launch_command_names_the_region_of_billing_data() -> None:
    said = launch(connection(Kind.CUR2), "t.json")
    assert "--region us-east-1" in said
    assert "--template-file t.json" in said
    assert "CAPABILITY_NAMED_IAM" in said


def test_functions_may_assume_what_the_template_makes() -> None:
    assert f"{ROLE_PREFIX}*" == ROLE_PATTERN


def test_the_template_fits_a_request() -> None:
    long = replace(connection(Kind.CUR2), source="a" * 63)
    assert len(json.dumps(template(long, "x" * 43, TRUSTED)).encode()) < 51_200, "CloudFormation's limit"
