"""The product's templates are right, and do what they say: each is walked with data as it would come."""

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema
import pytest

from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    ChoiceStep,
    Definition,
    EventTrigger,
    ParallelStep,
    Step,
    WaitStep,
)
from services.workflow.domain.expressions import holds, render
from services.workflow.domain.fields import check_fields, with_defaults
from services.workflow.domain.parsing import parse
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.schema import document
from services.workflow.domain.parsing.source import read
from services.workflow.domain.registry import Registry
from services.workflow.domain.templates import templates
from shared.json_text import plain

USE_CASES = {
    "anomaly-alert",
    "high-value-ticket-escalation",
    "jira-issue-per-ticket",
    "monthly-cost-report",
    "pending-tickets-digest",
}

TICKET = {
    "ticket_id": "T-1",
    "title": "Delete idle volumes",
    "description": "Twelve volumes are attached to nothing.",
    "account_id": "111122223333",
    "estimated_savings": "12000.50",
    "owner": "ann",
}
ANOMALY = {
    "anomaly_id": "A-1",
    "service": "Amazon S3's",
    "account_id": "111122223333",
    "severity": "high",
    "impact": "1234.56",
    "started_on": "2026-11-02",
}


def test_every_use_case_has_one() -> None:
    assert set(templates()) == USE_CASES


@pytest.mark.parametrize("name", sorted(USE_CASES))
def test_it_is_right(name: str) -> None:
    text = templates()[name]
    assert parse(text).id == name
    found = jsonschema.Draft202012Validator(document()).iter_errors(read(text, Findings()).plain())
    assert [each.message for each in found] == []


@pytest.mark.parametrize("name", sorted(USE_CASES))
def test_it_compiles(name: str) -> None:
    actions = {action.name: action for action in Registry.load()}
    found = compile(
        parse(templates()[name]), tenant="acme", version=1, dispatcher_arn="arn:x", actions=actions
    )
    assert found.machine["States"]


