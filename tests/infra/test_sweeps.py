"""The sweeps: on a schedule, watched, and allowed what they do and no more."""

import re

from services.cost_center.handlers import pull_bills
from tests.infra.assembly import Environment, Resource

SWEEPS = {
    "services.cost_center.handlers.sweep_landing.handler": "rate(15 minutes)",
    "services.cost_center.handlers.sweep_orphans.handler": "rate(6 hours)",
    "services.cost_center.handlers.pull_bills.handler": "rate(15 minutes)",
    "services.cost_center.handlers.sweep_overdue.handler": "rate(1 hour)",
}
REMEMBER = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"}


def sweeps(environment: Environment) -> dict[str, Resource]:
    found = {
        each.properties["Handler"]: each
        for each in environment.resources("AWS::Lambda::Function", part="cost-center")
        if each.properties["Handler"] in SWEEPS
    }
    assert set(found) == set(SWEEPS)
    return found


def rights(environment: Environment, function: Resource) -> dict[str, set[str]]:
    """Actions by the resource they are for; logs, traces and the platform's key left out."""
    role = environment.text(function.stack, function.properties["Role"]).removesuffix(".Arn")
    found: dict[str, set[str]] = {}
    for statement in environment.statements(role):
        for action in statement["actions"]:
            if not action.startswith(("logs:", "xray:", "kms:")):
                for resource in statement["resources"]:
                    found.setdefault(_name(resource), set()).add(action)
    return found


def _name(resource: str) -> str:
    """`<stack>.<logical id>[.Arn]` without the hash, and a table's without the word; an ARN as it is."""
    if resource.startswith("arn:"):
        return resource
    return re.sub(r"(Table)?[0-9A-F]{8}$", "", resource.split(".")[1])


def test_each_runs_on_its_schedule_and_is_watched(environment: Environment) -> None:
    for handler, function in sweeps(environment).items():
        (rule,) = [
            each.properties
            for each in environment.resources("AWS::Events::Rule", part="cost-center")
            if "ScheduleExpression" in each.properties
            and environment.text(each.stack, each.properties["Targets"][0]["Arn"]) == f"{function.name}.Arn"
        ]
        assert rule["ScheduleExpression"] == SWEEPS[handler]
        assert rule["State"] == "ENABLED"
        (alarm,) = [
            each.properties
            for each in environment.resources("AWS::CloudWatch::Alarm", part="cost-center")
            if each.properties.get("MetricName") == "Errors"
            and environment.text(each.stack, each.properties["Dimensions"][0]["Value"]) == function.name
        ]
        assert alarm["Threshold"] == 1
        assert alarm["AlarmActions"]


def test_the_landing_sweep_lists_and_announces_and_reads_no_delivery(environment: Environment) -> None:
    found = rights(environment, sweeps(environment)["services.cost_center.handlers.sweep_landing.handler"])
    assert found == {
        "Bill": REMEMBER,
        "Outbox": {"dynamodb:PutItem"},
        "Landing": {"s3:ListBucket", "s3:ListBucketVersions"},
        "LandedBillsQueue": {"sqs:SendMessage"},
    }


def test_the_orphan_sweep_lists_and_deletes_and_reads_no_file(environment: Environment) -> None:
    found = rights(environment, sweeps(environment)["services.cost_center.handlers.sweep_orphans.handler"])
    # Without s3:DeleteObjectVersion: what is deleted can be brought back.
    assert found == {
        "Bill": REMEMBER,
        "Outbox": {"dynamodb:PutItem"},
        "Lake": {"s3:ListBucket", "s3:DeleteObject"},
    }


def test_the_sweep_for_overdue_bills_reads_rows_and_no_bucket(environment: Environment) -> None:
    found = rights(environment, sweeps(environment)["services.cost_center.handlers.sweep_overdue.handler"])
    assert found == {
        "Bill": REMEMBER,
        "Connection": {"dynamodb:Query"},
        "Outbox": {"dynamodb:PutItem"},
    }


def test_the_pull_enters_customers_accounts_and_writes_landing_only(environment: Environment) -> None:
    function = sweeps(environment)["services.cost_center.handlers.pull_bills.handler"]
    found = rights(environment, function)
    entered = [each for each in found if "onyx-bills" in each]
    assert len(entered) == 1
    assert found.pop(entered[0]) == {"sts:AssumeRole"}
    assert found == {
        "Bill": REMEMBER,
        "Connection": REMEMBER,
        "Outbox": {"dynamodb:PutItem"},
        "Landing": {"s3:PutObject", "s3:AbortMultipartUpload"},
    }
    assert function.properties["Timeout"] < 15 * 60, "one run ends before the next begins"


def test_a_connection_that_keeps_failing_raises_an_alarm(environment: Environment) -> None:
    (alarm,) = [
        each.properties
        for each in environment.resources("AWS::CloudWatch::Alarm", part="cost-center")
        if each.properties.get("MetricName") == pull_bills.FAILED_METRIC
    ]
    assert alarm["Namespace"] == "Onyx"
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "cost_center"}]
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (15 * 60, 4), "in each run of an hour"
    assert (alarm["Threshold"], alarm["Statistic"]) == (1, "Maximum")
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"]


def test_customers_are_told_of_this_stacks_roles_only(environment: Environment) -> None:
    function = sweeps(environment)["services.cost_center.handlers.pull_bills.handler"]
    variables = function.properties["Environment"]["Variables"]
    trusted = environment.text(function.stack, variables["TRUSTED_ROLES"])
    account = environment.text(function.stack, variables["TRUSTED_ACCOUNT"])
    assert trusted == f"arn:aws:iam::{account}:role/onyx-{environment.name}-cost-center-*"
