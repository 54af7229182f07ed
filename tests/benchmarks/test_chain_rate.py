"""Events per second through our whole chain, against the emulator's own bare one in the same run."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from services.cost_center.events import BillIngested
from shared.events import Envelope, envelope
from shared.outbox import Outbox
from shared.tenancy import tenant_id
from tests.benchmarks.bare_chain import BareChain
from tests.benchmarks.report import Report, verdict
from tests.e2e.conftest import Platform, wait_for

EVENTS, WARM, ROUNDS = 150, 40, 5
BATCH, CONCURRENCY = 10, 5
"""Of an EventChannel."""
LEAST_RATIO = 0.8
CONSUMER = "query-engine.on-bill-ingested"
DONE = {"S": "done"}


def facts(tenant: str, count: int) -> list[Envelope]:
    """BillIngested events of as many bills."""
    now = datetime.now(UTC)
    return [
        envelope(
            BillIngested.model_validate(
                {
                    "bill_id": f"bench-{number}.2026-09",
                    "source": f"bench-{number}",
                    "format": "focus-1.0-csv",
                    "billing_period": "2026-09",
                    "delivery_id": uuid.uuid4().hex,
                    "status": "ingested",
                    "rows": 1,
                    "totals": [{"currency": "USD", "raw": "1", "curated": "1", "difference": "0"}],
                    "tables": ["focus", "charges"],
                    "published_at": now,
                    "primary": True,
                }
            ),
            tenant=tenant_id(tenant),
            id=uuid.uuid4().hex,
            time=now,
        )
        for number in range(count)
    ]


class OurChain:
    """Outbox row -> stream -> relay -> bus -> rule -> SNS -> SQS -> consumer with its inbox."""

    def __init__(self, platform: Platform) -> None:
        self.dynamodb = platform.client("dynamodb")
        self.outbox = Outbox(platform.output("cost-center", "OutboxTable"), self.dynamodb)
        self.inbox = platform.output("query-engine", "InboxTable")

    def put(self, envelopes: list[Envelope]) -> None:
        """As a state change does it: a transaction each."""
        for one in envelopes:
            self.dynamodb.transact_write_items(TransactItems=[self.outbox.item(one)])

    def handled(self, sent: list[Envelope]) -> bool:
        """Whether the consumer has completed them all. Asks for the last one first, which costs little."""
        pk = {"S": f"TENANT#{sent[0].tenant}#INBOX#{CONSUMER}"}
        last = self.dynamodb.get_item(TableName=self.inbox, Key={"pk": pk, "sk": {"S": sent[-1].id}})
        if last.get("Item", {}).get("status") != DONE:
            return False
        request: dict[str, Any] = {
            "TableName": self.inbox,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "#status = :done",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":pk": pk, ":done": DONE},
            "Select": "COUNT",
        }
        pages = self.dynamodb.get_paginator("query").paginate(**request)
        return sum(page["Count"] for page in pages) == len(sent)


def rate(put: Callable[[], None], arrived: Callable[[], bool], count: int) -> float:
    """Events per second from the first write to the last event handled."""
    began = time.perf_counter()
    put()
    wait_for(arrived, f"{count} events", 240)
    return count / (time.perf_counter() - began)


def test_events_per_second_against_the_bare_chain(platform: Platform, report: Report, tmp_path: Path) -> None:
    def chain(with_writes: bool) -> BareChain:
        return BareChain.deploy(
            platform, tmp_path, batch=BATCH, concurrency=CONCURRENCY, with_writes=with_writes
        )

    ours, bare, writing = OurChain(platform), chain(False), chain(True)

    def run_ours(count: int) -> float:
        tenant = f"rate-{uuid.uuid4().hex[:8]}"
        sent = facts(tenant, count)
        return rate(lambda: ours.put(sent), lambda: ours.handled(sent), count)

    def run(peer: BareChain, count: int) -> float:
        before = peer.arrived()
        # The same payloads: what differs is the chain.
        details = [one.model_dump_json(exclude_none=True) for one in facts("bare-chain", count)]
        return rate(lambda: peer.put(details), lambda: peer.arrived() - before >= count, count)

    for warm in (run_ours, lambda count: run(bare, count), lambda count: run(writing, count)):
        warm(WARM)
    rates = [(run_ours(EVENTS), run(bare, EVENTS), run(writing, EVENTS)) for _ in range(ROUNDS)]
    section = report.section(
        "Events per second through the whole chain",
        f"{EVENTS} events, {ROUNDS} rounds, warm functions. Ours: outbox row (a transaction each) -> stream "
        "-> relay (which confirms each row) -> bus -> SNS -> SQS -> a consumer that claims each event, reads "
        "and writes a row of its own and completes it. Bare: PutEvents (ten at a time) -> rule -> SNS -> SQS "
        "-> a function that does nothing. Same calls: the bare chain with the six database calls per event "
        "of ours, in plain boto3, from the same client and in its function. One process of the emulator "
        "serves every call, so a chain that stores, claims and completes each event is bound by those six: "
        "the first ratio is their price, the second what our own code adds to it. Target: a ratio of at "
        f"least {LEAST_RATIO}.",
        *("round", "ours/s", "bare/s", "ours to bare", "", "same calls/s", "ours to same calls", ""),
    )
    for number, (mine, peer, alike) in enumerate(rates, start=1):
        section.add(
            number,
            f"{mine:.0f}",
            f"{peer:.0f}",
            *judged(mine / peer),
            f"{alike:.0f}",
            *judged(mine / alike),
        )
    ratios = (
        median(mine / peer for mine, peer, _ in rates),
        median(mine / alike for mine, _, alike in rates),
    )
    section.add("median", "", "", *judged(ratios[0]), "", *judged(ratios[1]))


def judged(ratio: float) -> tuple[str, str]:
    return f"{ratio:.2f}", verdict(ratio, at_least=LEAST_RATIO)
