"""Workflows: how fast events are matched against many of them, and how fast definitions are made to ASL."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.workflow.domain.matcher import Candidate, Matcher
from services.workflow.domain.patterns import compiled, matches
from tests.benchmarks.report import Report, verdict
from tests.benchmarks.workflow_report import workflow_page

WORKFLOWS = 1_000
EVENTS = 300
BARE_EVENTS = 10
ROUNDS = 3
TYPES = [f"Kind{at}.v1" for at in range(20)]


@pytest.fixture(scope="module")
def report(pytestconfig: pytest.Config) -> Iterator[Report]:
    yield from workflow_page(pytestconfig)


def pattern(at: int) -> dict[str, Any]:
    """As workflows have them: most name an account or a service, some a range, few nothing at all."""
    match at % 10:
        case 0:
            return {}
        case 1:
            return {"rows": [{"numeric": [">", at]}]}
        case 2:
            return {"service": [{"prefix": f"Amazon{at}"}], "kind": ["bill"]}
        case 3:
            return {"$or": [{"account": [str(at)]}, {"tags": {"team": [f"team-{at}"]}}]}
        case 4:
            return {"tags": {"team": [f"team-{at}"], "env": [{"anything-but": ["dev"]}]}}
        case _:
            return {"kind": ["bill", "credit"], "account": [str(at), str(at + 1)]}


def data(randomly: random.Random) -> dict[str, Any]:
    at = randomly.randrange(WORKFLOWS)
    return {
        "kind": randomly.choice(["bill", "credit", "tax"]),
        "account": str(at),
        "service": f"Amazon{at}",
        "rows": at,
        "tags": {"team": f"team-{at}", "env": randomly.choice(["dev", "prod"])},
        "totals": [{"currency": "USD", "billed": "12.34"}],
    }


def per_second(work: Callable[[], object], count: int) -> float:
    """The best of the rounds, by this process's own CPU time: others share the machine."""
    best = min(_cpu(work) for _ in range(ROUNDS))
    return count / best


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def test_events_against_a_thousand_workflows(report: Report) -> None:
    section = report.section(
        f"Events against {WORKFLOWS:,} workflows",
        f"Events per second of CPU, best of {ROUNDS} rounds. The loop asks the compiled pattern of each "
        "workflow whose type is the event's; the "
        "bare loop compiles each pattern where it meets it, as a caller of `matches` would. One workflow in "
        "nine asks for a range alone, which no index helps. Target: 5 times the loop.",
        *("workflows", "events of their types", "matcher", "loop", "bare loop", "over the loop", ""),
    )
    randomly = random.Random(7)
    for name, types in (("on one type", TYPES[:1]), ("on 20 types", TYPES)):
        triggers = [(types[at % len(types)], pattern(at)) for at in range(WORKFLOWS)]
        # Such as fire on everything tell of the loop's body, not of finding a workflow.
        triggers = [each for each in triggers if each[1]]
        predicates = [(type, compiled(each)) for type, each in triggers]
        matcher = Matcher(Candidate(type, each, at) for at, (type, each) in enumerate(triggers))
        events = [(randomly.choice(types), data(randomly)) for _ in range(EVENTS)]

        def loop(events: Any = events, predicates: Any = predicates) -> list[list[int]]:
            return [
                [at for at, (kind, holds) in enumerate(predicates) if kind == type and holds(said)]
                for type, said in events
            ]

        def match(events: Any = events, matcher: Any = matcher) -> list[list[int]]:
            return [matcher.match(type, said) for type, said in events]

        def bare(events: Any = events[:BARE_EVENTS], triggers: Any = triggers) -> None:
            for type, said in events:
                for kind, each in triggers:
                    if kind == type:
                        matches(each, said)

        assert match() == loop(), "the fast answer is the slow one's"
        quick, slow = per_second(match, EVENTS), per_second(loop, EVENTS)
        barest = per_second(bare, BARE_EVENTS)
        section.add(
            name,
            f"{EVENTS:,}",
            f"{quick:,.0f}",
            f"{slow:,.0f}",
            f"{barest:,.0f}",
            f"{quick / slow:.1f}",
            verdict(quick / slow, at_least=5),
        )


DEFINITION = """
id: workflow-{at}
title: Workflow {at}
inputs:
  bill: {{type: string, required: true}}
triggers:
  - name: bills
    event: BillIngested.v1
    pattern: {{account: ["{at}"]}}
    when: event.rows > `{at}`
    inputs: {{bill: "${{event.bill_id}}"}}
  - name: daily
    cron: "0 8 * * ? *"
    timezone: Europe/Lisbon
    inputs: {{bill: "${{event.scheduled_at}}"}}
steps:
  - id: names
    action: set
    with: {{total: "12.50", bill: "${{inputs.bill}}"}}
  - id: read
    action: http.get
    with: {{url: "https://example.com/costs/{at}"}}
    retry: {{attempts: 4, delay: 10s}}
  - id: large
    choice:
      - when: steps.read.output.status == `200`
        steps:
          - id: approve
            approval: {{message: "Pay ${{inputs.bill}}?"}}
    otherwise:
      - id: pause
        wait: 10m
on_failure:
  - id: note
    action: set
    with: {{code: "${{error.code}}"}}
"""


def test_a_thousand_definitions(report: Report) -> None:
    parsing = pytest.importorskip("services.workflow.domain.parsing")
    compiler = pytest.importorskip("services.workflow.domain.compiler")
    registry = pytest.importorskip("services.workflow.domain.registry").Registry.load()
    actions = {each.name: each for each in registry}
    texts = [DEFINITION.format(at=at) for at in range(WORKFLOWS)]

    def parse() -> list[Any]:
        return [parsing.parse(text) for text in texts]

    before = time.process_time()
    definitions = parse()
    parsed = time.process_time() - before
    before = time.process_time()
    machines = [
        compiler.compile(each, tenant="acme", version=1, dispatcher_arn="arn:x", actions=actions)
        for each in definitions
    ]
    made = time.process_time() - before
    size = sum(len(each.text) for each in machines) / len(machines)
    section = report.section(
        f"{WORKFLOWS:,} definitions",
        "Each of 6 steps, 2 triggers, a choice and an approval. Seconds of CPU for all of them; parsing "
        "checks every expression, pattern, schedule and input; compiling checks timeouts and the estimate "
        "of history.",
        *("what", "seconds", "ms each", ""),
    )
    section.add("parse and check", f"{parsed:.2f}", f"{parsed:.2f}", verdict(parsed, at_most=60))
    section.add(
        f"compile to ASL ({size:,.0f} bytes)", f"{made:.2f}", f"{made:.2f}", verdict(made, at_most=60)
    )