class Walk:
    """Takes the steps of a workflow one after another; what an action gives is `answers[step]`."""

    def __init__(
        self, definition: Definition, answers: Mapping[str, Any], data: Any = None, **inputs: Any
    ) -> None:
        given = dict(inputs)
        for trigger in definition.triggers:
            if isinstance(trigger, EventTrigger):
                assert trigger.when is None or holds(trigger.when, {"event": data})
                given |= render(trigger.inputs, {"event": data})
        assert check_fields(definition.inputs, given) == []
        self.answers = answers
        self.asked: dict[str, Any] = {}
        self.steps: dict[str, Any] = {}
        self.scope: dict[str, Any] = {
            "event": data,
            "inputs": with_defaults(definition.inputs, given),
            "steps": self.steps,
            "run": {"id": "r", "workflow": definition.id, "started_at": "2026-11-03T08:00:00Z"},
        }
        self.walk(definition.steps)
        self.outputs = plain(render(definition.outputs, self.scope))

    def walk(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.when is not None and not holds(step.when, self.scope):
                self.steps[step.id] = {"status": "skipped", "output": None, "failure": None}
                continue
            self.steps[step.id] = {"status": "succeeded", "output": self.output(step), "failure": None}

    def output(self, step: Step) -> Any:
        match step:
            case ActionStep():
                action = Registry.load().get(step.action)
                asked = plain(render(step.with_, self.scope))
                assert check_fields(action.input, asked, open=action.open) == []
                self.asked[step.id] = asked
                given = asked if step.action == "set" else self.answers.get(step.id, {})
                return plain(given)
            case ApprovalStep():
                self.asked[step.id] = render(step.message, self.scope)
                self.walk(step.on_expiry)
                return {"status": "expired", "decisions": []}
            case ChoiceStep():
                taken = next(
                    (each for each in step.branches if each.when is None or holds(each.when, self.scope)),
                    None,
                )
                self.walk(taken.steps if taken else ())
                return {"branch": -1 if taken is None else step.branches.index(taken)}
            case ParallelStep():
                for branch in step.branches:
                    self.walk(branch.steps)
                return {}
            case WaitStep():
                return {}
            case _:
                raise AssertionError("no template loops")


def walked(name: str, answers: Mapping[str, Any], data: Any = None, **inputs: Any) -> Walk:
    return Walk(parse(templates()[name]), answers, data, **inputs)


def test_the_report_compares_two_months() -> None:
    rows = [{"service": "Amazon EC2", "cost": "120.5"}, {"service": "(none)", "cost": "3"}]
    answers = {"services": {"rows": rows}, "totals": {"rows": [{"total": "123.5", "before": "100.005"}]}}
    done = walked("monthly-cost-report", answers, top=2)
    assert "billing_period = '2026-10'" in done.asked["services"]["sql"]
    assert "LIMIT 2" in done.asked["services"]["sql"]
    assert "IN ('2026-10', '2026-09')" in done.asked["totals"]["sql"]
    assert done.asked["report"]["subject"] == "Cloud costs of October 2026"
    assert done.asked["report"]["text"].splitlines()[2] == "Amazon EC2  120.5"
    assert done.asked["report"]["facts"] == {"Total": "123.5", "Change against the month before": "23.5"}
    assert done.outputs == {"month": "2026-10", "total": "123.5"}


def test_a_report_of_nothing_is_one_of_zero() -> None:
    answers = {"services": {"rows": []}, "totals": {"rows": [{"total": None, "before": None}]}}
    assert walked("monthly-cost-report", answers).outputs == {"month": "2026-10", "total": "0"}


@pytest.mark.parametrize(
    ("issues", "opened", "issue"), [([], True, "FIN-2"), ([{"key": "FIN-1"}], False, "FIN-1")]
)
def test_a_ticket_has_one_issue(issues: list[Any], opened: bool, issue: str) -> None:
    answers = {
        "search": {"status": 200, "body": {"issues": issues}},
        "open": {"status": 201, "body": {"key": "FIN-2"}},
    }
    done = walked("jira-issue-per-ticket", answers, TICKET)
    assert done.asked["search"]["query"]["jql"] == 'project = "FIN" AND labels = "onyx-T-1"'
    assert ("open" in done.asked) is opened
    if opened:
        assert done.asked["open"]["body"]["fields"]["labels"] == ["onyx", "onyx-T-1"]
    assert done.outputs == {"issue": issue}


def test_the_digest_has_the_most_valuable_first() -> None:
    items = [
        {"ticket_id": "T-1", "title": "a", "owner": "ann", "estimated_savings": "9.5"},
        {"ticket_id": "T-2", "title": "b", "owner": None, "estimated_savings": "10"},
        {"ticket_id": "T-3", "title": "c", "owner": "bob"},
    ]
    done = walked("pending-tickets-digest", {"pending": {"status": 200, "body": {"items": items}}})
    assert [line.split()[0] for line in done.asked["digest"]["text"].splitlines()[2:]] == [
        "T-2",
        "T-1",
        "T-3",
    ]
    assert done.asked["digest"]["subject"] == "3 tickets are pending"
    assert done.asked["digest"]["facts"] == {"Savings of all": "19.5"}


def test_no_digest_of_nothing() -> None:
    done = walked("pending-tickets-digest", {"pending": {"status": 200, "body": {"items": []}}})
    assert "digest" not in done.asked
    assert done.outputs == {"pending": 0}


@pytest.mark.parametrize(("impact", "paged"), [("1234.56", True), ("999.99", False)])
def test_a_large_anomaly_is_told_twice(impact: str, paged: bool) -> None:
    answers = {"history": {"rows": [{"day": "2026-11-01", "cost": "12"}]}}
    done = walked("anomaly-alert", answers, ANOMALY | {"impact": impact})
    assert "ServiceName = 'Amazon S3''s'" in done.asked["history"]["sql"]
    assert "TIMESTAMP '2026-10-20 00:00:00'" in done.asked["history"]["sql"]
    assert "2026-11-01" in done.asked["alert"]["text"]
    assert ("page" in done.asked) is paged


@pytest.mark.parametrize(("status", "escalated"), [("open", True), ("done", False)])
def test_a_ticket_that_stays_open_is_escalated(status: str, escalated: bool) -> None:
    answers = {"first_look": {"status": 200, "body": {"status": status}}}
    done = walked("high-value-ticket-escalation", answers, TICKET)
    assert done.asked["first_look"]["url"].endswith("/v1/tickets/T-1")
    assert done.outputs == {"escalated": escalated}
