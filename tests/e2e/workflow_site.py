"""A tenant's workflows on a running platform: what its people ask for, and what is left in the tables."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from services.workflow.domain.asl_walker.paths import StatesError, fill
from shared.actions import ActionFinished
from shared.events import envelope
from shared.tenancy import TenantId
from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for

BASE = "/v1/workflows"
HANDLERS = "services.workflow.handlers"
ROLES = ("admin", "operator", "approver", "analyst")
ENDED = frozenset({"succeeded", "failed", "cancelled", "timed_out", "refused"})


@dataclass
class Site:
    """One tenant: a token per role, and what was asked for in its name."""

    platform: Platform = field(repr=False)
    tenant: str
    tokens: dict[str, str] = field(repr=False)
    runs: list[str] = field(default_factory=list, repr=False)

    @classmethod
    def create(cls, platform: Platform) -> "Site":
        """A new tenant, by the operator's own function."""
        operator = platform.output("identity", "OperatorFunction")
        tenant = f"w{uuid.uuid4().hex[:10]}"

        def told(command: str, **fields: str) -> dict[str, Any]:
            answer = killing.invoke(platform, operator, {"command": command, "tenant": tenant, **fields})
            assert answer["ok"], answer
            return dict(answer)

        told("create_tenant")
        tokens = {role: str(told("issue_token", role=role)["access_token"]) for role in ROLES}
        return cls(platform, tenant, tokens)

    # --- the API ---

    def call(self, method: str, path: str, role: str = "operator", **body: Any) -> httpx.Response:
        """An answer that is none of a function being killed: that is asked again."""
        options = {} if method == "GET" else {"json": body}

        def answered() -> httpx.Response | None:
            found = self.platform.http(method, BASE + path, self.tokens[role], **options)
            return found if found.status_code < 500 else None

        return wait_for(answered, f"{method} {path}", 90)

    def ask(self, method: str, path: str, role: str = "operator", **body: Any) -> dict[str, Any]:
        """One that must be granted."""
        found = self.call(method, path, role, **body)
        assert found.status_code < 300, f"{method} {path}: {found.text}"
        parsed: dict[str, Any] = found.json()
        return parsed

    def publish(self, id: str, source: str) -> int:
        return int(self.ask("PUT", f"/{id}", "admin", source=source)["version"])

    def run(self, run: str) -> dict[str, Any]:
        return self.ask("GET", f"/runs/{run}")

    def steps(self, run: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"/runs/{run}/steps")["rows"])

    def open_approvals(self) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/approvals")["rows"])

    def acts(self, run: str) -> list[str]:
        """What its audit holds, if that verifies."""
        found = self.ask("GET", f"/runs/{run}/audit")
        assert found["verified"], f"the audit of {run} is broken at {found['broken_at']}"
        return [row["act"] for row in found["rows"]]

    # --- what is left ---

    def outbox(self, *kinds: str) -> list[dict[str, Any]]:
        """The envelopes of the tenant's events of these detail-types."""
        pages = self._told(kinds)
        return [json.loads(row["envelope"]["S"]) for page in pages for row in page["Items"]]

    def told(self, *kinds: str) -> int:
        """How many of them there are."""
        return sum(page["Count"] for page in self._told(kinds, Select="COUNT"))

    def _told(self, kinds: tuple[str, ...], **options: str) -> Iterator[dict[str, Any]]:
        values = {f":k{at}": {"S": kind} for at, kind in enumerate(kinds)}
        pages: Iterator[dict[str, Any]] = (
            self.platform.client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.platform.output("workflow", "OutboxTable"),
                KeyConditionExpression="pk = :pk",
                FilterExpression=f"detail_type IN ({', '.join(values)})",
                ExpressionAttributeValues={":pk": {"S": f"TENANT#{self.tenant}#OUTBOX"}, **values},
                ConsistentRead=True,
                **options,
            )
        )
        return pages

    def places(self, workflow: str) -> int:
        """How many of its runs hold a place, as the table counts."""
        pk = f"TENANT#{self.tenant}#LIMITS"
        for row in killing.rows(self.platform, "workflow", "Execution", pk):
            if row["sk"]["S"] == f"RUNNING#{workflow}":
                return int(row["running"]["N"])
        return 0

    def tokens_of(self, run: str) -> dict[tuple[str, str], str]:
        """The task token of each step that waits, by (at, step)."""
        rows = killing.rows(self.platform, "workflow", "StepJournal", f"TENANT#{self.tenant}#RUN#{run}")
        waiting = [row for row in rows if "S" in row.get("token", ())]
        return {(row["at"]["S"], row["step"]["S"]): row["token"]["S"] for row in waiting}

    # --- what may come twice ---

    def send(self, *envelopes: dict[str, Any]) -> None:
        """Events on the platform's bus, whoever sent them first."""
        entries = [
            {
                "Source": each["source"],
                "DetailType": each["type"],
                "Detail": json.dumps(each),
                "EventBusName": self.platform.output("platform", "BusName"),
            }
            for each in envelopes
        ]
        for at in range(0, len(entries), 10):
            answer = self.platform.client("events").put_events(Entries=entries[at : at + 10])
            assert answer["FailedEntryCount"] == 0, answer

    def answer(self, asked: dict[str, Any], succeeded: bool, lies: bool) -> None:
        """A provider's answer to an ActionRequested, whoever else answers it."""
        same = {name: asked[name] for name in ("action", "effect_key", "run_id", "step", "attempt")}
        if succeeded:
            right = {"rows": [], "columns": [], "row_count": 0, "truncated": False}
            event = ActionFinished(**same, succeeded=True, output={"rows": "many"} if lies else right)
        else:
            wrong = {"error_code": "BUSY", "error": "later", "retryable": not lies}
            event = ActionFinished(**same, succeeded=False, **wrong)
        env = envelope(event, tenant=TenantId(self.tenant), id=uuid.uuid4().hex, time=datetime.now(UTC))
        self.send(json.loads(env.model_dump_json(exclude_none=True)))

    def requests(self, run: str) -> list[dict[str, Any]]:
        """What its executions asked of the dispatcher so far, as their history tells."""
        states = self.platform.client("stepfunctions")
        workflow, waiting = self.run(run)["workflow"], self.tokens_of(run)
        version = self.run(run)["version"]
        machine = self.ask("GET", f"/{workflow}/asl?version={version}")["asl"]
        known = dict(_tasks(machine))
        prefix = f"onyx-local-{self.tenant}_{workflow}"
        found = []
        for name in (run, f"{run}.cleanup"):
            arn = f"arn:aws:states:us-east-1:000000000000:execution:{prefix}:{name}"
            try:
                events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            except states.exceptions.ExecutionDoesNotExist:
                continue
            for event in events:
                entered = event.get("stateEnteredEventDetails")
                if entered is None or entered["name"] not in known:
                    continue
                template = known[entered["name"]]["Parameters"]["Payload"]
                given = json.loads(entered["input"])
                step = (given.get("at", ""), template.get("step", ""))
                context = {"Execution": {"Name": name}, "Task": {"Token": waiting.get(step)}}
                try:
                    asked = fill(template, given, context)
                except StatesError:
                    continue
                if "token" not in asked or asked["token"]:
                    found.append(asked)
        return found


def dead_letters(platform: Platform) -> int:
    """Messages in the dead-letter queues of the workflows' channels."""
    sqs = platform.client("sqs")
    stacks = platform.client("cloudformation").describe_stacks(StackName="onyx-local-workflow")["Stacks"]
    queues = [each["OutputValue"] for each in stacks[0]["Outputs"] if each["OutputKey"].endswith("DlqUrl")]
    assert len(queues) >= 5
    name = "ApproximateNumberOfMessages"
    return sum(
        int(sqs.get_queue_attributes(QueueUrl=each, AttributeNames=[name])["Attributes"][name])
        for each in queues
    )


def _tasks(machine: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every task of a state machine by its name, in whatever branch."""
    found = []
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            found.append((name, state))
        inner = [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]
        for each in inner:
            found += _tasks(each)
    return found
