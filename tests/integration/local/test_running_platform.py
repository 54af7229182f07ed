"""What a platform does while it runs: one URL, tasks behind it, patches of the emulator."""

import json
import os
import signal
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local import logs
from infra.local.platform import Platform
from infra.local.processes import identify, marked
from tests.fakes.local_platform import call, eventually

pytestmark = pytest.mark.emulator


def test_every_service_of_the_template_runs_and_is_healthy(platform: Platform) -> None:
    rows = platform.status()
    assert sorted(row.service for row in rows) == ["emulator", "server", "server", "supervisor", "worker"]
    assert {row.health for row in rows} == {"healthy"}
    assert all(row.pid and identify(row.pid) for row in rows)


def test_each_task_of_a_service_gets_traffic(platform: Platform) -> None:
    pids = {row.pid for row in platform.status() if row.service == "server"}
    assert {call(platform, "/v1/task/who").json()["pid"] for _ in range(4)} == pids


def test_a_task_sees_its_environment_its_secret_and_the_whole_request(platform: Platform) -> None:
    found = call(platform, "/v1/task/a%20b?x=1&x=2", "POST", body=b"12345").json()
    assert found["path"] == "/v1/task/a%20b?x=1&x=2"
    assert (found["method"], found["length"]) == ("POST", 5)
    assert (found["plain"], found["key"]) == ("value", 32)


def test_a_task_runs_the_staged_code(platform: Platform) -> None:
    assert "asset." in call(platform, "/v1/task/x").json()["cwd"]


def test_the_answer_of_a_task_is_handed_on_whole(platform: Platform) -> None:
    answer = call(platform, "/v1/task/problem")
    assert answer.status == 422
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("retry-after") == "7"
    assert [value for key, value in answer.headers if key.lower() == "set-cookie"] == ["a=1", "b=2"]


def test_functions_answer_at_the_front_door_from_the_deployed_zip(platform: Platform) -> None:
    found = call(platform, "/v1/open/x/y").json()
    assert (found["greeting"], found["path"]) == ("hello", "/v1/open/x/y")
    assert found["endpoint"] == platform.state.url
    assert Path(found["code"]).is_relative_to(platform.state.tmp)


def test_the_api_attribute_of_the_template_is_the_front_door(platform: Platform) -> None:
    stack = platform.client("cloudformation").describe_stacks(StackName="onyx-local-platform")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["ApiUrl"] == platform.state.url


def test_cors_of_the_template_answers_a_preflight(platform: Platform) -> None:
    asked = {"Origin": "http://app.test", "Access-Control-Request-Method": "GET"}
    answer = call(platform, "/v1/open/x", "OPTIONS", asked)
    assert answer.header("access-control-allow-origin") == "http://app.test"
    other = call(platform, "/v1/open/x", "OPTIONS", {**asked, "Origin": "http://evil.test"})
    assert other.header("access-control-allow-origin") is None


def test_an_object_event_names_the_version_and_a_worker_that_scales_from_zero_gets_it(
    platform: Platform,
) -> None:
    put = platform.client("s3").put_object(Bucket="sample-landing", Key="acme/a b+ü.csv", Body=b"x")
    key = {"pk": {"S": "landed#acme/a b+ü.csv"}}
    table = platform.client("dynamodb")
    item = eventually(
        lambda: table.get_item(TableName="sample-table", Key=key).get("Item"), "the worker's row", 15
    )
    assert item["version"]["S"] == put["VersionId"]


