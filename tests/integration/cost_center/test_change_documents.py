"""Documents of changes in S3: whose they are, and what is read of them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from moto import mock_aws

from services.cost_center.adapters import change_documents
from services.cost_center.adapters.change_documents import ChangeDocuments
from services.cost_center.domain.changes import document
from services.cost_center.events import ChargeChange
from shared.errors import Forbidden, Unavailable, Unprocessable
from tests.fakes.cost_center import ACME

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "acme/changes/aws.2026-09/d1/a1.json"
CHANGE = ChargeChange(
    service_name="AmazonEC2",
    sub_account_id=None,
    charge_category="Usage",
    currency="USD",
    before=Decimal("1E-18"),
    after=Decimal("99999999999999999999.000000000000000001"),
    difference=Decimal("99999999999999999999"),
)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        client.put_object(Bucket="lake", Key=KEY, Body=document("aws.2026-09", [CHANGE]))
        yield client


def test_a_document_is_read_as_it_was_written(s3: "S3Client") -> None:
    assert ChangeDocuments("lake", s3).read(ACME, f"s3://lake/{KEY}") == [CHANGE]


@pytest.mark.parametrize(
    "uri",
    [
        "s3://lake/globex/changes/aws.2026-09/d1/a1.json",
        "s3://lake/acme/changes/../../globex/changes/x.json",
        "s3://lake/acme/curated/x.parquet",
        f"s3://other/{KEY}",
    ],
)
def test_nothing_but_the_tenants_own_documents_is_read_or_signed(s3: "S3Client", uri: str) -> None:
    documents = ChangeDocuments("lake", s3)
    with pytest.raises(Forbidden):
        documents.read(ACME, uri)
    with pytest.raises(Forbidden):
        documents.signed(ACME, uri)


def test_a_document_that_is_gone_or_too_long(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable, match="gone"):
        ChangeDocuments("lake", s3).read(ACME, "s3://lake/acme/changes/none.json")
    monkeypatch.setattr(change_documents, "LARGEST", 10)
    with pytest.raises(Unprocessable, match="ask for each restatement by itself"):
        ChangeDocuments("lake", s3).read(ACME, f"s3://lake/{KEY}")


def test_a_signed_address_names_that_document_and_ends(s3: "S3Client") -> None:
    address = httpx.URL(ChangeDocuments("lake", s3).signed(ACME, f"s3://lake/{KEY}"))

    assert address.path.endswith(KEY)
    assert {"Expires", "X-Amz-Expires"} & set(address.params)
