"""However AWS fails, and in whatever order things come, the end state is that of a run without any fault.

The adapters are the real ones, over the emulator; faults strike where requests are sent (tests/fakes/faults).
One fault at a time: see test_faults.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from shared.errors import OnyxError
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, NOW, CrashAt
from tests.fakes.faults import CALM, FILES, Faults, Kind, Weather, kinds_at
from tests.fakes.faulty_bills import DELIVERIES
from tests.fakes.faulty_events import CONSUMERS
from tests.fakes.faulty_site import Landed, Site

pytestmark = pytest.mark.emulator

TENANTS = (ACME, TenantId("globex"))
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
LANDINGS = st.tuples(
    st.sampled_from(TENANTS), st.sampled_from(list(DELIVERIES)), st.integers(1, 3), st.booleans()
)
"""Tenant, source, rows, and whether it was delivered before all that landed so far, and comes late."""

SEEDS = st.integers(0, 2**16)
WHICH = st.integers(0, 999)
"""Which of several. What there is to choose from depends on racing threads, and what is drawn must not."""


def weathers(*operations: str) -> st.SearchStrategy[Weather]:
    """None, some faults everywhere, or many of one kind at one of the operations that the step is made of."""
    ones = [(operation, kind) for operation in operations for kind in kinds_at(operation)]
    return (
        st.just(CALM)
        | st.builds(Weather, SEEDS, st.sampled_from([10, 30]))
        | st.builds(Weather, SEEDS, st.just(60), st.sampled_from(ones))
    )


AT_INGEST = weathers(
    "dynamodb.GetItem",
    "dynamodb.PutItem",
    "dynamodb.TransactWriteItems",
    "glue.CreateTable",
    "glue.GetTable",
    "glue.UpdateTable",
    f"{FILES}.create",
    f"{FILES}.open",
    "s3.GetObject",
    "s3.PutObject",
    "sts.AssumeRole",
)
AT_RELAY = weathers("dynamodb.BatchWriteItem", "dynamodb.Query", "eventbridge.PutEvents")
AT_CONSUMER = weathers("dynamodb.DeleteItem", "dynamodb.TransactWriteItems", "dynamodb.UpdateItem")
AT_ORPHANS = weathers("dynamodb.Query", "dynamodb.TransactWriteItems", "s3.DeleteObjects", "s3.ListObjectsV2")


class AmidFaults(RuleBasedStateMachine):
    """Two tenants' landing buckets, workers, relay, bus and consumers; queues are bags: at least once."""

    faults: Faults
    failures: "Counter[str]"
    """What workers died of, by the name of the exception."""
    ended = deliveries = 0
    raced = 0
    """Real commits that lost against another writer's."""

    @initialize(landings=st.lists(LANDINGS, min_size=3, max_size=5), storm=SEEDS)
    def begin(self, landings: list[tuple[TenantId, str, int, bool]], storm: int) -> None:
        self.site = Site(self.faults)
        self.landed: list[Landed] = []
        self.messages: list[Landed] = []
        self.arrived: list[tuple[str, str]] = []
        self.storm = storm
        for landing in landings:
            self.lands(landing)

    # --- deliveries ---

    @rule(landing=LANDINGS)
    def lands(self, landing: tuple[TenantId, str, int, bool]) -> None:
        tenant, source, rows, late = landing
        number = len(self.landed) + 1
        moment = NOW + timedelta(minutes=-number if late else number)
        landed = self.site.land(
            tenant, f"{tenant}/{source}/{number:03d}/bill.csv", DELIVERIES[source](rows), moment
        )
        self.landed.append(landed)
        self.messages.append(landed)

    @rule(which=WHICH)
    def comes_twice(self, which: int) -> None:
        if self.messages:
            self.messages.append(self.messages[which % len(self.messages)])

    @rule(which=WHICH, weather=AT_INGEST, step=st.none() | st.sampled_from(STEPS))
    def is_worked_on(self, which: int, weather: Weather, step: str | None) -> None:
        if self.messages:
            self.work(which % len(self.messages), weather, step)

    @rule(tenant=st.sampled_from(TENANTS), which=WHICH, weather=AT_INGEST)
    def three_writers_race(self, tenant: TenantId, which: int, weather: Weather) -> None:
        mine = [landed for landed in self.messages if landed.tenant == tenant]
        if len(mine) >= 2:
            self.writers_race(random.Random(which).sample(mine, min(3, len(mine))), weather)

    def writers_race(self, three: Sequence[Landed], weather: Weather) -> None:
        before, injected = len(self.site.lost_races), self.injected(Kind.CONCURRENT)
        with self.faults.weather(weather):
            ends = self.site.race(three)
        if self.injected(Kind.CONCURRENT) == injected:
            type(self).raced += len(self.site.lost_races) - before
        for landed, end in zip(three, ends, strict=True):
            if self.survived(end, weather):
                self.messages.remove(landed)

    # --- events ---

    @rule(most=st.integers(1, 10), weather=AT_RELAY, given_up=st.booleans())
    def stream_is_relayed(self, most: int, weather: Weather, given_up: bool) -> None:
        self.stream_goes_on(most, weather, given_up=given_up)

    def stream_goes_on(self, most: int, weather: Weather, *, given_up: bool = False) -> None:
        """Lambda goes on from the first record that failed, or gives the batch up at last."""
        records = self.site.path.stream(most)
        with self.faults.weather(weather):
            failed = self.site.path.relay().stream(records)["batchItemFailures"]
        names = [each["dynamodb"]["SequenceNumber"] for each in records]
        first = names.index(failed[0]["itemIdentifier"]) if failed and not given_up else len(names)
        self.site.path.passed(first)
        self.listen()

    @rule(weather=AT_RELAY)
    def outbox_is_swept(self, weather: Weather) -> None:
        with self.faults.weather(weather):
            self.attempt(self.site.path.sweep, weather)
        self.listen()

    @rule(which=WHICH, weather=AT_CONSUMER, dies=st.booleans(), again=st.booleans())
    def is_consumed(self, which: int, weather: Weather, dies: bool, again: bool) -> None:
        if self.arrived:
            self.consume(which % len(self.arrived), weather, dies=dies, again=again)

    @rule(tenant=st.sampled_from(TENANTS), weather=AT_ORPHANS)
    def orphans_are_swept(self, tenant: TenantId, weather: Weather) -> None:
        with self.faults.weather(weather):
            self.attempt(lambda: self.site.sweep_orphans(tenant), weather)

    @invariant()
    def what_readers_bind_is_there(self) -> None:
        if hasattr(self, "site"):
            for tenant in {landed.tenant for landed in self.landed}:
                assert self.site.seen.published_files(tenant) <= self.site.seen.data_files(tenant)

    # --- how it is done ---

    def injected(self, kind: Kind) -> int:
        return sum(count for (_, each), count in self.faults.injected.items() if each is kind)

    def work(self, at: int, weather: Weather, step: str | None = None) -> None:
        """A worker takes a message; if that fails, the message is there again."""
        with self.faults.weather(weather):
            crash = CrashAt(step)
            try:
                self.site.ingest(self.messages[at], crash)
            except Exception as error:  # noqa: BLE001 - as the poller: whatever it is, the message comes again
                if crash.hit:
                    self.site.died()
                elif not self.survived(error, weather):
                    return
            else:
                del self.messages[at]

    def attempt(self, act: Callable[[], Any], weather: Weather) -> None:
        try:
            act()
        except (OnyxError, ClientError, BotoCoreError) as error:
            self.survived(error, weather)

    def survived(self, error: Exception | None, weather: Weather) -> bool:
        """Whether it went well. Raises what no weather explains."""
        if error is None:
            return True
        if not weather.rate:
            raise error
        self.failures[type(error).__name__] += 1
        return False

    def consume(self, at: int, weather: Weather, *, dies: bool = False, again: bool = False) -> None:
        consumer, body = self.arrived[at]
        with self.faults.weather(weather):
            done = self.site.path.consume(consumer, body, dies=dies)
        if done and not again:
            del self.arrived[at]

    def listen(self) -> None:
        self.arrived += [(consumer, body) for body in self.site.path.arrived() for consumer in CONSUMERS]

    # --- the end ---

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.weather_the_storm()
            self.drain()
            self.compare()
            type(self).ended += 1
            type(self).deliveries += len(self.landed)

    def weather_the_storm(self) -> None:
        """What is left meets one more bad day, with three writers at once."""
        for at in range(len(self.messages) - 1, -1, -1):
            self.work(at, Weather(self.storm + at, 10))
        for tenant in TENANTS:
            mine = [landed for landed in self.messages if landed.tenant == tenant][:3]
            if len(mine) > 1:
                self.writers_race(mine, Weather(self.storm, 5))
        self.stream_goes_on(10, Weather(self.storm, 20))
        for at in range(len(self.arrived) - 1, -1, -1):
            self.consume(at, Weather(self.storm + at, 20))

    def drain(self) -> None:
        while self.messages:
            self.work(0, CALM)
        for tenant in TENANTS:
            self.site.sweep_orphans(tenant)
        while records := self.site.path.stream(10):
            assert not self.site.path.relay().stream(records)["batchItemFailures"]
            self.site.path.passed(len(records))
        self.site.path.sweep()
        self.listen()
        while self.arrived:
            left = len(self.arrived)
            self.consume(0, CALM)
            assert len(self.arrived) < left, "an event that is never done with"

    def compare(self) -> None:
        clean = Site(self.faults)
        for each in sorted(self.landed, key=lambda landed: landed.moment):
            clean.ingest(clean.land(each.tenant, each.key, each.body, each.moment))
        assert self.site.seen.state(TENANTS) == clean.seen.state(TENANTS)

        table = self.site.cloud.settings.outbox_table
        told = [event for event in self.site.cloud.outbox() if event["type"].startswith("Bill")]
        facts = [(event["type"], event["data"]["bill_id"], event["data"]["delivery_id"]) for event in told]
        assert len(facts) == len(set(facts))
        assert not [row for row in self.site.cloud.rows(table) if "pending" in row]
        bill_rows = self.site.cloud.rows(self.site.cloud.settings.bill_table)
        sets = [row for row in bill_rows if row["sk"]["S"].startswith("SET#")]
        assert len(sets) == len([fact for fact in facts if fact[0] != "BillRejected.v1"])
        deliveries = [row for row in bill_rows if row["sk"]["S"].startswith("DELIVERY#")]
        assert {row["status"]["S"] for row in deliveries} == {"done"}
        self.compare_effects(told)
        for tenant in TENANTS:
            assert self.site.seen.data_files(tenant) == self.site.seen.published_files(tenant)
            self.site.seen.check_lake(tenant)

    def compare_effects(self, told: list[dict[str, Any]]) -> None:
        found = {
            (row["pk"]["S"], row["sk"]["S"]): row for row in self.site.cloud.rows(self.site.path.effects.name)
        }
        for consumer in CONSUMERS:
            for tenant in TENANTS:
                mine = {event["id"] for event in told if event["tenantid"] == tenant}
                pk = f"TENANT#{tenant}"
                assert {
                    sk.partition("#")[2] for at, sk in found if at == pk and sk.startswith(f"{consumer}#")
                } == mine
                if mine:
                    assert found[pk, f"SUM#{consumer}"]["events"]["N"] == str(len(mine))


