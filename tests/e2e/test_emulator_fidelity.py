"""What Onyx relies on in the emulator, as one gate for its upgrades.

On a small stack of its own; the life of a platform (restart, crash) is in tests/integration/local.
"""

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.platform import Platform
from tests.fakes.local_platform import call, eventually, running_platform

pytestmark = pytest.mark.emulator
SAMPLE = Path(__file__).resolve().parents[1] / "integration" / "local" / "sample"
PASSWORD = "Passw0rd!x"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("fidelity"), SAMPLE) as running:
        yield running


@pytest.fixture(scope="module")
def outputs(platform: Platform) -> dict[str, str]:
    stack = platform.client("cloudformation").describe_stacks(StackName="onyx-local-platform")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def row(platform: Platform, key: str) -> dict[str, Any] | None:
    found = platform.client("dynamodb").get_item(TableName="sample-table", Key={"pk": {"S": key}})
    item: dict[str, Any] | None = found.get("Item")
    return item


def token(platform: Platform, outputs: dict[str, str], tenant: str) -> str:
    cognito = platform.client("cognito-idp")
    name = f"user-{uuid.uuid4().hex}"
    cognito.admin_create_user(
        UserPoolId=outputs["PoolId"],
        Username=name,
        UserAttributes=[{"Name": "custom:tenant", "Value": tenant}],
        MessageAction="SUPPRESS",
    )
    cognito.admin_set_user_password(
        UserPoolId=outputs["PoolId"], Username=name, Password=PASSWORD, Permanent=True
    )
    answer = cognito.admin_initiate_auth(
        UserPoolId=outputs["PoolId"],
        ClientId=outputs["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def test_of_a_batch_only_the_failed_message_is_tried_again_and_ends_in_the_dead_letter_queue(
    platform: Platform,
) -> None:
    sqs = platform.client("sqs")
    queue = sqs.get_queue_url(QueueName="sample-queue")["QueueUrl"]
    mark = uuid.uuid4().hex
    bodies = [f"good-{mark}-1", f"poison-{mark}", f"good-{mark}-2"]
    entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 3
    for good in (bodies[0], bodies[2]):
        eventually(lambda good=good: row(platform, f"consumed#{good}"), f"the row of {good}")
    dead = sqs.get_queue_url(QueueName="sample-dead")["QueueUrl"]
    letters = eventually(
        lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"), "the dead letter"
    )
    assert [letter["Body"] for letter in letters] == [f"poison-{mark}"]
    assert row(platform, f"consumed#poison-{mark}") is None


def test_an_object_travels_over_bus_topic_and_queue_once(platform: Platform) -> None:
    key = f"acme/{uuid.uuid4().hex}"
    put = platform.client("s3").put_object(Bucket="sample-landing", Key=key, Body=b"x")
    landed = eventually(lambda: row(platform, f"landed#{key}"), "the worker's row")
    assert landed["version"]["S"] == put["VersionId"]


def test_a_transaction_is_all_or_nothing_and_its_token_makes_it_happen_once(platform: Platform) -> None:
    table = platform.client("dynamodb")
    mark = uuid.uuid4().hex

    def put(key: str, new: bool) -> dict[str, Any]:
        condition = {"ConditionExpression": "attribute_not_exists(pk)"} if new else {}
        return {"Put": {"TableName": "sample-table", "Item": {"pk": {"S": f"{key}-{mark}"}}, **condition}}

    first = [put("a", True), put("b", True)]
    table.transact_write_items(TransactItems=first, ClientRequestToken=mark)
    table.transact_write_items(TransactItems=first, ClientRequestToken=mark)
    with pytest.raises(ClientError) as raised:
        table.transact_write_items(TransactItems=[put("c", True), put("a", True)])
    reasons = [reason["Code"] for reason in raised.value.response["CancellationReasons"]]  # type: ignore[typeddict-item]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert row(platform, f"c-{mark}") is None


def test_a_conditional_write_lets_one_of_two_win(platform: Platform) -> None:
    table = platform.client("dynamodb")
    key = {"pk": {"S": f"version-{uuid.uuid4().hex}"}}
    update = {
        "TableName": "sample-table",
        "Key": key,
        "UpdateExpression": "SET version = :new",
        "ConditionExpression": "attribute_not_exists(version) OR version = :old",
        "ExpressionAttributeValues": {":new": {"N": "1"}, ":old": {"N": "0"}},
    }
    table.update_item(**update)
    with pytest.raises(table.exceptions.ConditionalCheckFailedException):
        table.update_item(**update)


def test_an_object_is_created_once(platform: Platform) -> None:
    objects = platform.client("s3")
    once = {"Bucket": "sample-landing", "Key": f"once/{uuid.uuid4().hex}", "IfNoneMatch": "*"}
    objects.put_object(**once, Body=b"1")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        objects.put_object(**once, Body=b"2")


def test_a_token_of_the_pool_opens_the_door_with_its_tenant(
    platform: Platform, outputs: dict[str, str]
) -> None:
    answer = call(
        platform, "/v1/closed", headers={"authorization": f"Bearer {token(platform, outputs, 'acme')}"}
    )
    assert (answer.status, answer.json()["tenant"]) == (200, "acme")


def test_anything_else_does_not(platform: Platform, outputs: dict[str, str]) -> None:
    good = token(platform, outputs, "acme")
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "tenant": "other"}).encode()).decode().rstrip("=")
    for bad in ("", "nonsense", "a.b.c", f"{head}.{forged}.{signature}", f"{head}.{body}."):
        answer = call(platform, "/v1/closed", headers={"authorization": f"Bearer {bad}"})
        assert answer.status == 401, bad
    assert call(platform, "/v1/closed").status == 401


def test_a_trigger_that_fails_refuses_the_login(platform: Platform, outputs: dict[str, str]) -> None:
    with pytest.raises(ClientError):
        token(platform, outputs, "suspended")


def test_the_keys_of_the_pool_are_where_tasks_look_for_them(
    platform: Platform, outputs: dict[str, str]
) -> None:
    keys = call(platform, f"/{outputs['PoolId']}/.well-known/jwks.json").json()["keys"]
    head = token(platform, outputs, "acme").split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["kid"] in {key["kid"] for key in keys}


def role_of_a_workflow(platform: Platform) -> str:
    iam, name = platform.client("iam"), f"states-{uuid.uuid4().hex}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, send)]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=documents[1])
    return str(role["Arn"])


def test_a_workflow_waits_for_its_task_token(platform: Platform) -> None:
    states = platform.client("stepfunctions")
    sqs = platform.client("sqs")
    queue = sqs.create_queue(QueueName=f"tokens-{uuid.uuid4().hex}")["QueueUrl"]
    definition = {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
                "End": True,
            }
        },
    }
    machine = states.create_state_machine(
        roleArn=role_of_a_workflow(platform),
        name=f"approval-{uuid.uuid4().hex}",
        definition=json.dumps(definition),
    )["stateMachineArn"]
    run = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    asked = eventually(
        lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"), "the question"
    )
    assert states.describe_execution(executionArn=run)["status"] == "RUNNING"
    states.send_task_success(taskToken=json.loads(asked[0]["Body"])["token"], output='{"approved": true}')
    done = eventually(
        lambda: (found := states.describe_execution(executionArn=run))["status"] != "RUNNING" and found,
        "its end",
    )
    assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"approved": True})
