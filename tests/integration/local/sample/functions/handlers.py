"""Functions of the sample stack."""

import json
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError


def echo(event: dict[str, Any], context: object) -> dict[str, Any]:
    sys.stdout.write(f"echo {event.get('rawPath')}\n")
    if event.get("rawPath", "").endswith("/forbidden"):
        return {"statusCode": 200, "body": json.dumps(attempt())}
    claims = event.get("requestContext", {}).get("authorizer", {}).get("jwt", {}).get("claims", {})
    body = {
        "greeting": os.environ["GREETING"],
        "path": event.get("rawPath"),
        "pid": os.getpid(),
        "tenant": claims.get("tenant"),
        "code": __file__,
        "endpoint": os.environ["AWS_ENDPOINT_URL"],
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def attempt() -> dict[str, str]:
    """What IAM says to a call that the role allows, and to one that it does not."""
    table = boto3.client("dynamodb")
    table.put_item(TableName="sample-table", Item={"pk": {"S": "allowed"}})
    try:
        table.get_item(TableName="sample-table", Key={"pk": {"S": "allowed"}})
    except ClientError as error:
        return {"refused": error.response["Error"]["Code"]}
    return {"refused": ""}


def consume(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Writes a row per message; a message that says "poison" fails alone."""
    table = boto3.client("dynamodb")
    failures = []
    for record in event["Records"]:
        if record["body"].startswith("poison"):
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            table.put_item(TableName="sample-table", Item={"pk": {"S": f"consumed#{record['body']}"}})
    return {"batchItemFailures": failures}


def pre_token(event: dict[str, Any], context: object) -> dict[str, Any]:
    tenant = event["request"]["userAttributes"].get("custom:tenant", "")
    if tenant == "suspended":
        raise PermissionError("suspended")
    access = {"claimsToAddOrOverride": {"tenant": tenant}, "scopesToAdd": ["onyx/api"]}
    event["response"]["claimsAndScopeOverrideDetails"] = {"accessTokenGeneration": access}
    return event
