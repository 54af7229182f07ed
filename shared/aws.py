"""AWS clients, made when first used: a cold start pays for those that it needs.

Endpoints come from the standard environment (`AWS_ENDPOINT_URL`), nothing else is read here.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient


@cache
def client(service: str) -> Any:
    """The process's client of `service`: standard retries, and time limits that leave room for them."""
    import boto3

    # Fargate announces AWS_REGION only, which boto3 does not read by itself.
    return boto3.client(service, config=limits(), region_name=os.environ.get("AWS_REGION"))  # type: ignore[call-overload]


def limits() -> Any:
    """Of every client: how long it waits, and how often it tries."""
    from botocore.config import Config

    return Config(
        connect_timeout=3,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": 4},
    )


def dynamodb() -> "DynamoDBClient":
    made: DynamoDBClient = client("dynamodb")
    return made


def sqs() -> "SQSClient":
    made: SQSClient = client("sqs")
    return made


def eventbridge() -> "EventBridgeClient":
    made: EventBridgeClient = client("events")
    return made


def secretsmanager() -> "SecretsManagerClient":
    made: SecretsManagerClient = client("secretsmanager")
    return made


def clear_clients() -> None:
    """Forget every client (for tests that change the environment)."""
    client.cache_clear()
