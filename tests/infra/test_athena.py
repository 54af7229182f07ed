"""Amazon Athena where an environment switches it on, and nothing of it where none does."""

from typing import Any

from infra import environments
from tests.infra.assembly import Environment
from tests.infra.test_network import endpoints
from tests.infra.test_roles import allowed, on, task_role, tenant_role

GIB = 2**30


def workgroup(environment: Environment) -> dict[str, Any]:
    (found,) = environment.resources("AWS::Athena::WorkGroup")
    return found.properties


def variables(environment: Environment) -> dict[str, Any]:
    (definition,) = environment.resources("AWS::ECS::TaskDefinition", part="query-engine")
    (container,) = definition.properties["ContainerDefinitions"]
    return {each["Name"]: each["Value"] for each in container["Environment"]}


def test_it_is_off_until_somebody_switches_it_on(environment: Environment) -> None:
    assert not environments.environment(environment.name).query_engine.athena.enabled
    assert not list(environment.resources("AWS::Athena::WorkGroup"))
    assert not {name for name in variables(environment) if name.startswith("ATHENA")}
    assert not on(environment, tenant_role(environment, "query-engine"), "arn:aws:athena")


def test_the_workgroup_bounds_what_a_query_reads(private: Environment) -> None:
    found = workgroup(private)
    configuration = found["WorkGroupConfiguration"]
    assert configuration["BytesScannedCutoffPerQuery"] == 3 * GIB
    assert configuration["EngineVersion"] == {"SelectedEngineVersion": "Athena engine version 3"}
    assert configuration["PublishCloudWatchMetricsEnabled"] is True
    encrypted = configuration["ResultConfiguration"]["EncryptionConfiguration"]
    assert encrypted["EncryptionOption"] == "SSE_KMS"
    assert "Key" in private.text("query-engine", encrypted["KmsKey"])
    # Each query's result lies below its tenant's prefix, which an enforced place would override.
    assert configuration["EnforceWorkGroupConfiguration"] is False
    assert "OutputLocation" not in configuration["ResultConfiguration"]


def test_the_server_knows_it(private: Environment) -> None:
    known = variables(private)
    assert known["ATHENA_WORKGROUP"] == workgroup(private)["Name"] == "onyx-local-query"
    assert known["ATHENA_ABOVE_MIB"] == "512"


def test_only_sessions_of_tenants_query_and_in_this_workgroup_only(private: Environment) -> None:
    task, data = (each(private, "query-engine") for each in (task_role, tenant_role))
    rights = {(action, place) for action, place in allowed(private, data) if action.startswith("athena:")}
    assert {place.rpartition(":")[2] for _, place in rights} == {"workgroup/onyx-local-query"}
    assert {action.removeprefix("athena:") for action, _ in rights} == {
        *("StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"),
    }
    assert not {action for action, _ in allowed(private, task) if action.startswith(("athena:", "glue:"))}


def test_what_athena_does_for_a_session_reads_tables_and_puts_results(private: Environment) -> None:
    data = tenant_role(private, "query-engine")
    catalog = {action for action, _ in allowed(private, data) if action.startswith("glue:")}
    assert catalog == {
        f"glue:{name}" for name in ("GetDatabase", "GetTable", "GetTables", "GetPartition", "GetPartitions")
    }
    assert on(private, data, "lake.Lake") == {"s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"}
    assert not {action for action in on(private, data, "lake.Lake") if "Put" in action or "Delete" in action}
    assert {"s3:PutObject", "s3:GetObject", "s3:GetBucketLocation"} <= on(private, data, "lake.Results")


def test_private_tasks_reach_it_by_an_endpoint(private: Environment) -> None:
    assert endpoints(private)["athena"] == "Interface"
