"""The product's templates are right, and do what they say: each is walked with data as it would come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from services.workflow.domain.definition import EventTrigger
from services.workflow.domain.dry_run import Trace, dry_run
from services.workflow.domain.expressions import holds, render
from services.workflow.domain.parsing import parse
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.schema import document
from services.workflow.domain.parsing.source import read
from services.workflow.domain.patterns import matches
from services.workflow.domain.templates import templates

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


WHOLE = {"columns": [], "row_count": 0, "truncated": False}
"""What a query gives beside its rows."""


@dataclass(frozen=True)
class Walked:
    """A dry run: what each step that began was asked for."""

    asked: Mapping[str, Any]
    trace: Trace

    @property
    def outputs(self) -> Any:
        return self.trace.outputs


def walked(name: str, answers: Mapping[str, Any], event: Any = None, **inputs: Any) -> Walked:
    """The run that the event, or a person with these inputs, starts; `answers` are actions' outputs."""
    definition = parse(templates()[name])
    for trigger in definition.triggers:
        if isinstance(trigger, EventTrigger):
            assert matches(trigger.pattern, event)
            assert trigger.when is None or holds(trigger.when, {"event": event})
            inputs |= render(trigger.inputs, {"event": event})
    stubs = {step: WHOLE | answer if "rows" in answer else answer for step, answer in answers.items()}
    trace = dry_run(definition, inputs, event, stubs, now=datetime(2026, 11, 3, 8, tzinfo=UTC))
    assert (trace.status, trace.failure) == ("succeeded", None)
    asked = {each.step: each.input for each in trace.steps if each.outcome != "skipped"}
    return Walked(asked, trace)


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
    answers = {"first_look": {"status": 200, "body": {"status": status}}, "accept": "expired"}
    done = walked("high-value-ticket-escalation", answers, TICKET)
    assert done.asked["first_look"]["url"].endswith("/v1/tickets/T-1")
    assert done.outputs == {"escalated": escalated}
