"""Months in any number of files, in any order, twice and anew, amid crashes: the end is the truth."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from services.cost_center.application.sweep_landing import SweepLanding
from services.cost_center.domain.bill import PublishedSet
from services.cost_center.domain.landing import LandedObject, in_quarantine
from services.cost_center.events import BillRejected
from shared.ids import SequenceIds
from tests.fakes.cost_center import ACME, Crash, CrashAt, World
from tests.fakes.cost_center_bills import CUR_ROW
from tests.fakes.cost_center_deliveries import Export, packed, split
from tests.fakes.cost_center_sweeps import FakeQueue, FakeSweepRows, WorldVersions

STEPS = (
    *("delivery opened", "delivery waiting", "delivery gathered", "part noted", "fetched", "prepared"),
    *("raw committed", "recorded", "parts noted", "file quarantined", "manifest noted", "quarantined"),
)


@dataclass(frozen=True)
class Month:
    """One delivery: `costs` in files cut at `cuts`; a bad one has a cost that is none."""

    costs: tuple[int, ...]
    cuts: tuple[int, ...]
    bad: bool
    execution: str

    @property
    def total(self) -> Decimal:
        return Decimal(sum(self.costs))

    def puts(self, export: Export) -> list[tuple[str, bytes]]:
        """Files, then manifests: (landing key, bytes)."""
        rows = [{**CUR_ROW, "lineItem/UnblendedCost": str(cost)} for cost in self.costs]
        if self.bad:
            rows[-1]["lineItem/UnblendedCost"] = "much"
        parts = split(rows, self.cuts)
        files = [export.file(number, self.execution) for number, _ in enumerate(parts, start=1)]
        text = export.manifest(files, self.execution)
        return [
            *((export.landing(key), packed(part)) for key, part in zip(files, parts, strict=True)),
            *((key, text) for key in export.manifest_keys(self.execution)),
        ]


@st.composite
def months(draw: st.DrawFn) -> list[Month]:
    count = draw(st.integers(1, 3))
    return [
        Month(
            tuple(draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=5))),
            tuple(draw(st.lists(st.integers(1, 4), max_size=3))),
            draw(st.integers(0, 4)) == 0,
            f"run-{number}",
        )
        for number in range(count)
    ]


class Run:
    """The landing bucket, a queue that delivers at least once and in any order, and workers that die."""

    def __init__(self, folder: Path, draw: st.DataObject) -> None:
        self.world = World(folder)
        self.data = draw
        self.messages: list[LandedObject] = []

    def put(self, key: str, content: bytes) -> None:
        self.world.clock.advance(timedelta(minutes=1))
        landed = self.world.landing.put(key, content, at=self.world.clock.now())
        self.messages += [landed] * self.data.draw(st.integers(0, 2), label="told")

    def work(self) -> None:
        for _ in range(self.data.draw(st.integers(0, 2), label="worked on")):
            if self.messages:
                at = self.data.draw(st.integers(0, len(self.messages) - 1))
                self.handle(at, self.data.draw(st.none() | st.sampled_from(STEPS), label="dies at"))

    def handle(self, at: int, step: str | None) -> None:
        self.world.failpoint = CrashAt(step)
        try:
            self.world.ingest(self.messages[at])
        except Crash:
            return
        del self.messages[at]

    def heal(self) -> None:
        """Time passes, and the sweep has its turns."""
        rows, queue = FakeSweepRows(self.world.bills), FakeQueue()
        for _ in range(4):
            while self.messages:
                self.handle(0, None)
            self.world.clock.advance(timedelta(hours=3))
            versions = WorldVersions(self.world.landing)
            SweepLanding(versions, queue, rows, self.world.clock, SequenceIds("w"), 5, timedelta(minutes=10))(
                ACME
            )
            self.messages += queue.sent
            queue.sent.clear()
        assert self.messages == [], "all is accounted for"


def _total(published: PublishedSet) -> Decimal:
    found = pl.read_parquet(published.tables["charges"].files)["BilledCost"].sum()
    assert isinstance(found, Decimal)
    return found


def check(run: Run, delivered: Sequence[Month]) -> None:
    world = run.world
    truths = {month.total for month in delivered if not month.bad}
    for published in world.bills.history:
        assert _total(published) in truths, "a mix of two deliveries"
    bill = world.bills.bill(ACME, "aws.2026-09")
    good = [month for month in delivered if not month.bad]
    if good:
        # A refused delivery takes nothing away: what it overwrote counts again.
        assert bill is not None
        assert bill.published is not None, "a good delivery is lost"
        assert _total(bill.published) == good[-1].total
    told = [(type(event), event.bill_id, event.delivery_id) for event in world.bills.events]
    assert len(told) == len(set(told))
    assert len([event for event in world.bills.events if not isinstance(event, BillRejected)]) == len(
        world.bills.history
    )
    rows = [each for (_, _), each in world.bills.deliveries.items()]
    assert all(each.done and each.closed for each in rows), [each for each in rows if not each.closed]
    kept = {key for key, _ in world.landing.objects if in_quarantine(key)}
    assert bool(kept) == any(isinstance(event, BillRejected) for event in world.bills.events)


def tried(data: st.DataObject) -> None:
    export = Export(legacy=data.draw(st.booleans()), create_new=data.draw(st.booleans()))
    delivered = data.draw(months())
    folder = Path(tempfile.mkdtemp(prefix="onyx-any-delivery-"))
    try:
        run = Run(folder, data)
        for number, month in enumerate(delivered):
            puts = month.puts(export)
            if export.create_new or number == 0:
                # Where nothing is overwritten, the files of a delivery may come in any order.
                puts = data.draw(st.permutations(puts))
            for key, content in puts:
                run.put(key, content)
                run.work()
        run.heal()
        note(f"{export} {delivered}")
        check(run, delivered)
    finally:
        shutil.rmtree(folder)


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=40, **COMMON)  # type: ignore[arg-type]
@given(data=st.data())
def test_the_end_is_the_newest_delivery_whole(data: st.DataObject) -> None:
    tried(data)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=400, **COMMON)  # type: ignore[arg-type]
@given(data=st.data())
def test_the_end_is_the_newest_delivery_whole_at_length(data: st.DataObject) -> None:
    tried(data)
