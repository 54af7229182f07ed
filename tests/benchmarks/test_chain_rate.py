"""Events per second through our whole chain, against the emulator's own bare one in the same run."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from services.cost_center.events import BillIngested
from shared.events import Envelope, envelope
from shared.outbox import Outbox
from shared.tenancy import tenant_id
from tests.benchmarks.bare_chain import BareChain, Writes
from tests.benchmarks.report import Report, verdict
from tests.e2e.conftest import Platform, wait_for

EVENTS, WARM, ROUNDS = 300, 60, 5
BATCH, CONCURRENCY = 10, 5
"""Of an EventChannel."""
LEAST_RATIO = 0.8
EXPLAINED = (
    f"{EVENTS} events, {ROUNDS} rounds, warm functions. Ours: outbox row (a "
    "transaction each) -> stream -> relay (which confirms a batch in one call) -> bus -> SNS -> SQS -> a "
    "consumer that keeps a row per bill, those of events that come together by one conditional transaction. "
    "Its peer is the emulator's own chain, in plain boto3, with one write each: PutEvents -> rule -> SNS -> "
    "SQS -> a function that puts one row per event. One write, because a chain that leaves nothing behind is "
    "no consumer of anything; an event per PutEvents, because each tells of a state change of its own, as "
    "each of our transactions does. The other "
    "peers are for context: ten events per PutEvents, which no producer of single facts does; no write at "
    "all; and our database calls round a bare chain, against which what our own code adds shows. One process "
    "of the emulator serves every call: a rate is the number of calls per event, and little else. Target: at "
    f"least {LEAST_RATIO} of the first peer."
)


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
    """Outbox row -> stream -> relay -> bus -> rule -> SNS -> SQS -> consumer that keeps a row per bill."""

    def __init__(self, platform: Platform) -> None:
        self.dynamodb = platform.client("dynamodb")
        self.outbox = Outbox(platform.output("cost-center", "OutboxTable"), self.dynamodb)
        self.datasets = platform.output("query-engine", "DatasetTable")

    def put(self, envelopes: list[Envelope]) -> None:
        """As a state change does it: a transaction each."""
        for one in envelopes:
            self.dynamodb.transact_write_items(TransactItems=[self.outbox.item(one)])

    def handled(self, sent: list[Envelope]) -> bool:
        """Whether the consumer has kept them all. Asks for the last one first, which costs little."""
        pk, bill = {"S": f"TENANT#{sent[0].tenant}"}, sent[-1].data["bill_id"]
        last = {"pk": pk, "sk": {"S": f"DATASET#{bill}"}}
        if "Item" not in self.dynamodb.get_item(TableName=self.datasets, Key=last):
            return False
        request: dict[str, Any] = {
            "TableName": self.datasets,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": pk},
            "Select": "COUNT",
        }
        pages = self.dynamodb.get_paginator("query").paginate(**request)
        return bool(sum(page["Count"] for page in pages) == len(sent))


def rate(put: Callable[[], None], arrived: Callable[[], bool], count: int) -> float:
    """Events per second from the first write to the last event handled."""
    began = time.perf_counter()
    put()
    wait_for(arrived, f"{count} events", 240)
    return count / (time.perf_counter() - began)


@dataclass(frozen=True)
class Peer:
    """A bare chain, and how many events its producer puts in one call."""

    title: str
    writes: Writes
    together: int


PEERS = (
    Peer("one write", Writes.ONE, 1),
    Peer("one write, ten a call", Writes.ONE, 10),
    Peer("no write, ten a call", Writes.NONE, 10),
    Peer("our calls", Writes.OURS, 10),
)
"""The first is what ours is judged by."""


@pytest.mark.timeout(1800)  # a machine that does other things too makes a tenth of the events
def test_events_per_second_against_the_bare_chain(platform: Platform, report: Report, tmp_path: Path) -> None:
    chains = {
        writes: BareChain.deploy(platform, tmp_path, batch=BATCH, concurrency=CONCURRENCY, writes=writes)
        for writes in Writes
    }
    ours = OurChain(platform)

    def run_ours(count: int) -> float:
        sent = facts(f"rate-{uuid.uuid4().hex[:8]}", count)
        return rate(lambda: ours.put(sent), lambda: ours.handled(sent), count)

    def run(peer: Peer, count: int) -> float:
        chain = chains[peer.writes]
        before = chain.arrived()
        # The same payloads: what differs is the chain.
        details = [one.model_dump_json(exclude_none=True) for one in facts("bare-chain", count)]
        return rate(
            lambda: chain.put(details, together=peer.together),
            lambda: chain.arrived() - before >= count,
            count,
        )

    def round_of(count: int) -> tuple[float, dict[str, float]]:
        return run_ours(count), {peer.title: run(peer, count) for peer in PEERS}

    round_of(WARM)
    rounds = [round_of(EVENTS) for _ in range(ROUNDS)]
    section = report.section(
        "Events per second through the whole chain",
        EXPLAINED,
        "round",
        "ours/s",
        *(f"{peer.title}/s" for peer in PEERS),
        *(f"to {peer.title}" for peer in PEERS),
        "by the first",
    )
    for number, (mine, theirs) in enumerate(rounds, start=1):
        ratios = [mine / theirs[peer.title] for peer in PEERS]
        rates = [mine, *(theirs[peer.title] for peer in PEERS)]
        section.add(
            number, *(f"{one:.0f}" for one in rates), *(f"{one:.2f}" for one in ratios), judged(ratios[0])
        )
    middle = [median(mine / theirs[peer.title] for mine, theirs in rounds) for peer in PEERS]
    section.add("median", *[""] * (1 + len(PEERS)), *(f"{one:.2f}" for one in middle), judged(middle[0]))


def judged(ratio: float) -> str:
    return verdict(ratio, at_least=LEAST_RATIO)
