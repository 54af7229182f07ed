"""However deliveries come (lost, twice, in any order, amid crashes and races), the end is a clean run's."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.cost_center.application.sweep_landing import SweepLanding
from services.cost_center.application.sweep_orphans import SweepOrphans
from services.cost_center.domain.landing import LandedObject
from shared.ids import SequenceIds
from tests.fakes.cost_center import ACME, NOW, Crash, CrashAt, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows
from tests.fakes.cost_center_sweeps import LAKE, FakeQueue, FakeSweepRows, WorldLakeFiles, WorldVersions

STEPS = (
    "delivery opened",
    "fetched",
    "prepared",
    "raw uploaded",
    "raw committed",
    "curated uploaded",
    "curated committed",
    "reconciliation saved",
    "changes saved",
    "recorded",
)
SOURCES = ("aws", "other")
CONTENTS = (1, 2, 3)


def content(source: str, rows: int) -> bytes:
    """A bill; each source has a payer of its own, so that none is kept out by another."""
    return csv_bytes(cur_rows(rows, **{"bill/PayerAccountId": f"{SOURCES.index(source) + 1:012d}"}))


class AnyOrder(RuleBasedStateMachine):
    """One tenant's landing bucket, its queue (a bag: at least once, unordered) and workers that die."""

    hits: "set[str]" = set()  # noqa: RUF012 - of all runs together

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onyx-any-order-"))
        (self.folder / "tried").mkdir()
        (self.folder / "clean").mkdir()
        self.world = World(self.folder / "tried")
        self.messages: list[LandedObject] = []
        self.rows = FakeSweepRows(self.world.bills, self.world.lake)
        self.queue = FakeQueue()
        self.landed = 0

    @rule(source=st.sampled_from(SOURCES), rows=st.sampled_from(CONTENTS), lost=st.booleans())
    def lands(self, source: str, rows: int, lost: bool) -> None:
        self.landed += 1
        at = NOW - timedelta(days=1) + timedelta(minutes=self.landed // 2)
        key = f"{ACME}/{source}/{self.landed:03d}/bill.csv"
        landed = self.world.landing.put(key, content(source, rows), at=at)
        if not lost:
            self.messages.append(landed)

    @rule(data=st.data())
    def comes_twice(self, data: st.DataObject) -> None:
        if self.messages:
            self.messages.append(data.draw(st.sampled_from(self.messages)))

    @rule(data=st.data(), step=st.none() | st.sampled_from(STEPS))
    def is_worked_on(self, data: st.DataObject, step: str | None) -> None:
        if self.messages:
            self.work(data.draw(st.integers(0, len(self.messages) - 1)), step)

    @rule(source=st.sampled_from(SOURCES), rows=st.sampled_from(CONTENTS), step=st.sampled_from(STEPS))
    def lands_and_its_worker_dies(self, source: str, rows: int, step: str) -> None:
        """What is worked on at random is done already, more often than not: no step of it is reached."""
        self.lands(source, rows, lost=False)
        self.work(len(self.messages) - 1, step)

    @rule(data=st.data())
    def two_race(self, data: st.DataObject) -> None:
        """Another worker settles a delivery between this one's reading and its writing."""
        if not self.messages:
            return
        other = data.draw(st.sampled_from(self.messages))
        self.world.bills.before_record = self.once(lambda: self.world.ingest(other))
        self.work(data.draw(st.integers(0, len(self.messages) - 1)), None)
        self.world.bills.before_record = lambda: None

    @rule()
    def landing_is_swept(self) -> None:
        sweep = SweepLanding(
            WorldVersions(self.world.landing),
            self.queue,
            self.rows,
            self.world.clock,
            SequenceIds("word"),
            pages=2,
            grace=timedelta(minutes=10),
        )
        self.world.clock.advance(timedelta(hours=1))
        sweep(ACME)
        self.messages += self.queue.sent
        self.queue.sent.clear()

    @rule()
    def orphans_are_swept(self) -> None:
        clock = self.world.clock
        files = WorldLakeFiles(self.world.lake, clock.now)
        SweepOrphans(files, self.rows, LAKE, clock, SequenceIds("word"), 5, timedelta(days=1))(ACME)

    def work(self, at: int, step: str | None) -> None:
        """A worker takes a message; if it dies, the message is there again."""
        self.world.failpoint = CrashAt(step)
        try:
            self.world.ingest(self.messages[at])
        except Crash:
            self.hits.add(step or "")
        else:
            del self.messages[at]

    def once(self, act: Callable[[], Any]) -> Callable[[], None]:
        def hook() -> None:
            self.world.bills.before_record = lambda: None
            act()

        return hook

    @invariant()
    def what_readers_bind_is_whole(self) -> None:
        if hasattr(self, "world"):
            for bill in self.world.bills.stored.values():
                assert bill.published is not None
                for table in bill.published.tables.values():
                    assert all(Path(file).exists() for file in table.files)
                assert self.world.bills.reconciliation(ACME, bill.bill_id, bill.published)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.heal()
            self.compare()
        finally:
            shutil.rmtree(self.folder)

    def heal(self) -> None:
        """Time passes: queues run dry, sweeps have their turns."""
        for _ in range(3):
            while self.messages:
                self.work(0, None)
            self.landing_is_swept()
        assert self.messages == [], "all is accounted for"
        self.orphans_are_swept()

    def compare(self) -> None:
        clean = World(self.folder / "clean")
        for (key, _), (body, at) in sorted(self.world.landing.objects.items(), key=lambda each: each[1][1]):
            clean.deliver(key, body, at=at)
        assert state(self.world) == state(clean)
        told = [(event.bill_id, event.delivery_id) for event in self.world.bills.events]
        assert len(told) == len(set(told)) == len(self.world.bills.history)
        named = {
            file
            for each in self.world.bills.history
            for table in each.tables.values()
            for file in table.files
        }
        assert {str(path) for path in self.world.lake.keys.values()} == named, "no orphan, and none too few"
        assert all(each.done for each in self.world.bills.deliveries.values())


def state(world: World) -> dict[str, Any]:
    """What readers see of each bill."""
    return {
        bill.bill_id: (
            bill.published.content,
            bill.published.delivered_at,
            bill.published.primary,
            bill.outcome.rows,
            bill.outcome.totals,
        )
        for bill in world.bills.stored.values()
        if bill.published is not None
    }


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_end_is_that_of_a_clean_run() -> None:
    run(examples=30, steps=12)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_end_is_that_of_a_clean_run_at_length() -> None:
    AnyOrder.hits.clear()
    run(examples=150, steps=30)
    assert set(STEPS) == AnyOrder.hits, "a failpoint that no run has hit"
