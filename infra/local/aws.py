"""Clients of the emulator, and the account it plays."""

from typing import Any

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
REGION = "us-east-1"
# The emulator reads the account from a 12-digit access key and does not check the rest.
CREDENTIALS: dict[str, Any] = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "local"}


def client(service: str, url: str) -> Any:
    """A boto3 client of `service` at the emulator, blind to the machine's own AWS settings."""
    session: Any = boto3.Session(region_name=REGION, **CREDENTIALS)
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"},
    )
    return session.client(service, endpoint_url=url, config=config)
