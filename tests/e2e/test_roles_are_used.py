"""Each role holds what its function or task uses and no more: recorded calls against deployed policies."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest

from infra.local.calls import read_calls
from tests.e2e import ordinary_work
from tests.e2e.conftest import Platform

UNUSED_BUT_NEEDED: dict[tuple[str, str, str], str] = {
    # role, action, resource: why it is granted though nothing here uses it
    ("*", "kms:*", "*"): "the emulator encrypts nothing; on AWS every table, queue and object is",
    ("*", "xray:Put*", "*"): "nobody listens to traces here",
    ("*", "logs:*", "*"): "here functions and tasks write to files",
    ("*TaskExecutionRole", "ecr:*", "*"): "ECS pulls no image here",
    ("*.Relay*", "dynamodb:*Stream*", "*"): "Lambda reads the stream as the function; here the emulator does",
    ("*.Relay*", "dynamodb:Get[RS]*", "*/stream/*"): "the same",
    ("*.Relay*", "sqs:*", "*RelayFailures*"): "Lambda writes there what the stream's retries could not mend",
    ("*.On*", "sqs:*", "*Queue*"): "Lambda polls the queue as the function; here the emulator does",
    ("*.IngesterTask", "ecs:*TaskProtection", "*"): "there is no ECS agent here, nor a scale-in",
    (
        "*.IngesterTenant",
        "s3:AbortMultipartUpload",
        "*",
    ): "an upload that fails half way leaves no parts behind",
    (
        "*.QueryEngineTenant",
        "s3:AbortMultipartUpload",
        "*",
    ): "a result of more than 8 MB whose upload fails half way leaves no parts behind",
    ("*.IngesterTenant", "s3:PutObjectTagging", "*"): "S3 asks it of a tagged copy; the emulator does not",
    ("*.IngesterTenant", "s3:DeleteObject", "*"): "a commit that lost a race takes its manifests away",
    ("*.IngesterTenant", "s3:GetObject", "*landing*"): "a bucket without versions names none in its event",
    ("*.IngesterTenant", "glue:*", "*:catalog"): "AWS checks catalog, database and table; the emulator one",
    ("*.IngesterTenant", "glue:*", "*:table/*"): "the same",
    ("*.OnTenantCreated", "glue:CreateDatabase", "*:catalog"): "the same",
    ("*.On*", "dynamodb:GetItem", "*Inbox*"): "what became of an event that comes twice",
    ("*.On*", "dynamodb:DeleteItem", "*Inbox*"): "a handler that fails gives its claim back",
    ("identity.*", "*:AdminGetUser", "*"): "whose a user is that the pool knows already, and no row of ours",
    ("*.Pull", "s3:AbortMultipartUpload", "*"): "a file whose bytes are wrong or whose time was up",
    ("*.Pull", "dynamodb:PutItem", "*Outbox*"): "a connection that fails is told; today none does",
    ("*.LandingSweep", "sqs:SendMessage", "*"): "a delivery that nobody heard of is announced again",
    ("*.OrphanSweep", "s3:DeleteObject", "*"): "files older than a day that no published set names",
    (
        "*Sweep",
        "dynamodb:PutItem",
        "*Outbox*",
    ): "what a sweep healed is told; on an ordinary day it is nothing",
    ("*.Relay", "dynamodb:PutItem", "*Outbox*"): "the same, of the outbox's own sweep",
    ("*.Machines", "lambda:InvokeFunction", "*"): "here the emulator's state machines call by themselves",
    ("*.Schedules", "events:PutEvents", "*"): "the same, of its schedules",
    ("workflow.*", "iam:PassRole", "*"): "the emulator does not ask for it",
    ("workflow.*", "states:TagResource", "*"): "the same, of a machine that is made with its tags",
    ("workflow.*", "states:PublishStateMachineVersion", "*"): "the same, of a version that is made with it",
    ("workflow.*", "s3:*", "*/workflows/*"): "a version that is too large for a row",
    ("workflow.OnA*", "s3:PutObject", "*/runs/*"): "an answer that is too large for a row",
    ("workflow.OnActionFinished", "states:SendTaskHeartbeat", "*"): "no action of today tells of progress",
    ("workflow.OnActionFinished", "dynamodb:PutItem", "*Outbox*"): "an outcome that only a person can tell",
    (
        "workflow.Hooks",
        "dynamodb:*",
        "*Execution*",
    ): "what cannot become a run is kept as one that is refused",
    ("workflow.OnEvent", "dynamodb:*", "*Execution*"): "the same",
    ("workflow.OnCron", "dynamodb:*", "*Execution*"): "the same",
    ("workflow.Dispatcher", "dynamodb:DeleteItem", "*Execution*"): "an approval that expires is open no more",
    (
        "workflow.OnRunRequested",
        "dynamodb:PutItem",
        "*Version*",
    ): "a version that was collected is made again",
    ("workflow.OnRunRequested", "states:*StateMachine*", "*"): "the same",
    (
        "workflow.OnExecutionEnded",
        "dynamodb:*",
        "*",
    ): "who comes first goes on with a run that is cancelled, and an ordinary run writes its own end",
    ("workflow.OnExecutionEnded", "states:*", "*"): "the same",
    ("workflow.Reconcile", "dynamodb:*", "*"): "what it mends is whole on an ordinary day",
    ("workflow.Reconcile", "states:*", "*"): "the same",
    ("workflow.Reconcile", "scheduler:*", "*"): "the same",
    ("workflow.Reconcile", "s3:PutObject", "*/runs/*"): "the same",
}


@dataclass(frozen=True)
class Right:
    role: str
    action: str
    resource: str

    def covers(self, action: str, resource: str) -> bool:
        return fnmatchcase(action, self.action) and fnmatchcase(resource, self.resource)

    def is_meant(self, entry: tuple[str, str, str]) -> bool:
        return all(map(fnmatchcase, (self.role, self.action, self.resource), entry))


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def roles(platform: Platform) -> dict[str, str]:
    """Name on the platform -> `<stack>.<construct>`."""
    found = {}
    cloudformation = platform.client("cloudformation")
    for stack in cloudformation.describe_stacks()["Stacks"]:
        for each in cloudformation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]:
            if each["ResourceType"] == "AWS::IAM::Role":
                construct = re.sub(
                    r"(TaskRole|(?<!Execution)Role)?[0-9A-F]{8}$", "", each["LogicalResourceId"]
                )
                name = each["PhysicalResourceId"].rpartition("/")[2]
                found[name] = f"{stack['StackName'].removeprefix('onyx-local-')}.{construct}"
    return found


def granted(platform: Platform, names: Mapping[str, str]) -> Iterator[Right]:
    iam = platform.client("iam")
    for name, role in names.items():
        assert not iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"], role
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for statement in (json.loads(document) if isinstance(document, str) else document)["Statement"]:
                for action in listed(statement["Action"]):
                    for resource in listed(statement["Resource"]):
                        yield Right(role, action, resource)


@pytest.fixture(scope="module")
def rights(platform: Platform) -> list[Right]:
    return list(granted(platform, roles(platform)))


@pytest.fixture(scope="module")
def calls(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """Role -> what was called under it, as (action, resource)."""
    ordinary_work.day(platform, tmp_path_factory.mktemp("ordinary"))
    names = roles(platform)
    found = defaultdict(set)
    for call in read_calls(platform.recorded):
        _, _, session = call["principal"].partition(":assumed-role/")
        if role := names.get(session.partition("/")[0]):
            found[role].add((call["action"], call["resource"]))
    return found


def test_every_call_has_a_right(rights: list[Right], calls: dict[str, set[tuple[str, str]]]) -> None:
    assert {"cost-center.Ingester", "cost-center.Api", "identity.Api"} <= {
        role.removesuffix("Task") for role in calls
    }
    for role, made in calls.items():
        own = [right for right in rights if right.role == role]
        for action, resource in made:
            assert any(right.covers(action, resource) for right in own), (role, action, resource)


def test_every_right_has_a_call_or_a_reason(
    rights: list[Right], calls: dict[str, set[tuple[str, str]]]
) -> None:
    unused = [
        right
        for right in rights
        if not any(right.covers(*call) for call in calls.get(right.role, ()))
        and not any(right.is_meant(entry) for entry in UNUSED_BUT_NEEDED)
    ]
    assert not unused, "\n".join(f"{each.role}: {each.action} on {each.resource}" for each in unused)


def test_no_reason_is_for_what_nobody_may(rights: list[Right]) -> None:
    for entry in UNUSED_BUT_NEEDED:
        assert any(right.is_meant(entry) for right in rights), entry