def test_table_settings_of_the_template_are_kept(platform: Platform) -> None:
    table = platform.client("dynamodb")
    assert table.describe_time_to_live(TableName="sample-table")["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "ttl",
    }
    backups = table.describe_continuous_backups(TableName="sample-table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_task_definitions_are_readable_by_a_client(platform: Platform) -> None:
    found = platform.client("ecs").describe_task_definition(taskDefinition="server")["taskDefinition"]
    container = found["containerDefinitions"][0]
    assert container["secrets"][0]["name"] == "API_KEY"
    assert container["healthCheck"]["command"][0] == "CMD-SHELL"


def test_it_listens_on_the_loopback_interface_only(platform: Platform) -> None:
    listening = _listening_addresses()
    ours = {process.pid for process in marked(platform.state.root)}
    found = {address for pid, address in listening if pid in ours}
    assert {address.rpartition(":")[0] for address in found} == {"127.0.0.1"}
    assert f"127.0.0.1:{platform.state.port}" in found


def _listening_addresses() -> list[tuple[int, str]]:
    """(pid, address) of every TCP socket that listens, of this user's processes."""
    by_inode = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":  # TCP_LISTEN
                address, port = fields[1].split(":")
                octets = [str(byte) for byte in reversed(bytes.fromhex(address))]
                by_inode[f"socket:[{fields[9]}]"] = f"{'.'.join(octets)}:{int(port, 16)}"
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            links = [str(entry.readlink()) for entry in folder.iterdir()]
        except OSError:
            continue
        found += [(int(folder.parent.name), by_inode[link]) for link in links if link in by_inode]
    return found


def test_a_killed_task_comes_back_and_gets_traffic_again(platform: Platform) -> None:
    before = {row.pid for row in platform.status() if row.service == "server"}
    victim = call(platform, "/v1/task/who").json()["pid"]
    os.kill(victim, signal.SIGKILL)

    def all_back() -> bool:
        rows = [row for row in platform.status() if row.service == "server"]
        return all(row.health == "healthy" for row in rows) and victim not in {row.pid for row in rows}

    eventually(all_back, "the restart of the task")
    pids = {row.pid for row in platform.status() if row.service == "server"}
    assert len(pids) == len(before)
    eventually(
        lambda: {call(platform, "/v1/task/who").json()["pid"] for _ in range(4)} == pids,
        "traffic to both tasks",
    )
    assert sum(row.restarts for row in platform.status() if row.service == "server") >= 1


def test_logs_are_found_by_service_and_by_function(platform: Platform) -> None:
    assert "serving" in logs.find(platform, "server").tail(50)
    assert logs.find(platform, "emulator").tail(1) is not None

    def logged() -> bool:
        # The emulator gathers what a function wrote shortly after a call; what comes later, with the next.
        call(platform, "/v1/open/logged")
        return any("/v1/open/logged" in line for line in logs.find(platform, "platform-echo").tail(100))

    eventually(logged, "the function's line")
    with pytest.raises(logs.UnknownServiceError, match=r"platform-echo.*server"):
        logs.find(platform, "nobody")
    with pytest.raises(logs.UnknownServiceError):
        logs.find(platform, "../platform")


def test_a_user_cannot_move_to_another_tenant(platform: Platform) -> None:
    cognito = platform.client("cognito-idp")
    stack = platform.client("cloudformation").describe_stacks(StackName="onyx-local-platform")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    pool, client = outputs["PoolId"], outputs["ClientId"]
    cognito.admin_create_user(
        UserPoolId=pool,
        Username="mover",
        UserAttributes=[{"Name": "custom:tenant", "Value": "acme"}],
        MessageAction="SUPPRESS",
    )
    cognito.admin_set_user_password(UserPoolId=pool, Username="mover", Password="Passw0rd!x", Permanent=True)
    token = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "mover", "PASSWORD": "Passw0rd!x"},
    )["AuthenticationResult"]["AccessToken"]
    other = [{"Name": "custom:tenant", "Value": "other"}]
    with pytest.raises(ClientError, match="unauthorized attribute"):
        cognito.update_user_attributes(AccessToken=token, UserAttributes=other)
    with pytest.raises(ClientError, match="cannot be updated"):
        cognito.admin_update_user_attributes(UserPoolId=pool, Username="mover", UserAttributes=other)
    cognito.update_user_attributes(
        AccessToken=token, UserAttributes=[{"Name": "email", "Value": "m@acme.test"}]
    )
    user = cognito.admin_get_user(UserPoolId=pool, Username="mover")
    attributes = {entry["Name"]: entry["Value"] for entry in user["UserAttributes"]}
    assert (attributes["custom:tenant"], attributes["email"]) == ("acme", "m@acme.test")


@pytest.mark.parametrize("path", ["/v1/open/forbidden", "/v1/task/forbidden"])
def test_functions_and_tasks_may_do_what_their_own_role_allows_and_no_more(
    platform: Platform, path: str
) -> None:
    assert call(platform, path).json()["refused"] == "AccessDeniedException"


def test_a_policy_on_glue_databases_is_checked_against_databases(platform: Platform) -> None:
    iam, glue = platform.client("iam"), platform.client("glue")
    glue.create_database(DatabaseInput={"Name": "own_acme"})
    arn = "arn:aws:glue:us-east-1:000000000000:database/own_*"
    statement = {"Effect": "Allow", "Action": "glue:*", "Resource": arn}
    iam.create_user(UserName="reader")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = boto3.client(
        "glue",
        endpoint_url=platform.state.url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    assert reader.get_database(Name="own_acme")["Database"]["Name"] == "own_acme"
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.get_database(Name="other")


def test_health_tells_of_the_snapshots(platform: Platform) -> None:
    found = json.loads(call(platform, "/_onyx/health").body)
    assert found["snapshots"] >= 1
    assert found["snapshot_error"] is None
