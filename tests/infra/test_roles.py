"""Least privilege: what each role may do, held against what is written down here."""

from fnmatch import fnmatch

from tests.infra.assembly import Environment

# Resources with a `*`, each with the reason why it cannot be named. Anything else is a finding.
WILDCARDS = {
    ("xray:*", "*"): "X-Ray has no resources",
    ("ecr:GetAuthorizationToken", "*"): "a login is to the registry as a whole",
    ("dynamodb:ListStreams", "*"): "the event source's own grant; names of streams, not their content",
    ("s3:*", "lake.Landing????????.Arn/?"): "a delivery's key is known at run time",
    ("s3:*", "lake.Lake????????.Arn/?"): "files of any tenant; cut to one at run time",
    ("glue:*", "arn:aws:glue:us-east-1:000000000000:database/onyx_*_?"): "databases are made per tenant",
    ("glue:*", "arn:aws:glue:us-east-1:000000000000:table/onyx_*_?/?"): "tables in them",
    ("ecs:*TaskProtection", "arn:aws:ecs:us-east-1:000000000000:task/network.Cluster????????/?"): "own task",
}
ACTION_FAMILIES = {"kms:GenerateDataKey*", "kms:ReEncrypt*"}


def roles(environment: Environment) -> dict[str, str]:
    """Role name -> the service that takes it on."""
    return {
        role.name: role.properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for role in environment.resources("AWS::IAM::Role")
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
    assert {f"{name}.Arn" for name in roles(environment)} - {f"{n}.Arn" for n in flow_logs} == set(used)


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


def test_the_query_engine_only_reads_bills_and_the_lake(environment: Environment) -> None:
    (task,) = environment.resources("AWS::ECS::TaskDefinition", part="query-engine")
    role = environment.text(task.stack, task.properties["TaskRoleArn"]).removesuffix(".Arn")
    rights = allowed(environment, role)
    on_bills = {action for action, resource in rights if resource.startswith("cost-center.")}
    assert on_bills == {"dynamodb:GetItem", "dynamodb:Query"}
    on_lake = {action for action, resource in rights if resource.startswith("lake.Lake")}
    assert on_lake == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"}
    assert not {
        action for action, resource in rights if resource.startswith(("lake.Landing", "lake.Results"))
    }
    assert not {
        action for action, _ in rights if action.startswith(("glue:", "sqs:", "events:", "iam:", "sts:"))
    }


def test_the_ingester_reads_landing_and_writes_the_lake(environment: Environment) -> None:
    (task,) = environment.resources("AWS::ECS::TaskDefinition", part="cost-center")
    role = environment.text(task.stack, task.properties["TaskRoleArn"]).removesuffix(".Arn")
    rights = allowed(environment, role)
    on_landing = {action for action, resource in rights if resource.startswith("lake.Landing")}
    assert on_landing == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"}
    on_lake = {action for action, resource in rights if resource.startswith("lake.Lake")}
    assert {"s3:PutObject", "s3:GetObject", "s3:DeleteObject"} <= on_lake
    assert not {action for action, resource in rights if resource.startswith("lake.Results")}
    # It records events in the outbox; that they reach the bus is the relay's task.
    assert not {action for action, _ in rights if action.startswith("events:")}


def test_only_relays_put_events(environment: Environment) -> None:
    putting = {
        role
        for role in roles(environment)
        for action, _ in allowed(environment, role)
        if action == "events:PutEvents"
    }
    assert all(".RelayRole" in role for role in putting)
    assert len(putting) == 2


def test_nobody_scans_a_table_or_deletes_one(environment: Environment) -> None:
    for role in roles(environment):
        actions = {action for action, _ in allowed(environment, role) if action.startswith("dynamodb:")}
        assert actions <= {
            *(f"dynamodb:{name}" for name in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")),
            "dynamodb:ConditionCheckItem",
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
