"""Functions and tasks as they are declared: platform, limits, environment, contents."""

import ast
import importlib
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.infra.assembly import Environment, Resource

COMMON = {
    "ONYX_ENV",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "BUS_NAME",
    "PAGE_TOKEN_SECRET_ARN",
}
LONG = {
    "services.cost_center.handlers.pull_bills.handler": 14 * 60,
    "services.workflow.handlers.dispatcher.handler": 60,
    "services.workflow.handlers.reconcile.handler": 55,
}
"""Seconds of the functions that take longer than a request may: one copies for as long as Lambda lets it, one
waits for what a workflow's step asks of others, one ends before its next run begins."""
PACKAGES = {
    "identity": "identity",
    "cost-center": "cost_center",
    "query-engine": "query_engine",
    "portal": "portal",
    "workflow": "workflow",
}


def test_functions(environment: Environment) -> None:
    handlers = set()
    for function in environment.resources("AWS::Lambda::Function"):
        properties = function.properties
        handlers.add((function.stack, properties["Handler"]))
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["Timeout"] <= LONG.get(properties["Handler"], 30)
        assert "LogGroup" in properties["LoggingConfig"]
        assert properties.keys() >= {"Role", "Environment", "Code"}
        assert len(properties.get("Layers", [])) == (0 if environment.name == "local" else 1)
        assert set(variables(environment, function)) >= COMMON
    assert handlers == {
        ("identity", "services.identity.handlers.api.handler"),
        ("identity", "services.identity.handlers.pre_token.handler"),
        ("identity", "services.identity.handlers.operator.handler"),
        ("identity", "shared.outbox_relay.handler"),
        ("cost-center", "services.cost_center.handlers.api.handler"),
        ("cost-center", "services.cost_center.handlers.on_tenant_created.handler"),
        ("cost-center", "services.cost_center.handlers.pull_bills.handler"),
        ("cost-center", "services.cost_center.handlers.sweep_landing.handler"),
        ("cost-center", "services.cost_center.handlers.sweep_orphans.handler"),
        ("cost-center", "services.cost_center.handlers.sweep_overdue.handler"),
        ("cost-center", "shared.outbox_relay.handler"),
        ("query-engine", "services.query_engine.handlers.on_bill_ingested.handler"),
        ("query-engine", "shared.outbox_relay.handler"),
        ("portal", "services.portal.handlers.api.handler"),
        ("workflow", "services.workflow.handlers.api.handler"),
        ("workflow", "services.workflow.handlers.hooks.handler"),
        ("workflow", "services.workflow.handlers.operator.handler"),
        ("workflow", "services.workflow.handlers.dispatcher.handler"),
        ("workflow", "services.workflow.handlers.on_event.handler"),
        ("workflow", "services.workflow.handlers.on_cron.handler"),
        ("workflow", "services.workflow.handlers.on_run_requested.handler"),
        ("workflow", "services.workflow.handlers.on_execution_ended.handler"),
        ("workflow", "services.workflow.handlers.on_action_finished.handler"),
        ("workflow", "services.workflow.handlers.on_approval_decided.handler"),
        ("workflow", "services.workflow.handlers.reconcile.handler"),
        ("workflow", "shared.outbox_relay.handler"),
    }


def test_each_function_has_its_own_log_group(environment: Environment) -> None:
    groups = [
        environment.text(function.stack, function.properties["LoggingConfig"]["LogGroup"])
        for function in environment.resources("AWS::Lambda::Function")
    ]
    assert len(groups) == len(set(groups))


def test_a_function_is_given_every_variable_that_it_asks_for(environment: Environment) -> None:
    asked = 0
    for function in environment.resources("AWS::Lambda::Function"):
        module = function.properties["Handler"].rsplit(".", 1)[0]
        missing = {v for v in required(module) if v not in variables(environment, function)}
        asked += len(required(module))
        assert not missing, f"{module} on {environment.name}"
    assert asked > 10


def test_a_task_is_given_every_variable_that_it_asks_for(environment: Environment) -> None:
    for task in environment.resources("AWS::ECS::TaskDefinition"):
        (container,) = task.properties["ContainerDefinitions"]
        given = {each["Name"] for each in container["Environment"]}
        python, flag, module = container["Command"]
        assert (python, flag) == ("python", "-m")
        assert required(module) <= given, module
        assert required(module), module


def test_a_functions_source_is_its_domain_and_the_contracts_of_others(environment: Environment) -> None:
    for function in environment.resources("AWS::Lambda::Function"):
        folder = asset(environment, function)
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        own = PACKAGES[function.stack]
        handler = function.properties["Handler"].rsplit(".", 1)[0].replace(".", "/")
        assert f"{handler}.py" in files
        for file in files:
            top, *rest = file.split("/")
            assert top in ("services", "shared"), file
            if top == "services" and len(rest) > 1 and rest[0] != own:
                assert rest[1] in ("__init__.py", "events.py", "events"), f"{own} carries {file}"
            assert "__pycache__" not in file


