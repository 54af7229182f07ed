"""Least privilege: what each role may do, held against what is written down here."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.infra.assembly import Environment

# Resources with a `*`, each with the reason why it cannot be named. Anything else is a finding.
WILDCARDS = {
    ("xray:*", "*"): "X-Ray has no resources",
    ("ecr:GetAuthorizationToken", "*"): "a login is to the registry as a whole",
    ("dynamodb:ListStreams", "*"): "the event source's own grant; names of streams, not their content",
    ("s3:*", "lake.Landing????????.Arn/?"): "a delivery's key is known at run time",
    ("s3:*", "lake.Landing????????.Arn/?/.quarantine/?"): "a refused delivery of any tenant; cut to one",
    ("s3:*", "lake.Lake????????.Arn/?"): "files of any tenant; cut to one at run time",
    ("s3:*", "lake.Results????????.Arn/?"): "the same",
    ("s3:GetObject", "lake.Lake????????.Arn/?/changes/?"): "what changed of any tenant's bill: to be signed",
    ("glue:*", "arn:aws:glue:us-east-1:000000000000:database/onyx_*_?"): "databases are made per tenant",
    ("glue:*", "arn:aws:glue:us-east-1:000000000000:table/onyx_*_?/?"): "tables in them",
    ("sts:AssumeRole", "arn:aws:iam::?:role/onyx-bills-?"): "customers' roles, in any account",
    ("s3:*", "workflow.Artifacts????????.Arn/?/runs/?"): "a run of any tenant",
    ("s3:*", "workflow.Artifacts????????.Arn/?/workflows/?"): "a workflow of any tenant",
    (
        "secretsmanager:*",
        "arn:aws:secretsmanager:*:secret:onyx/*/tenants/?/workflow/?",
    ): "any tenant's credentials",
    ("states:*", "arn:aws:states:*:stateMachine:onyx-*-?"): "machines are made per tenant and workflow",
    ("states:*", "arn:aws:states:*:execution:onyx-*-?"): "their executions",
    ("states:ListStateMachines", "*"): "a list is of the whole account",
    ("states:SendTask*", "*"): "a token names its task",
    ("scheduler:ListSchedules", "*"): "a list is of the whole account",
    ("scheduler:*", "arn:aws:scheduler:*:schedule/onyx-*/?"): "schedules are made per trigger",
    ("ecs:*TaskProtection", "arn:aws:ecs:us-east-1:000000000000:task/network.Cluster????????/?"): "own task",
}
ACTION_FAMILIES = {"kms:GenerateDataKey*", "kms:ReEncrypt*"}


def roles(environment: Environment) -> dict[str, str]:
    """Role name -> the service or the role that takes it on."""
    found = {}
    for role in environment.resources("AWS::IAM::Role"):
        (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        ((_, principal),) = statement["Principal"].items()
        found[role.name] = environment.text(role.stack, principal)
    return found


def tenant_roles(environment: Environment) -> dict[str, str]:
    """Tenant role -> the task's role that takes it on."""
    return {
        name: by.removesuffix(".Arn")
        for name, by in roles(environment).items()
        if not by.endswith(".amazonaws.com")
    }


def allowed(environment: Environment, role: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in environment.statements(role)
        for action in statement["actions"]
        for resource in statement["resources"]
    }


def test_a_role_per_function_and_task(environment: Environment) -> None:
    used: list[str] = []
    for function in environment.resources("AWS::Lambda::Function"):
        used.append(environment.text(function.stack, function.properties["Role"]))
    for task in environment.resources("AWS::ECS::TaskDefinition"):
        for name in ("TaskRoleArn", "ExecutionRoleArn"):
            used.append(environment.text(task.stack, task.properties[name]))
    assert len(used) == len(set(used))
    flow_logs = {name for name, service in roles(environment).items() if "flow-logs" in service}
    at_run_time = {
        name for name, service in roles(environment).items() if service.startswith(("states.", "scheduler."))
    }
    others = flow_logs | at_run_time | set(tenant_roles(environment))
    assert {f"{name}.Arn" for name in roles(environment)} - {f"{n}.Arn" for n in others} == set(used)


