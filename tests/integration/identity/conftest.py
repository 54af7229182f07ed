import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws

from shared import aws
from shared.observability import logger

TABLES = ("tenant", "user", "mapping", "outbox")
PAGE_SECRET = b"a page secret of enough bytes"


@dataclass(frozen=True)
class Cloud:
    """The domain's own part of an AWS account, in moto."""

    pool_id: str
    client_id: str

    def outbox(self) -> list[str]:
        """The detail types of all events in the outbox, oldest first."""
        rows = boto3.client("dynamodb").scan(TableName="outbox")["Items"]
        return [row["detail_type"]["S"] for row in sorted(rows, key=lambda row: row["sk"]["S"])]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    aws.clear_clients()
    with mock_aws():
        for name in TABLES:
            boto3.client("dynamodb").create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            )
        cognito = boto3.client("cognito-idp")
        pool = cognito.create_user_pool(
            PoolName="onyx-test",
            Schema=[{"Name": "tenant", "AttributeDataType": "String", "Mutable": False}],
        )["UserPool"]["Id"]
        client = cognito.create_user_pool_client(
            UserPoolId=pool, ClientName="web", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        )["UserPoolClient"]["ClientId"]
        yield Cloud(pool, client)
    aws.clear_clients()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the functions log from here on, as JSON lines."""
    (handler,) = logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    caught = io.StringIO()
    before = handler.setStream(caught)
    yield caught
    handler.setStream(before)