def test_tasks(environment: Environment) -> None:
    seen = {}
    for task in environment.resources("AWS::ECS::TaskDefinition"):
        (container,) = task.properties["ContainerDefinitions"]
        seen[container["Name"]] = container["Command"]
        assert task.properties["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
        assert container["ReadonlyRootFilesystem"] is True
        assert container["MountPoints"] == [
            {"ContainerPath": "/tmp", "ReadOnly": False, "SourceVolume": "tmp"}
        ]
        assert task.properties["Volumes"] == [{"Name": "tmp"}]
        assert container["StopTimeout"] == 120
        assert container["LogConfiguration"]["LogDriver"] == "awslogs"
        assert "Secrets" not in container
        if "PortMappings" in container:
            given = {each["Name"]: each["Value"] for each in container["Environment"]}
            assert given["PORT"] == str(container["PortMappings"][0]["ContainerPort"])
            assert given["HOST"] == "0.0.0.0"  # noqa: S104 (the task's own address)
            assert "/healthz" in " ".join(container["HealthCheck"]["Command"])
    assert seen == {
        "ingester": ["python", "-m", "services.cost_center.handlers.ingester"],
        "query-engine": ["python", "-m", "services.query_engine.handlers.server"],
    }


def test_services_roll_back_and_keep_serving(environment: Environment) -> None:
    services = list(environment.resources("AWS::ECS::Service"))
    assert len(services) == 2
    for service in services:
        deployment = service.properties["DeploymentConfiguration"]
        assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert deployment["MinimumHealthyPercent"] == 100
    (engine,) = environment.resources("AWS::ECS::Service", part="query-engine")
    assert engine.properties["DesiredCount"] >= 1
    (registry,) = engine.properties["ServiceRegistries"]
    assert registry["ContainerPort"] == 8080
    (discovery,) = environment.resources("AWS::ServiceDiscovery::Service")
    assert [each["Type"] for each in discovery.properties["DnsConfig"]["DnsRecords"]] == ["SRV"]


@pytest.mark.parametrize(
    ("backlog", "tasks"), [(0, 0), (1, 1), (4, 1), (5, 2), (12, 3), (13, 4), (29, 8), (1000, 8)]
)
def test_ingesters_follow_the_backlog(prod: Environment, backlog: int, tasks: int) -> None:
    """By AWS's rule for step bounds: scaling in, the upper bound is inclusive; scaling out, the lower one."""
    capacities = set()
    for policy in prod.resources("AWS::ApplicationAutoScaling::ScalingPolicy"):
        configuration = policy.properties["StepScalingPolicyConfiguration"]
        assert configuration["AdjustmentType"] == "ExactCapacity"
        alarm = next(
            a.properties
            for a in prod.resources("AWS::CloudWatch::Alarm", part=policy.stack)
            if policy.name in [prod.text(a.stack, each) for each in a.properties["AlarmActions"]]
        )
        (total,) = [m for m in alarm["Metrics"] if m.get("ReturnData")]
        counted = {
            prod.text(policy.stack, metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"]): metric["Id"]
            for metric in alarm["Metrics"]
            if "MetricStat" in metric
        }
        assert {name.partition("Queue")[0] for name in counted} == {
            "cost-center.LandedBills",
            "cost-center.Jobs",
        }
        ids = [metric["Id"] for metric in alarm["Metrics"] if "MetricStat" in metric]
        assert sorted(ids) == ["waiting1", "waiting2", "working1", "working2"]
        assert total["Expression"] == " + ".join(
            f"FILL({name}, 0)" for name in ("waiting1", "working1", "waiting2", "working2")
        )
        threshold = alarm["Threshold"]
        out = alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        if backlog < threshold if out else backlog > threshold:
            continue
        for step in configuration["StepAdjustments"]:
            low = threshold + step.get("MetricIntervalLowerBound", float("-inf"))
            high = threshold + step.get("MetricIntervalUpperBound", float("inf"))
            if (low <= backlog < high) if out else (low < backlog <= high):
                capacities.add(step["ScalingAdjustment"])
    assert capacities == {tasks}


def variables(environment: Environment, function: Resource) -> dict[str, str]:
    values = function.properties["Environment"]["Variables"]
    return {name: environment.text(function.stack, value) for name, value in values.items()}


def asset(environment: Environment, function: Resource) -> Path:
    """The folder in the assembly that becomes the function's zip."""
    digest = function.properties["Code"]["S3Key"].removesuffix(".zip")
    manifest = environment.folder / f"onyx-{environment.name}-{function.stack}.assets.json"
    files: dict[str, Any] = json.loads(manifest.read_text())["files"]
    return environment.folder / files[digest]["source"]["path"]


def required(module: str) -> set[str]:
    """Variables without a default in the settings that a handler loads, itself or by what it calls."""
    imported = importlib.import_module(module)
    return set(_required(imported, inspect.getsource(imported), set()))


def _required(module: ModuleType, source: str, seen: set[str]) -> Iterator[str]:
    """Of `load_settings(Name)` in the source, and in the functions of services/ that it names."""
    tree = ast.parse(textwrap.dedent(source))
    local = {
        alias.name: getattr(importlib.import_module(node.module), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("services.")
        for alias in node.names
        if hasattr(importlib.import_module(node.module), alias.name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "load_settings":
            (argument,) = node.args
            name = ast.unparse(argument)
            settings = local.get(name) or getattr(module, name)
            yield from (name.upper() for name, field in settings.model_fields.items() if field.is_required())
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        named = _resolve(module, ast.unparse(node))
        function = inspect.unwrap(named) if callable(named) else named
        if inspect.isfunction(function) and function.__module__.startswith("services."):
            name = f"{function.__module__}.{function.__qualname__}"
            if name not in seen:
                seen.add(name)
                yield from _required(sys.modules[function.__module__], inspect.getsource(function), seen)


def _resolve(module: ModuleType, dotted: str) -> Any:
    value: Any = module
    for part in dotted.split("."):
        value = getattr(value, part, None)
        if value is not None and not isinstance(value, ModuleType) and not callable(value):
            return None
    return value