def run(faults: Faults, examples: int, steps: int, **more: Any) -> None:
    class AmidTheseFaults(AmidFaults):
        failures: "Counter[str]" = Counter()  # noqa: RUF012 - of all runs together

    machine = AmidTheseFaults
    machine.faults = faults
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Each step costs real requests: what failed is told as it was found.
            phases=[Phase.explicit, Phase.generate],
            **more,
        ),
    )
    print(f"{machine.ended} ends of {machine.deliveries} deliveries")  # noqa: T201
    print(f"{len(faults.slept)} pauses; {machine.raced} lost races; {dict(machine.failures)}")  # noqa: T201
    print(f"{sum(faults.injected.values())} faults: {sorted(faults.injected.items())}")  # noqa: T201
    assert machine.ended
    assert machine.raced, "writers have raced"


@pytest.mark.timeout(900)
def test_the_end_is_that_of_a_run_without_faults(faults: Faults) -> None:
    run(faults, examples=4, steps=6, derandomize=True)
    assert sum(faults.injected.values()) > 50


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_end_is_that_of_a_run_without_faults_at_length(faults: Faults) -> None:
    examples = int(os.environ.get("ONYX_LONG_EXAMPLES", "100"))
    run(faults, examples=examples, steps=25)
    struck = {kind for _, kind in faults.injected}
    # Some kinds meet one call alone: of fewer examples, chance may leave them out.
    assert struck == set(Kind) or examples < 100, f"these have not struck: {set(Kind) - struck}"
