"""The owner of a connected AWS account, on the same emulator."""

import json
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from tests.e2e.conftest import Platform, wait_for

CUSTOMER = "111122223333"
"""The emulator reads the account from a 12-digit access key."""


@dataclass(frozen=True)
class Customer:
    """The owner of the connected account, who deploys what he was given and gets bills from AWS."""

    platform: Platform

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.platform.url,
            region_name="us-east-1",
            aws_access_key_id=CUSTOMER,
            aws_secret_access_key="owner",
            config=Config(s3={"addressing_style": "path"}),
        )

    def deploy(self, template: str, stack: str) -> dict[str, str]:
        """The stack's outputs."""
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
        )

        def made() -> dict[str, str] | None:
            (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            assert "ROLLBACK" not in found["StackStatus"], found
            if found["StackStatus"] != "CREATE_COMPLETE":
                return None
            return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

        return wait_for(made, "the customer's stack")

    def deliver(self, outputs: dict[str, str], month: str, run: str, files: dict[str, bytes]) -> str:
        """What Data Exports delivers at a refresh: data, then the manifest; returns the manifest's key."""
        s3, bucket = self.client("s3"), outputs["Bucket"]
        folder = f"{outputs['Prefix']}/{outputs['ExportName']}"
        keys = [f"{folder}/data/BILLING_PERIOD={month}/{run}/{name}" for name in files]
        for key, body in zip(keys, files.values(), strict=True):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        manifest = f"{folder}/metadata/BILLING_PERIOD={month}/{outputs['ExportName']}-Manifest.json"
        text = json.dumps({"dataFiles": [f"s3://{bucket}/{key}" for key in keys]})
        s3.put_object(Bucket=bucket, Key=manifest, Body=text.encode())
        return manifest


def pull(platform: Platform) -> dict[str, int]:
    """The scheduled function, called as its schedule calls it."""
    lambdas = platform.client("lambda")
    names = [
        each["FunctionName"]
        for page in lambdas.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["Handler"].endswith("pull_bills.handler")
    ]
    answer = lambdas.invoke(FunctionName=names[0], Payload=b"{}")
    read = answer["Payload"].read()
    assert "FunctionError" not in answer, read
    found: dict[str, int] = json.loads(read)
    return found
