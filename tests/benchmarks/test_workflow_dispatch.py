"""Workflows: what a run costs, what a step takes beside a bare function, and runs per second."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import Any

import boto3
import pytest
from moto import mock_aws

from services.workflow.adapters.actions.set_values import SetValues
from services.workflow.adapters.runtime_settings import RuntimeSettings
from services.workflow.application.dispatch import Dispatch, reply_json
from services.workflow.domain.asl_walker import Call, Status, Walker
from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import Definition
from services.workflow.domain.dispatch import Op, Request
from services.workflow.domain.history_estimate import transitions
from services.workflow.domain.naming import execution_input, run_id
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Published
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.templates import templates
from services.workflow.handlers.runtime_wiring import runtime
from shared.tenancy import TenantId
from tests.benchmarks.bare_machine import BareMachine
from tests.benchmarks.report import Report
from tests.benchmarks.workflow_report import workflow_page
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.workflow_site import Site
from tests.fakes.tables import create_table

ACME, NOW = TenantId("acme"), datetime(2026, 11, 1, tzinfo=UTC)
STEPS, ROUNDS, RUNS = 20, 5, 40
READ, WRITE = Decimal("0.125") / 1_000_000, Decimal("0.625") / 1_000_000
"""USD per request unit, on demand, us-east-1 (https://aws.amazon.com/dynamodb/pricing/on-demand/, 2026)."""
REQUEST, GIB_SECOND = Decimal("0.20") / 1_000_000, Decimal("0.0000133334")
"""USD per invocation, and per GiB-second on arm64 (https://aws.amazon.com/lambda/pricing/, 2026)."""
SECONDS, GIB = Decimal("0.05"), Decimal("0.5")
"""Assumed of a warm call that asks nobody else."""
TABLES = ("version", "execution", "step_journal", "audit")
READS = frozenset({"GetItem", "Query", "BatchGetItem"})
SOURCE = {
    "id": "many",
    "title": "Many small steps",
    "triggers": [{"name": "by-hand", "manual": True}],
    "steps": [{"id": f"s{at}", "action": "set", "with": {"n": at}} for at in range(STEPS)],
}


@pytest.fixture(scope="module")
def report(pytestconfig: pytest.Config) -> Iterator[Report]:
    yield from workflow_page(pytestconfig)


def machine_of(definition: Definition) -> Any:
    actions = {each.name: each for each in Registry.load()}
    return compile(definition, tenant="acme", version=1, dispatcher_arn="arn:x", actions=actions).machine


def calls_of(machine: Any) -> int:
    """Of the dispatcher, in a run in which all goes well at once, ten items are in each list."""

    def well(call: Call) -> dict[str, Any]:
        items = [str(at) for at in range(10)]
        reply = {"outcome": "ok", "delay": 0, "branch": 0, "items": items, "until": None, "code": ""}
        reply["until"] = "2026-01-01T00:00:00Z"
        if call.token is not None:
            walker.succeed(call.token, reply)
        return reply

    walker = Walker(machine, well, name="r-1", input=execution_input("r-1"))
    walker.run()
    assert walker.status is Status.SUCCEEDED
    return len(walker.calls)


@contextmanager
def counted() -> Iterator[tuple[Callable[[dict[str, Any]], None], "Counter[tuple[str, str]]"]]:
    """The dispatcher over DynamoDB (moto): how many request units each op takes by which operation, of rows
    that are small. What is written in a transaction counts twice."""
    found: Counter[tuple[str, str]] = Counter()
    op = ""

    def note(model: Any, params: Any, **_: Any) -> None:
        items = json.loads(params["body"]).get("TransactItems", ())
        found[op, model.name] += 2 * len(items) or 1

    with mock_aws():
        db = boto3.client("dynamodb", region_name="us-east-1")
        for each in TABLES:
            create_table(db, each.replace("_", "-"))
        create_table(db, "outbox", outbox=True)
        names = {f"{each}_table": each.replace("_", "-") for each in TABLES}
        settings = RuntimeSettings(**names, outbox_table="outbox", artifact_bucket="none")
        made = runtime(settings, {"set": SetValues()})
        definition = parse(json.dumps(SOURCE))
        published = Published("many", 1, json.dumps(SOURCE), definition, "{}", "arn:m", "ann", NOW, "c")
        made.versions.add(ACME, published)  # type: ignore[attr-defined]
        made.versions.ready(ACME, "many", 1, "arn:m")  # type: ignore[attr-defined]
        run = Run(
            run_id(ACME, "many", "by-hand", "1"), "many", 1, RunStatus.QUEUED, "by-hand", "1", "ann", NOW
        )
        made.runs.create(ACME, run)
        row = made.runs.get(ACME, run.id)
        assert row is not None
        made.runs.change(ACME, row, replace(row, status=RunStatus.STARTING))
        made.runs._table.client.meta.events.register("before-call.dynamodb", note)  # type: ignore[attr-defined]
        dispatch = Dispatch(made)

        def ask(payload: dict[str, Any]) -> None:
            nonlocal op
            op = payload["op"]
            common = {"tenant": ACME, "workflow": "many", "version": 1, "run": run.id, "execution": run.id}
            reply = reply_json(dispatch(Request(**{**common, **payload})))
            assert reply["outcome"] == "ok", reply

        yield ask, found


def test_what_a_run_costs(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with counted() as (ask, found):
        ask({"op": Op.BEGIN})
        found.clear()  # it also read the version, once for every warm function
        for at in range(STEPS):
            ask({"op": Op.STEP, "step": f"s{at}"})
        ask({"op": Op.END})
    stepping = {name: count for (op, name), count in found.items() if op == Op.STEP}
    reads = Decimal(sum(count for name, count in stepping.items() if name in READS))
    writes = Decimal(sum(stepping.values())) - reads
    per_call = (reads / STEPS, writes / STEPS)
    section = report.section(
        "What 1,000 runs of the templates cost on AWS",
        "Of a run in which all goes well at once, each choice takes its longest branch and each list has "
        "ten items; `at most` counts every attempt of every step. A call of the dispatcher that does a step "
        f"takes {per_call[0]:.1f} read and {per_call[1]:.1f} write units of DynamoDB (counted here, of small "
        "rows; streams and indexes are left out). List prices of us-east-1 as copies of AWS's pages for Step "
        "Functions, DynamoDB (on demand) and Lambda had them in 2025 (look them up anew): $0.025 per 1,000 "
        "transitions (Standard); $0.125 and $0.625 per million read and write units; $0.20 per million "
        f"calls and $0.0000133334 per GiB-second (arm64; {GIB} GiB and {SECONDS} s a call assumed). What "
        "other services' actions cost is theirs.",
        *(
            "template",
            "steps",
            "transitions",
            "at most",
            "calls",
            "states, USD",
            "calls, USD",
            "tables, USD",
            "USD",
        ),
    )
    for name, text in templates().items():
        definition = parse(text)
        machine = machine_of(definition)
        told, calls = transitions(definition, machine), calls_of(machine)
        states = told.price(1000)[0]
        functions = 1000 * calls * (REQUEST + GIB_SECOND * SECONDS * GIB)
        tables = 1000 * calls * (per_call[0] * READ + per_call[1] * WRITE)
        section.add(
            name,
            len(list(definition.every_step())),
            told.typical,
            told.worst,
            calls,
            *(f"{each:.3f}" for each in (states, functions, tables, states + functions + tables)),
        )


def test_the_dispatcher_beside_a_bare_function(platform: Platform, report: Report) -> None:
    site = Site.create(platform)
    site.publish("many", json.dumps(SOURCE))
    asl = site.ask("GET", "/many/asl")["asl"]
    bare = BareMachine.deploy(platform, asl)

    def ours() -> float:
        run = site.ask("POST", "/many/runs", inputs={}, key=uuid.uuid4().hex)["run"]
        wait_for(lambda: site.run(run)["status"] == "succeeded", "the run", 120)
        return bare.seconds(f"onyx-local-{site.tenant}_many", run)

    ours()
    bare.run()
    rounds = [(ours(), bare.run()) for _ in range(ROUNDS)]
    section = report.section(
        "The dispatcher beside a bare function",
        f"One run of {STEPS} steps (`set`), by the same states: once each calls the dispatcher, once"
        " a function that only says `ok`. Seconds of the execution by Step Functions' own clock, "
        f"{ROUNDS} rounds, warm. The difference per step is what the dispatcher adds: it reads the "
        "run and the journal, writes the attempt before and the outcome after the effect, and "
        "audits it.",
        *("round", "dispatcher", "bare", "ratio", "ms a step more"),
    )
    for number, (mine, theirs) in enumerate(rounds, start=1):
        section.add(number, *cells(mine, theirs))
    section.add("median", *cells(*(median(each) for each in zip(*rounds, strict=True))))


def cells(mine: float, theirs: float) -> list[str]:
    more = (mine - theirs) * 1000 / STEPS
    return [f"{mine:.2f}", f"{theirs:.2f}", f"{mine / theirs:.1f}", f"{more:.0f}"]


def test_runs_per_second(platform: Platform, report: Report) -> None:
    site = Site.create(platform)
    small = {**SOURCE, "id": "small", "steps": SOURCE["steps"][:3]}
    site.publish("small", json.dumps(small))
    bare = BareMachine.deploy(platform, site.ask("GET", "/small/asl")["asl"])

    def ended() -> int:
        return site.told("RunFinished.v1")

    def ours() -> float:
        before, began = ended(), time.monotonic()
        for _ in range(RUNS):
            site.ask("POST", "/small/runs", inputs={}, key=uuid.uuid4().hex)
        wait_for(lambda: ended() - before >= RUNS, "the runs", 240)
        return RUNS / (time.monotonic() - began)

    ours()
    rounds = [(ours(), bare.rate(RUNS)) for _ in range(3)]
    section = report.section(
        "Runs per second through the whole chain",
        f"{RUNS} runs of three steps, 3 rounds. Ours: POST -> row and event -> outbox -> relay -> "
        "bus -> SNS -> SQS -> execution job (place, start) -> state machine -> dispatcher -> the "
        "run's end and its event. A tenant starts at most 10 a second (the declared pace). Its peer"
        " is the emulator alone: StartExecution of the same states with a function that only says "
        "`ok`. One process of the emulator serves every call.",
        *("round", "ours/s", "bare/s", "ratio"),
    )
    for number, (mine, theirs) in enumerate(rounds, start=1):
        section.add(number, f"{mine:.1f}", f"{theirs:.1f}", f"{mine / theirs:.2f}")