def test_rights_come_from_these_policies_alone(environment: Environment) -> None:
    for role in environment.resources("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role.properties, role.name
        assert "Policies" not in role.properties, role.name


def test_no_wildcard_without_a_reason(environment: Environment) -> None:
    used = set()
    for role in roles(environment):
        for action, resource in allowed(environment, role):
            if "*" in action:
                assert action in ACTION_FAMILIES, (role, action)
            if "*" not in resource:
                continue
            reasons = [
                key
                for key in WILDCARDS
                if fnmatch(action, key[0]) and (resource == key[1] or fnmatch(resource, key[1]))
            ]
            assert reasons, f"{role} may {action} on {resource}"
            used.update(reasons)
    assert used == set(WILDCARDS), "a reason for what nobody does any more"


def task_role(environment: Environment, part: str) -> str:
    (task,) = environment.resources("AWS::ECS::TaskDefinition", part=part)
    return environment.text(task.stack, task.properties["TaskRoleArn"]).removesuffix(".Arn")


def tenant_role(environment: Environment, part: str) -> str:
    (found,) = [role for role, by in tenant_roles(environment).items() if by == task_role(environment, part)]
    return found


def on(environment: Environment, role: str, place: str) -> set[str]:
    """What `role` may do with resources whose name begins like that."""
    return {action for action, resource in allowed(environment, role) if resource.startswith(place)}


@pytest.mark.parametrize("part", ["cost-center", "query-engine"])
def test_a_task_reaches_tenants_data_by_its_tenant_role_only(environment: Environment, part: str) -> None:
    """The role that stands in its environment; nobody else may take that on, and it leads no further."""
    task, data = task_role(environment, part), tenant_role(environment, part)
    assert {action.split(":")[0] for action, _ in allowed(environment, task)}.isdisjoint({"s3", "glue"})
    assumed = {resource for action, resource in allowed(environment, task) if action == "sts:AssumeRole"}
    assert assumed == {f"{data}.Arn"}
    assert {action.split(":")[0] for action, _ in allowed(environment, data)} <= {"s3", "glue", "kms"}
    (definition,) = environment.resources("AWS::ECS::TaskDefinition", part=part)
    (container,) = definition.properties["ContainerDefinitions"]
    variables = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert environment.text(part, variables["TENANT_ROLE_ARN"]) == f"{data}.Arn"
    for role in roles(environment):
        if role != task:
            assert f"{data}.Arn" not in {resource for _, resource in allowed(environment, role)}, role


def test_the_query_engine_only_reads_bills_and_the_lake(environment: Environment) -> None:
    task, data = (each(environment, "query-engine") for each in (task_role, tenant_role))
    assert on(environment, task, "cost-center.") == {"dynamodb:Query"}
    assert on(environment, task, "query-engine.RowPolicy") == {
        f"dynamodb:{name}" for name in ("GetItem", "Query", "PutItem", "DeleteItem")
    }
    assert not {
        action
        for action, _ in allowed(environment, task)
        if action.startswith(("events:", "iam:", "secretsmanager:"))
    }
    queues = {resource for action, resource in allowed(environment, task) if action.startswith("sqs:")}
    assert all("query-engine.Actions" in queue for queue in queues), "what workflows ask for"
    assert on(environment, data, "lake.Lake") == {"s3:GetObject"}
    assert not on(environment, data, "lake.Landing")
    assert on(environment, data, "lake.Results") == {
        *("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
    }
    assert not on(environment, task, "lake.")
    assert not {action for action, _ in allowed(environment, data) if action.startswith("glue:")}


def test_the_ingester_reads_landing_and_writes_the_lake(environment: Environment) -> None:
    task, data = (each(environment, "cost-center") for each in (task_role, tenant_role))
    assert on(environment, data, "lake.Landing") == {
        *("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucketVersions", "s3:DeleteObjectVersion"),
        *("s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"),
    }
    put = {resource for action, resource in allowed(environment, data) if action == "s3:PutObject"}
    (quarantine,) = (resource for resource in put if "lake.Landing" in resource)
    assert quarantine.endswith("/*/.quarantine/*")
    assert on(environment, data, "lake.Lake") == {
        *("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
    }
    assert on(environment, data, "lake.Results") == {"s3:PutObject", "s3:AbortMultipartUpload"}
    # It records events in the outbox; that they reach the bus is the relay's task.
    assert not {action for action, _ in allowed(environment, task) if action.startswith("events:")}


def test_what_is_encrypted_can_be_read_and_written(environment: Environment) -> None:
    """The emulator encrypts nothing, so that a missing right on the key would first be seen on AWS."""
    for role in roles(environment):
        actions = {action for action, _ in allowed(environment, role)}
        if "s3:GetObject" in actions or "dynamodb:GetItem" in actions or "sqs:ReceiveMessage" in actions:
            assert "kms:Decrypt" in actions, role
        if "s3:PutObject" in actions or "dynamodb:PutItem" in actions or "sqs:SendMessage" in actions:
            assert {"kms:Decrypt", "kms:GenerateDataKey"} <= {a.rstrip("*") for a in actions}, role


def test_the_roles_are_the_same_in_every_environment(environment: Environment, local_assembly: Path) -> None:
    """What is proven of roles on one machine, by recorded calls, holds on AWS."""

    def rights(of: Environment) -> dict[str, set[str]]:
        return {role: {action for action, _ in allowed(of, role)} for role in roles(of)}

    assert rights(environment) == rights(Environment(local_assembly, "local"))


def test_only_who_connects_or_pulls_goes_into_customers_accounts(environment: Environment) -> None:
    entering = {
        role
        for role in roles(environment)
        for action, resource in allowed(environment, role)
        if action == "sts:AssumeRole" and "onyx-bills-" in resource
    }
    assert {role[:-8] for role in entering} == {"cost-center.ApiRole", "cost-center.PullRole"}
    # No role of ours has such a name: what a customer names as his role is none of them.
    for role in environment.resources("AWS::IAM::Role"):
        assert "RoleName" not in role.properties, role.name


def test_only_relays_and_schedules_put_events(environment: Environment) -> None:
    putting = {
        role
        for role in roles(environment)
        for action, _ in allowed(environment, role)
        if action == "events:PutEvents"
    }
    assert all(".RelayRole" in role or ".SchedulesRole" in role for role in putting)
    assert len(putting) == 5


def test_a_state_machine_can_only_invoke_the_dispatcher(environment: Environment) -> None:
    (machines,) = [name for name, by in roles(environment).items() if by == "states.amazonaws.com"]
    ((action, resource),) = allowed(environment, machines)
    assert action == "lambda:InvokeFunction"
    dispatcher = environment.one("AWS::Lambda::Function", resource)
    assert dispatcher.properties["Handler"] == "services.workflow.handlers.dispatcher.handler"


def test_who_holds_a_request_starts_no_state_machine(environment: Environment) -> None:
    """It makes them. What starts them makes again those that were collected while nobody ran them."""
    by_action: dict[str, set[str]] = {}
    for role in roles(environment):
        for action, _ in allowed(environment, role):
            if action.startswith("states:"):
                by_action.setdefault(action, set()).add(role[:-8])
    jobs = {"workflow.OnRunRequestedRole", "workflow.ReconcileRole"}
    assert by_action["states:StartExecution"] == jobs | {"workflow.OnExecutionEndedRole"}
    assert by_action["states:CreateStateMachine"] == jobs | {"workflow.ApiRole"}
    assert by_action["states:DeleteStateMachine"] == {"workflow.ReconcileRole"}


def test_nobody_scans_a_table_or_deletes_one(environment: Environment) -> None:
    for role in roles(environment):
        actions = {action for action, _ in allowed(environment, role) if action.startswith("dynamodb:")}
        assert actions <= {
            *(f"dynamodb:{name}" for name in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")),
            "dynamodb:ConditionCheckItem",
            "dynamodb:BatchWriteItem",
            *(
                f"dynamodb:{name}"
                for name in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
            ),
        }, role


def test_only_the_operator_gets_tokens_for_others(environment: Environment) -> None:
    minting = {
        role
        for role in roles(environment)
        for action, _ in allowed(environment, role)
        if action in ("cognito-idp:AdminInitiateAuth", "cognito-idp:AdminSetUserPassword")
    }
    assert len(minting) == 1
    assert next(iter(minting)).startswith("identity.Operator")


def test_a_role_touches_tables_of_its_own_domain(environment: Environment) -> None:
    """But for the one reader of another's table: the query engine, of bills."""
    for role in roles(environment):
        stack = role.split(".")[0]
        foreign = {
            resource
            for action, resource in allowed(environment, role)
            if action.startswith("dynamodb:") and resource != "*" and not resource.startswith(f"{stack}.")
        }
        if stack == "query-engine" and role.startswith("query-engine.QueryEngineTask"):
            assert all(each.startswith("cost-center.BillTable") for each in foreign)
        else:
            assert not foreign, role
