"""Starting, updating, crashing, stopping: what is kept, and that nothing is left."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import processes
from infra.local.deploy import DeploymentError
from infra.local.platform import Platform, PlatformError, silent
from infra.local.processes import identify, marked
from infra.local.state import LocalState
from infra.local.tasks import free_port
from tests.fakes.local_platform import call, eventually, running_platform

pytestmark = pytest.mark.emulator
SAMPLE = Path(__file__).parent / "sample"
PASSWORD = "Passw0rd!x"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path / "home", SAMPLE) as running:
        yield running


def outputs(platform: Platform) -> dict[str, str]:
    stack = platform.client("cloudformation").describe_stacks(StackName="onyx-local-platform")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def write_something_everywhere(platform: Platform) -> dict[str, Any]:
    found = outputs(platform)
    pool, client = found["PoolId"], found["ClientId"]
    platform.client("dynamodb").put_item(TableName="sample-table", Item={"pk": {"S": "kept"}})
    version = platform.client("s3").put_object(Bucket="sample-landing", Key="kept", Body=b"body")["VersionId"]
    queue = platform.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
    platform.client("sqs").send_message(QueueUrl=queue, MessageBody="kept")
    platform.client("glue").create_database(DatabaseInput={"Name": "kept"})
    cognito = platform.client("cognito-idp")
    cognito.admin_create_user(
        UserPoolId=pool,
        Username="ana",
        UserAttributes=[{"Name": "custom:tenant", "Value": "acme"}],
        MessageAction="SUPPRESS",
    )
    cognito.admin_set_user_password(UserPoolId=pool, Username="ana", Password=PASSWORD, Permanent=True)
    token = cognito.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ana", "PASSWORD": PASSWORD},
    )["AuthenticationResult"]["AccessToken"]
    return {"version": version, "token": token, "queue": queue}


def assert_all_is_there(platform: Platform, written: dict[str, Any]) -> None:
    table = platform.client("dynamodb")
    assert table.get_item(TableName="sample-table", Key={"pk": {"S": "kept"}})["Item"]
    kept = platform.client("s3").get_object(Bucket="sample-landing", Key="kept", VersionId=written["version"])
    assert kept["Body"].read() == b"body"
    received = platform.client("sqs").receive_message(QueueUrl=written["queue"], VisibilityTimeout=0)
    assert received["Messages"][0]["Body"] == "kept"
    assert platform.client("glue").get_database(Name="kept")
    answer = call(platform, "/v1/closed", headers={"authorization": f"Bearer {written['token']}"})
    assert (answer.status, answer.json()["tenant"]) == (200, "acme")


def wait_for_a_snapshot_of_now(platform: Platform) -> None:
    """Two more by themselves: the first may have begun before now. Each needs a change to be due."""
    table = platform.client("dynamodb")
    seen = call(platform, "/_onyx/health").json()["snapshots"]

    def two_more() -> bool:
        table.put_item(TableName="sample-table", Item={"pk": {"S": "change"}})
        return bool(call(platform, "/_onyx/health").json()["snapshots"] >= seen + 2)

    eventually(two_more, "two snapshots by themselves", 30)


def test_state_is_kept_over_down_and_up(own: Platform) -> None:
    written = write_something_everywhere(own)
    api = [api["ApiId"] for api in own.client("apigatewayv2").get_apis()["Items"]]
    assert own.down()
    assert not list(marked(own.state.root))
    assert not own.running()
    assert own.status() == []
    assert not own.down(), "a second down finds nothing"

    own.up()
    assert_all_is_there(own, written)
    assert [api["ApiId"] for api in own.client("apigatewayv2").get_apis()["Items"]] == api


def test_a_killed_emulator_comes_back_seconds_old_and_is_reached_as_before(own: Platform) -> None:
    written = write_something_everywhere(own)
    wait_for_a_snapshot_of_now(own)
    emulator = next(row for row in own.status() if row.service == "emulator")
    assert emulator.pid
    os.kill(emulator.pid, signal.SIGKILL)

    def back() -> bool:
        row = next(row for row in own.status() if row.service == "emulator")
        return row.health == "healthy" and row.pid != emulator.pid

    eventually(back, "the emulator's restart", 30)
    assert_all_is_there(own, written)
    # Its tasks lived on, and the private integration leads to them without being registered again.
    assert call(own, "/v1/task/who").status == 200


def test_after_a_kill_of_everything_nothing_is_left_and_the_state_is_seconds_old(own: Platform) -> None:
    written = write_something_everywhere(own)
    grandchild = call(own, "/v1/task/grandchild").json()["pid"]
    call(own, "/v1/open/warm")  # a function's worker runs
    wait_for_a_snapshot_of_now(own)
    supervisor = own.supervisor()
    assert supervisor
    lost = own.client("dynamodb")
    os.kill(supervisor.pid, signal.SIGKILL)

    # Nobody tells the children: the emulator, its workers and the tasks end by themselves. A process that
    # a task started behind our back is found by its mark.
    eventually(
        lambda: {process.pid for process in marked(own.state.root)} <= {grandchild},
        "the end of all children",
        10,
    )
    assert not own.running()
    with pytest.raises(Exception, match="Could not connect"):
        lost.list_tables()

    own.up()
    assert identify(grandchild) is None, "swept by the next start"
    assert_all_is_there(own, written)
    assert call(own, "/v1/task/who").status == 200


def test_changed_code_and_templates_are_deployed_to_what_runs(
    own: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.client("dynamodb").put_item(TableName="sample-table", Item={"pk": {"S": "kept"}})
    supervisor = own.supervisor()
    old = {row.pid for row in own.status() if row.service == "server"}
    assert call(own, "/v1/open/x").json()["greeting"] == "hello"

    monkeypatch.setenv("SAMPLE_GREETING", "moin")
    monkeypatch.setenv("SAMPLE_TASKS", "1")
    changed = Platform(own.state, SAMPLE, synth_cache=own.state.root / "changed")
    changed.up()
    assert own.supervisor() == supervisor, "updated in place"
    assert call(own, "/v1/open/x").json()["greeting"] == "moin"
    left = {row.pid for row in own.status() if row.service == "server"}
    assert len(left) == 1
    assert left < old, "an unchanged task is not restarted"
    item = own.client("dynamodb").get_item(TableName="sample-table", Key={"pk": {"S": "kept"}})
    assert "Item" in item


def test_a_second_up_changes_nothing(own: Platform) -> None:
    before = {(row.service, row.pid) for row in own.status()}
    own.up(silent)
    assert {(row.service, row.pid) for row in own.status()} == before


def test_two_platforms_side_by_side(own: Platform, tmp_path: Path) -> None:
    with running_platform(tmp_path / "second", SAMPLE) as second:
        own.client("dynamodb").put_item(TableName="sample-table", Item={"pk": {"S": "first"}})
        assert call(own, "/v1/task/who").status == call(second, "/v1/task/who").status == 200
        found = second.client("dynamodb").get_item(TableName="sample-table", Key={"pk": {"S": "first"}})
        assert "Item" not in found
    assert call(own, "/v1/task/who").status == 200
    assert all(row.health == "healthy" for row in own.status())


def test_a_service_that_does_not_stay_up_fails_the_start_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE_MODULE", "no_such_module")
    with (
        pytest.raises(PlatformError, match=r"(?s)server does not stay up.*No module named no_such_module"),
        running_platform(tmp_path / "home", SAMPLE),
    ):
        pytest.fail("it started")


def test_a_stack_that_fails_names_the_resource_and_can_be_deployed_once_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(LocalState.of(free_port(), tmp_path / "home"), SAMPLE, tmp_path / "broken")
    try:
        monkeypatch.setenv("SAMPLE_BROKEN", "1")
        with pytest.raises(DeploymentError, match=r"(?s)onyx-local-platform ended in .*Broken \(AWS::Dyn"):
            platform.up()
        monkeypatch.delenv("SAMPLE_BROKEN")
        mended = Platform(platform.state, SAMPLE, tmp_path / "mended")
        mended.up()
        assert call(mended, "/v1/task/who").status == 200
    finally:
        platform.down()


def test_a_foreign_program_on_the_port_is_left_alone(tmp_path: Path, own: Platform) -> None:
    platform = Platform(LocalState.of(own.state.port, tmp_path / "other"), SAMPLE)
    with pytest.raises(PlatformError, match=f"port {own.state.port} is in use"):
        platform.up()
    assert not platform.down()
    assert call(own, "/v1/task/who").status == 200


def test_a_pid_that_another_process_has_by_now_is_not_ours(own: Platform) -> None:
    recorded = own.state.platform_file.read_text()
    own.down()
    stranger = processes.identify(os.getpid())
    assert stranger
    own.state.platform_file.write_text(
        f'{{"pid": {stranger.pid}, "started": "{stranger.started}", "was": {len(recorded)}}}'
    )
    assert own.supervisor() is None
    assert not own.down(), "nothing was stopped, this test least of all"
