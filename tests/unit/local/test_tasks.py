"""What a task is started with."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local import plan, task_roles, tasks
from infra.local.assembly import ImageAsset, StackArtifact
from infra.local.plan import PlanError, ServicePlan
from infra.local.state import LocalState

SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:onyx-AbC"


class Secrets:
    def get_secret_value(self, **request: str) -> dict[str, str]:
        values = {SECRET: json.dumps({"key": "from arn"}), "onyx": json.dumps({"key": "from name"})}
        return {"SecretString": values[request["SecretId"]]}


class Parameters:
    def get_parameter(self, **request: Any) -> dict[str, Any]:
        assert request["WithDecryption"]
        return {"Parameter": {"Value": f"value of {request['Name']}"}}


def clients(service: str) -> Any:
    return {"secretsmanager": Secrets(), "ssm": Parameters()}[service]


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        (f"{SECRET}:key::", "from arn"),
        (f"{SECRET}:key:AWSCURRENT:", "from arn"),
        ("onyx:key::", "from name"),
        (SECRET, '{"key": "from arn"}'),
        ("arn:aws:ssm:us-east-1:000000000000:parameter/onyx/x", "value of /onyx/x"),
        ("/onyx/x", "value of /onyx/x"),
    ],
)
def test_a_secret_is_resolved_as_ecs_does(reference: str, value: str) -> None:
    assert tasks.secret_value(reference, clients) == value


def service(**changes: Any) -> ServicePlan:
    values: dict[str, Any] = {
        "name": "s", "arn": "a", "task_definition": "t:1", "command": ["python", "-m", "x"],
        "role": "arn:aws:iam::000000000000:role/r", "context": "/1/asset.a", "count": 1,
        "listens": True, "health_path": "/healthz", "stop_timeout": 5.0,
        "environment": {"PLAIN": "1"}, "secrets": {"KEY": "onyx:key::"},
    }  # fmt: skip
    return ServicePlan(**{**values, **changes})


def test_the_environment_is_the_definitions_and_nothing_of_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = LocalState.of(8421, tmp_path)
    task_roles.issue(state.roles_file, [service().role, ""])
    monkeypatch.setenv("AWS_PROFILE", "company")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    found = tasks.task_environment(service(), state, clients)
    assert (found["PLAIN"], found["KEY"]) == ("1", "from name")
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8421"
    assert "AWS_PROFILE" not in found
    assert found["AWS_SESSION_TOKEN"] not in ("", "real")
    none = tasks.task_environment(service(role=""), state, clients)
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"} & set(none)


def test_the_credentials_of_a_role_stay_and_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "roles.json"
    role, other = service().role, "arn:aws:iam::000000000000:role/other"
    told: dict[str, Any] = {}
    roles = task_roles.TaskRoles(path, told.__setitem__)
    roles.refresh()
    assert told == {}
    task_roles.issue(path, [role])
    first = task_roles.variables(path, role)
    assert path.stat().st_mode & 0o077 == 0, "for the user's eyes only"
    roles.refresh()
    session = told[first["AWS_ACCESS_KEY_ID"]]
    assert session["Arn"] == "arn:aws:sts::000000000000:assumed-role/r/task"
    assert session["SecretAccessKey"] == first["AWS_SECRET_ACCESS_KEY"]
    task_roles.issue(path, [role, other])
    assert task_roles.variables(path, role) == first
    assert task_roles.variables(path, other) != first
    told.clear()
    roles.refresh()
    assert len(told) == 2
    told.clear()
    roles.refresh()
    assert told == {}, "nothing changed"


def test_python_is_this_interpreter() -> None:
    assert tasks.resolved_command(["python", "-m", "x"]) == [sys.executable, "-m", "x"]
    assert tasks.resolved_command(["/bin/true"]) == ["/bin/true"]


def test_a_plan_survives_its_file() -> None:
    assert ServicePlan(**json.loads(json.dumps(service().to_json()))) == service()


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"count": 3}, True),
        ({"context": "/2/asset.a"}, True),
        ({"context": "/1/asset.b"}, False),
        ({"task_definition": "t:2"}, False),
        ({"environment": {}}, False),
    ],
)
def test_a_task_is_restarted_only_for_a_change_of_its_own(changes: dict[str, Any], same: bool) -> None:
    assert service(**changes).same_task(service()) is same


class Deployed:
    """Answers the calls that reading a plan makes."""

    def __init__(self, containers: list[dict[str, Any]], desired: int = 0) -> None:
        self.containers = containers
        self.desired = desired

    def __call__(self, service: str) -> "Deployed":
        return self

    def get_apis(self) -> Any:
        return {"Items": [{"ApiId": "api"}]}

    def get_integrations(self, **_: Any) -> Any:
        uri = "arn:aws:servicediscovery:us-east-1:0:service/srv-1"
        return {
            "Items": [
                {"ConnectionType": "VPC_LINK", "IntegrationUri": uri},
                {"ConnectionType": "INTERNET", "IntegrationUri": "arn:aws:lambda:srv-1"},
            ]
        }

    def describe_stack_resources(self, **_: Any) -> Any:
        arn = "arn:aws:ecs:us-east-1:0:service/cluster/onyx-Service"
        resources = {"Service": arn, "CloudMap": "srv-1"}
        return {
            "StackResources": [
                {"LogicalResourceId": key, "PhysicalResourceId": value} for key, value in resources.items()
            ]
        }

    def describe_services(self, **request: Any) -> Any:
        assert request == {"cluster": "cluster", "services": ["onyx-Service"]}
        return {"services": [{"taskDefinition": "t:1", "desiredCount": self.desired}]}

    def describe_task_definition(self, **_: Any) -> Any:
        definition = {"taskDefinitionArn": "t:1", "taskRoleArn": "r", "containerDefinitions": self.containers}
        return {"taskDefinition": definition}


def stack(tag: str = "abc") -> StackArtifact:
    registry = {"RegistryArn": {"Fn::GetAtt": ["CloudMap", "Arn"]}}
    properties = {"Cluster": {"Fn::ImportValue": "x"}, "ServiceRegistries": [registry]}
    template = {"Resources": {"Service": {"Type": "AWS::ECS::Service", "Properties": properties}}}
    image = ImageAsset("r", tag, Path("/asset.abc"))
    return StackArtifact("a", "a", template, None, (), (image,))  # type: ignore[arg-type]


CONTAINER = {
    "name": "engine",
    "image": "1.dkr.ecr.x/r:abc",
    "command": ["python", "-m", "x"],
    "portMappings": [{"containerPort": 8080}],
    "healthCheck": {"command": ["CMD-SHELL", "curl -fs http://localhost:8080/ready || exit 1"]},
    "stopTimeout": 7,
}


def test_a_plan_is_read_from_the_deployed_service() -> None:
    (found,) = plan.read_services([stack()], Deployed([CONTAINER]))
    assert (found.name, found.context, found.listens) == ("engine", "/asset.abc", True)
    assert (found.health_path, found.stop_timeout) == ("/ready", 7.0)
    assert found.integrations == ["arn:aws:servicediscovery:us-east-1:0:service/srv-1"]
    assert found.count == 1, "a service scaled from zero runs once"
    (more,) = plan.read_services([stack()], Deployed([CONTAINER], desired=3))
    assert more.count == 3


@pytest.mark.parametrize(
    ("containers", "tag", "message"),
    [
        ([{**CONTAINER, "command": []}], "abc", "names no command"),
        ([CONTAINER, CONTAINER], "abc", "2 containers"),
        ([CONTAINER], "other", "no asset of the assembly"),
    ],
)
def test_what_cannot_run_here_says_why(containers: list[dict[str, Any]], tag: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        plan.read_services([stack(tag)], Deployed(containers))


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(PlanError, match="engine"):
        plan.read_services([stack(), stack()], Deployed([CONTAINER]))
