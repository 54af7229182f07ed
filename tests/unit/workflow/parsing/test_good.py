"""Right texts become the definition that they say."""

from typing import Any

import pytest

from services.workflow.domain.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    ChoiceStep,
    CronTrigger,
    Definition,
    EventTrigger,
    ForEachStep,
    Jitter,
    Limits,
    ManualTrigger,
    Missed,
    OnLimit,
    ParallelStep,
    Retry,
    WaitStep,
    WebhookTrigger,
)
from services.workflow.domain.parsing import parse
from shared.actions import Field, Kind
from tests.fakes.workflow_documents import EVERYTHING, with_steps, with_top


def test_everything() -> None:
    found = parse(EVERYTHING)
    assert found == Definition(
        id="everything",
        title="All of the language",
        description="Every key once.",
        inputs={
            "top": Field(Kind.INTEGER, "How many.", default=10),
            "mode": Field(Kind.STRING, default="fast", one_of=("fast", "slow")),
            "since": Field(Kind.TIMESTAMP),
        },
        triggers=(
            EventTrigger(
                "anomaly",
                "AnomalyDetected.v1",
                {"severity": ["high"], "impact": [{"exists": True}]},
                "decimal(event.impact) > `100.50`",
                {"top": "${event.count}", "mode": "slow"},
            ),
            CronTrigger("monthly", "0 8 1 * ? *", "Europe/Lisbon", Missed.RUN_ALL),
            WebhookTrigger("hook", "event.ok", {"since": "${event.at}"}),
            ManualTrigger("by-hand"),
        ),
        limits=Limits(2, 10, OnLimit.REFUSE),
        timeout=2 * 86_400,
        steps=(
            ActionStep(
                "costs",
                "query.run",
                {"sql": "SELECT 1 AS one", "max_rows": "${inputs.top}"},
                when="inputs.mode == 'slow'",
                timeout=300,
                heartbeat=30,
                retry=Retry(4, 10, 3, 600, Jitter.NONE),
                on_failure=(_set("excuse", reason="${error.message}"),),
            ),
            ForEachStep(
                "each",
                "default(steps.costs.output.rows, `[]`)",
                (
                    ActionStep(
                        "send",
                        "http.send",
                        {"url": "https://x/${index}", "body": "${item}", "idempotent": True},
                        credential="jira",
                        timeout=30,
                        retry=Retry(3),
                    ),
                    _set("sent", status="${steps.send.output.status}"),
                ),
                max_items=50,
                concurrency=3,
            ),
            WaitStep("pause", seconds=600),
            WaitStep("later", until="date_add(run.started_at, '1h')"),
            ApprovalStep(
                "sign",
                "Send it for ${inputs.mode}?",
                ("approver", "admin"),
                ("ann",),
                2,
                86_400,
                4 * 3_600,
                (_notify("nobody", subject="Nobody decided"),),
            ),
            ChoiceStep(
                "which",
                (
                    Branch(
                        (_set("yes_it_is", by="${steps.sign.output.decisions}"),),
                        "steps.sign.output.status == 'approved'",
                    ),
                    Branch((_set("no_it_is_not"),)),
                ),
            ),
            ParallelStep(
                "both",
                (
                    Branch(
                        (ActionStep("left", "http.get", {"url": "https://x", "query": {"a": 1}}, timeout=30),)
                    ),
                    Branch((WaitStep("right", seconds=1),)),
                ),
            ),
            _set("last", status="${steps.left.output.status}", excuse="${steps.excuse.output.reason}"),
        ),
        outputs={
            "rows": "${steps.costs.output.row_count}",
            "last": {"status": "${steps.last.output.status}"},
        },
        on_failure=(_notify("tell", subject="${error.code} in ${error.step}", facts={"run": "${run.id}"}),),
    )


def _set(id: str, **values: Any) -> ActionStep:
    return ActionStep(id, "set", values, timeout=30)


def _notify(id: str, **values: Any) -> ActionStep:
    return ActionStep(id, "notify", {"channel": "ops", **values}, timeout=30)


def test_what_cannot_be_repeated_has_one_attempt() -> None:
    found = parse(with_steps("- {id: a, action: http.send, with: {url: 'https://x'}}")).step("a")
    assert isinstance(found, ActionStep)
    assert found.retry == Retry(attempts=1)


def test_a_step_waits_as_long_as_its_action_says() -> None:
    found = parse(with_steps("- {id: a, action: query.run, with: {sql: SELECT 1}}")).step("a")
    assert isinstance(found, ActionStep)
    assert found.timeout == 900


def test_who_names_people_means_them() -> None:
    found = parse(with_steps("- {id: a, approval: {message: go?, subjects: [ann]}}")).step("a")
    assert isinstance(found, ApprovalStep)
    assert (found.roles, found.subjects) == ((), ("ann",))


def test_json_is_as_good() -> None:
    text = '{\n\t"id": "abc",\n\t"title": "A",\n\t"steps": [{"id": "a", "wait": "10m"}]\n}'
    assert parse(text).steps == (WaitStep("a", seconds=600),)


GOOD = {
    "a step sees those before it, also inside of choices and branches": with_steps("""
        - id: c
          choice: [{when: run.id, steps: [{id: x, wait: 1s}, {id: y, wait: 1s, when: steps.x.status}]}]
          otherwise: [{id: z, wait: 1s, when: steps.c.output.branch == `-1`}]
        - id: p
          parallel: [{steps: [{id: l, wait: 1s}]}, {steps: [{id: r, wait: 1s}]}]
        - {id: end, action: set, with: {all: "${[steps.x, steps.z, steps.l, steps.r]}"}}
        """),
    "for-each in a for-each": with_steps("""
        - id: o
          for_each: "`[[1]]`"
          steps:
            - {id: first, action: set, with: {n: "${item}"}}
            - id: i
              for_each: item
              steps: [{id: in, action: set, with: {a: "${item}", b: "${steps.first.output.n}"}}]
        - {id: after, action: set, with: {count: "${steps.o.output.count}"}}
        """),
    "on_failure sees its step and the error": with_steps("""
        - id: a
          action: http.get
          with: {url: x}
          on_failure: [{id: b, action: set, with: {f: "${steps.a.failure.code}", e: "${error.code}"}}]
        """),
    "the run's on_failure sees steps": with_top("""
        on_failure: [{id: f, action: set, with: {a: "${steps.a.output}", e: "${error.step}"}}]
        """),
    "runs of another workflow": with_top("""
        triggers: [{name: t, event: RunFinished.v1, pattern: {workflow: [other]}}]
        """),
    "runs of all others": with_top("""
        triggers: [{name: t, event: RunFinished.v1, pattern: {workflow: [{anything-but: [abc]}]}}]
        """),
    "a literal ${": with_steps("- {id: a, action: set, with: {shell: '$${HOME}'}}"),
    "any value may be set": with_steps(
        "- {id: a, action: set, with: {on: on, n: 1.5, l: [1, null], o: {a: true}}}"
    ),
    "a decimal with or without quotes": with_top("""
        inputs: {limit: {type: decimal, default: "12.50"}, other: {type: decimal, default: 12.50}}
        """),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_is_taken(name: str) -> None:
    assert parse(GOOD[name]).id == "abc"
