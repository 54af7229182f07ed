"""What Onyx relies on in the emulator, as one gate for its upgrades.

On a small stack of its own: events, batch failures, dead-letter queues, streams, transactions, conditional
writes, refusals of tokens, task tokens. The other half of the gate, what survives a restart and a crash, is
tests/integration/local/test_life_of_a_platform.py: it needs platforms that it may kill.

Not to be relied on, and so not here. A stream's function that reports single records (`batchItemFailures`)
or whose batches are split: the emulator skips what was reported, and the outbox sweep publishes it. And a bus
that refuses one entry of several: it takes even what is no JSON. What the relay makes of both is tested in
tests/integration/shared/test_outbox.py.
"""

import base64
import io
import json
import uuid
import zipfile
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


def token(
    platform: Platform, outputs: dict[str, str], tenant: str, client: str | None = None, kind: str = "Access"
) -> str:
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
        ClientId=client or outputs["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )
    return str(answer["AuthenticationResult"][f"{kind}Token"])


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


def queue_for(platform: Platform, name: str) -> tuple[str, str]:
    """(url, arn) of a new queue that may be sent to."""
    sqs = platform.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    send = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return str(url), str(arn)


def test_a_bus_delivers_to_each_rule_that_matches_and_to_no_other(platform: Platform) -> None:
    events, sqs, name = platform.client("events"), platform.client("sqs"), f"bus-{uuid.uuid4().hex}"
    events.create_event_bus(Name=name)
    urls = []
    for number in (1, 2):
        url, arn = queue_for(platform, f"{name}-{number}")
        rule = {"Name": f"{name}-{number}", "EventBusName": name}
        pattern = {"source": ["onyx.sample"], "detail-type": ["Wanted.v1"]}
        events.put_rule(**rule, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=rule["Name"], EventBusName=name, Targets=[{"Id": "1", "Arn": arn}])
        urls.append(url)
    entry = {"Source": "onyx.sample", "EventBusName": name, "Detail": json.dumps({"money": "0.1"})}
    answer = events.put_events(
        Entries=[{**entry, "DetailType": kind} for kind in ("Unwanted.v1", "Wanted.v1")]
    )
    assert (answer["FailedEntryCount"], len({one["EventId"] for one in answer["Entries"]})) == (0, 2)
    for url in urls:
        (message,) = eventually(
            lambda url=url: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
                "Messages"
            ),
            "the event",
        )
        event = json.loads(message["Body"])
        assert (event["detail-type"], event["detail"]) == ("Wanted.v1", {"money": "0.1"})


STREAM_CODE = """
import json, os
def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps([r["dynamodb"]["Keys"]["pk"]["S"] for r in event["Records"]]) + chr(10))
    if not os.path.exists(os.environ["MENDED"]):
        raise RuntimeError("not yet")
"""


def test_a_batch_of_a_stream_comes_again_until_its_function_takes_it(
    platform: Platform, tmp_path: Path
) -> None:
    name, seen, mended = f"stream-{uuid.uuid4().hex}", tmp_path / "seen", tmp_path / "mended"
    seen.touch()
    table = platform.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", STREAM_CODE)
    reads = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"]
    functions = platform.client("lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role(platform, "lambda.amazonaws.com", *reads),
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {"SEEN": str(seen), "MENDED": str(mended)}},
    )
    functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=table["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]},
    )
    platform.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "first"}})

    def calls() -> list[list[str]]:
        return [json.loads(line) for line in seen.read_text().splitlines()]

    eventually(lambda: len(calls()) >= 2, "a second attempt")
    mended.touch()
    platform.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "second"}})
    platform.client("dynamodb").update_item(  # no INSERT: the filter keeps it away
        TableName=name,
        Key={"pk": {"S": "first"}},
        UpdateExpression="SET a = :a",
        ExpressionAttributeValues={":a": {"S": "1"}},
    )
    eventually(lambda: "second" in calls()[-1], "the next record")
    assert "first" in calls()[0]
    assert [key for call in calls() for key in call].count("second") == 1


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


def test_nor_does_a_token_of_another_client_or_one_that_has_expired(
    platform: Platform, outputs: dict[str, str]
) -> None:
    def client_of(**options: Any) -> str:
        made = platform.client("cognito-idp").create_user_pool_client(
            UserPoolId=outputs["PoolId"],
            ClientName=f"client-{uuid.uuid4().hex}",
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            **options,
        )
        return str(made["UserPoolClient"]["ClientId"])

    def status(bearer: str) -> int:
        return call(platform, "/v1/closed", headers={"authorization": f"Bearer {bearer}"}).status

    assert status(token(platform, outputs, "acme", client_of())) == 401
    # The emulator takes a validity of seconds; the least of AWS is five minutes.
    cognito = platform.client("cognito-idp")
    settings = cognito.describe_user_pool_client(UserPoolId=outputs["PoolId"], ClientId=outputs["ClientId"])
    kept = {
        name: settings["UserPoolClient"][name]
        for name in ("AccessTokenValidity", "TokenValidityUnits", "ExplicitAuthFlows")
        if settings["UserPoolClient"].get(name)
    }
    one = {"UserPoolId": outputs["PoolId"], "ClientId": outputs["ClientId"]}
    short = {**kept, "AccessTokenValidity": 2, "TokenValidityUnits": {"AccessToken": "seconds"}}
    cognito.update_user_pool_client(**one, **short)
    try:
        brief = token(platform, outputs, "acme")
    finally:
        cognito.update_user_pool_client(**one, **{"AccessTokenValidity": 1, "TokenValidityUnits": {}, **kept})
    assert status(brief) == 200
    eventually(lambda: status(brief) == 401, "its end")


def test_a_trigger_that_fails_refuses_the_login(platform: Platform, outputs: dict[str, str]) -> None:
    with pytest.raises(ClientError):
        token(platform, outputs, "suspended")


def test_the_keys_of_the_pool_are_where_tasks_look_for_them(
    platform: Platform, outputs: dict[str, str]
) -> None:
    keys = call(platform, f"/{outputs['PoolId']}/.well-known/jwks.json").json()["keys"]
    head = token(platform, outputs, "acme").split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["kid"] in {key["kid"] for key in keys}


def role(platform: Platform, service: str, *actions: str) -> str:
    iam, name = platform.client("iam"), f"role-{uuid.uuid4().hex}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    does = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, does)]
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="does", PolicyDocument=documents[1])
    return str(made["Arn"])


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
        roleArn=role(platform, "states.amazonaws.com", "sqs:SendMessage"),
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
