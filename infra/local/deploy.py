"""The assembly's stacks through CloudFormation: create or update, in dependency order."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.local.assembly import FileAsset, StackArtifact

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# A stack in one of these was never whole: CloudFormation refuses to update it, so it is made anew.
_NEVER_WHOLE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
_STACK_DEADLINE = 120.0
_BOOTSTRAP_VERSION = ("/cdk-bootstrap/hnb659fds/version", "99")


class DeploymentError(RuntimeError):
    """A stack failed; the message names the failing resources and their reasons."""


class Deployer:
    """Deploys stacks to the endpoint that its clients point to.

    `clients` yields a boto3 client by service name.
    """

    def __init__(self, clients: Callable[[str], Any], url: str) -> None:
        self._cloudformation = clients("cloudformation")
        self._s3 = clients("s3")
        self._ssm = clients("ssm")
        self._url = url
        self._buckets: set[str] = set()

    def bootstrap(self) -> None:
        """What `cdk bootstrap` leaves behind and templates look for."""
        name, version = _BOOTSTRAP_VERSION
        self._ssm.put_parameter(Name=name, Value=version, Type="String", Overwrite=True)

    def deploy(self, stack: StackArtifact) -> str:
        """Bring `stack` to its template: "created", "updated" or "unchanged". Raises DeploymentError."""
        for asset in (*stack.files, stack.template_asset):
            self._upload(asset)
        status = self._status(stack.name)
        if status in _NEVER_WHOLE:
            self._cloudformation.delete_stack(StackName=stack.name)
            self._wait(stack.name)
            status = None
        request = {
            "StackName": stack.name,
            "TemplateURL": f"{self._url}/{stack.template_asset.bucket}/{stack.template_asset.key}",
            "Capabilities": _CAPABILITIES,
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(stack.tags.items())],
        }
        try:
            if status is None:
                self._cloudformation.create_stack(**request)
            else:
                self._cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return "unchanged"
            raise DeploymentError(f"{stack.name}: {error.response['Error'].get('Message', error)}") from error
        final = self._wait(stack.name)
        if final not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeploymentError(self._failure(stack.name, final))
        return "created" if status is None else "updated"

    def _upload(self, asset: FileAsset) -> None:
        if asset.bucket not in self._buckets:
            self._s3.create_bucket(Bucket=asset.bucket)
            self._buckets.add(asset.bucket)
        try:
            self._s3.head_object(Bucket=asset.bucket, Key=asset.key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            # Keys are content hashes: what is there is right.
            self._s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.body())

    def _status(self, name: str) -> str | None:
        try:
            stacks = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        status = str(stacks[0]["StackStatus"])
        return None if status == "DELETE_COMPLETE" else status

    def _wait(self, name: str) -> str | None:
        deadline = time.monotonic() + _STACK_DEADLINE
        while (status := self._status(name)) is not None and status.endswith("IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeploymentError(f"{name}: still {status} after {_STACK_DEADLINE:.0f} s")
            time.sleep(0.02)
        return status

    def _failure(self, name: str, status: str | None) -> str:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        lines = [f"{name} ended in {status}"]
        for event in events:
            own = event["ResourceType"] == "AWS::CloudFormation::Stack"
            if event["ResourceStatus"].endswith("FAILED") and not own:
                reason = event.get("ResourceStatusReason", "")
                lines.append(f"  {event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
        return "\n".join(lines)
