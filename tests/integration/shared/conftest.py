from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shared import aws
from tests.fakes.tables import create_table


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account of moto's."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        aws.clear_clients()
        yield
    aws.clear_clients()


@pytest.fixture
def dynamodb(cloud: None) -> Any:
    return boto3.client("dynamodb")


@pytest.fixture
def inbox_table(dynamodb: Any) -> str:
    create_table(dynamodb, "inbox")
    return "inbox"


@pytest.fixture
def outbox_table(dynamodb: Any) -> str:
    create_table(dynamodb, "outbox", outbox=True)
    return "outbox"
