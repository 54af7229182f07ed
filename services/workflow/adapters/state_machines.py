"""Step Functions' state machines: one per tenant and workflow, with a version per publication."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from services.workflow.domain.naming import machine_name
from services.workflow.domain.workflow import MachineVersion
from shared import aws
from shared.errors import TooManyRequests, Unavailable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

QUOTA = 10_000
"""State machines per account and region (it can be raised)."""
_LOOKED_AT = 3
_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException"})


class StateMachines:
    """The machines whose names begin with `prefix` (`onyx-<env>-`). `arn_prefix` is what all their ARNs begin
    with: `arn:aws:states:<region>:<account>:stateMachine:`."""

    def __init__(
        self, prefix: str, arn_prefix: str, role_arn: str, client: "SFNClient | None" = None
    ) -> None:
        self._prefix = prefix
        self._arn_prefix = arn_prefix
        self._role = role_arn
        self._given = client

    @property
    def _client(self) -> "SFNClient":
        made: SFNClient = self._given or aws.client("stepfunctions")
        return made

    def publish(self, tenant: TenantId, workflow: str, version: int, asl: str) -> str:
        arn = self._arn(tenant, workflow)
        said = f"version {version}"
        for each in self.versions(tenant, workflow)[:_LOOKED_AT]:
            # Made by a publication that died before it could write it down.
            if self._says(each.arn, said, asl):
                return each.arn
        if not self._exists(arn):
            return self._create(tenant, workflow, said, asl)
        answer = self._call(
            "update_state_machine",
            stateMachineArn=arn,
            definition=asl,
            roleArn=self._role,
            publish=True,
            versionDescription=said,
        )
        return str(answer["stateMachineVersionArn"])

    def versions(self, tenant: TenantId, workflow: str) -> Sequence[MachineVersion]:
        found: list[MachineVersion] = []
        request: dict[str, Any] = {"stateMachineArn": self._arn(tenant, workflow), "maxResults": 100}
        while True:
            try:
                answer = self._call("list_state_machine_versions", **request)
            except ClientError as error:
                if _code(error) in ("StateMachineDoesNotExist", "ResourceNotFound"):
                    return []
                raise
            for each in answer["stateMachineVersions"]:
                found.append(MachineVersion(each["stateMachineVersionArn"], each["creationDate"]))
            if not answer.get("nextToken"):
                return sorted(found, key=lambda each: int(each.arn.rsplit(":", 1)[1]), reverse=True)
            request["nextToken"] = answer["nextToken"]

    def delete_version(self, arn: str) -> None:
        self._call("delete_state_machine_version", stateMachineVersionArn=arn)

    def delete(self, tenant: TenantId, workflow: str) -> None:
        self._call("delete_state_machine", stateMachineArn=self._arn(tenant, workflow))

    def count(self) -> int:
        pages = self._client.get_paginator("list_state_machines").paginate(
            PaginationConfig={"PageSize": 1_000}
        )
        return sum(len(page["stateMachines"]) for page in pages)

    def _arn(self, tenant: TenantId, workflow: str) -> str:
        return self._arn_prefix + machine_name(self._prefix, tenant, workflow)

    def _exists(self, arn: str) -> bool:
        try:
            found = self._call("describe_state_machine", stateMachineArn=arn)
        except ClientError as error:
            if _code(error) == "StateMachineDoesNotExist":
                return False
            raise
        if found["status"] == "DELETING":
            raise Unavailable("the workflow's old state machine is still being deleted", retry_after=30)
        return True

    def _says(self, arn: str, said: str, asl: str) -> bool:
        found = self._call("describe_state_machine", stateMachineArn=arn)
        return (found.get("description"), found["definition"]) == (said, asl)

    def _create(self, tenant: TenantId, workflow: str, said: str, asl: str) -> str:
        answer = self._call(
            "create_state_machine",
            name=machine_name(self._prefix, tenant, workflow),
            definition=asl,
            roleArn=self._role,
            type="STANDARD",
            publish=True,
            versionDescription=said,
            tags=[{"key": "tenant", "value": tenant}, {"key": "workflow", "value": workflow}],
        )
        return str(answer["stateMachineVersionArn"])

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._client, operation)(**request)
        except ClientError as error:
            code = _code(error)
            if code in _THROTTLED:
                raise TooManyRequests("Step Functions is busy", retry_after=5) from error
            if code in ("ConflictException", "StateMachineAlreadyExists"):
                raise Unavailable("somebody else changes the state machine", retry_after=2) from error
            if code == "StateMachineDeleting":
                raise Unavailable(
                    "the workflow's old state machine is still being deleted", retry_after=30
                ) from error
            if code == "StateMachineLimitExceeded":
                raise Unavailable(
                    "the account has no room for another state machine: ask AWS to raise the quota"
                ) from error
            raise


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
