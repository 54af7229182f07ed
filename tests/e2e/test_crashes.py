"""Processes are killed at each write boundary; every bill is there once, and every event at its consumer."""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import killing
from tests.e2e.conftest import Platform, free_port, wait_for
from tests.e2e.samples import focus_bill

COSTS = ["1.25", "2.5", "0.000000000000000001"]
TOTAL = "3.750000000000000001"
INGESTER = (
    "ingest: delivery opened",
    "ingest: fetched",
    "ingest: prepared",
    "ingest: raw uploaded",
    "ingest: raw committed",
    "ingest: curated uploaded",
    "ingest: reconciliation saved",
    "ingest: recorded",
    "poller: handled",
)
RELAY = "shared.outbox_relay.handler"
CONSUMER = "services.query_engine.handlers.on_bill_ingested.handler"
CLAIMING = "services.cost_center.handlers.on_tenant_created.handler"
LANDING_SWEEP = "services.cost_center.handlers.sweep_landing.handler"
ORPHAN_SWEEP = "services.cost_center.handlers.sweep_orphans.handler"
long = pytest.mark.long


def put(platform: Platform, tenant: str, path: Path, source: str = "focus") -> str:
    """Put the file where an upload of the API would; returns its key."""
    answer = platform.http(
        "POST",
        "/v1/cost-center/uploads",
        platform.token(tenant),
        json={"source": source, "filename": path.name},
    )
    assert answer.status_code == 201, answer.text
    key = str(answer.json()["key"])
    bucket = platform.output("lake", "LandingBucket")
    platform.client("s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return key


def is_ingested_once(platform: Platform, tenant: str, seconds: float = 120) -> None:
    """One bill, its money exact, one fact of it, handled once by its consumer; only its files are bound."""
    wait_for(
        lambda: (
            len(kept := killing.handled(platform, tenant)) == 1 and kept == killing.told(platform, tenant)
        ),
        "the consumer to have the event",
        seconds,
    )
    (bill,) = platform.rows("bills", "--tenant", tenant)
    assert bill["status"] == "ingested"
    assert len(killing.facts(platform, tenant, "BillIngested.v1")) == 1
    (row,) = platform.rows("costs", "--tenant", tenant, "--metric", "BilledCost", "--granularity", "total")
    assert row["BilledCost"] == TOTAL
    (count,) = platform.query("SELECT count(*) AS n FROM charges", platform.token(tenant))
    assert count["n"] == len(COSTS)
    bound = killing.published_files(platform, tenant)
    assert len(bound) == len(set(bound)) == 2, "one raw and one curated file"


def in_the_lake(platform: Platform, tenant: str) -> set[str]:
    bucket = platform.output("lake", "LakeBucket")
    found = platform.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{tenant}/").get("Contents", [])
    return {f"s3://{bucket}/{each['Key']}" for each in found if "/data/" in each["Key"]}


@pytest.mark.parametrize(
    "failpoint", ["ingest: curated committed", *(pytest.param(each, marks=long) for each in INGESTER)]
)
def test_a_killed_ingester(platform: Platform, tenant: str, tmp_path: Path, failpoint: str) -> None:
    with killing.task_environment(platform, "ingester", killing.QUICK | killing.armed(tmp_path, failpoint)):
        first = killing.process(platform, "ingester")
        put(platform, tenant, focus_bill(tmp_path, COSTS))
        assert wait_for(lambda: killing.struck(tmp_path), "the kill") == failpoint
        wait_for(
            lambda: killing.process(platform, "ingester").get("pid") not in (None, first["pid"]),
            "the supervisor to start it again",
        )
        is_ingested_once(platform, tenant)
    assert set(killing.published_files(platform, tenant)) <= in_the_lake(platform, tenant)


@pytest.mark.parametrize(
    "failpoint",
    ["relay: published", *(pytest.param(each, marks=long) for each in ("relay: taken", "relay: confirmed"))],
)
def test_a_killed_relay(platform: Platform, tenant: str, tmp_path: Path, failpoint: str) -> None:
    relay = killing.function(platform, "cost-center", RELAY)
    with killing.function_environment(platform, relay, killing.armed(tmp_path, failpoint)):
        put(platform, tenant, focus_bill(tmp_path, COSTS))
        assert wait_for(lambda: killing.struck(tmp_path), "the kill") == failpoint
        is_ingested_once(platform, tenant)
    wait_for(
        lambda: all("published_at" in row for row in killing.facts(platform, tenant, "BillIngested.v1")),
        "the outbox row to be confirmed",
    )


@long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("failpoint", ["consumer: taken", "consumer: handled"])
def test_a_killed_consumer(platform: Platform, tenant: str, tmp_path: Path, failpoint: str) -> None:
    """It claims nothing: the message comes again, and is handled whatever the dead one had done of it."""
    consumer = killing.function(platform, "query-engine", CONSUMER)
    with killing.function_environment(platform, consumer, killing.armed(tmp_path, failpoint)):
        put(platform, tenant, focus_bill(tmp_path, COSTS))
        assert wait_for(lambda: killing.struck(tmp_path), "the kill") == failpoint
        is_ingested_once(platform, tenant, seconds=280)


@long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("failpoint", ["consumer: claimed", "consumer: handled", "consumer: completed"])
def test_a_killed_consumer_that_claims(platform: Platform, tmp_path: Path, failpoint: str) -> None:
    """Up to the claim's lease of two minutes nobody else takes the event: the dead one may yet live."""
    consumer = killing.function(platform, "cost-center", CLAIMING)
    name = f"k{uuid.uuid4().hex[:10]}"
    with killing.function_environment(platform, consumer, killing.armed(tmp_path, failpoint)):
        created = platform.onyx("tenant", "create", name)
        assert created.returncode == 0, created.stderr
        assert wait_for(lambda: killing.struck(tmp_path), "the kill") == failpoint
        wait_for(lambda: killing.claims(platform, name) == ["done"], "the event to be handled", 280)
    known = killing.rows(platform, "cost-center", "Bill", "TENANTS")
    assert [row["sk"]["S"] for row in known].count(name) == 1


def test_a_delivery_whose_event_was_lost_is_swept(platform: Platform, tenant: str, tmp_path: Path) -> None:
    events = platform.client("events")
    (rule,) = [
        each["Name"] for each in events.list_rules()["Rules"] if "aws.s3" in each.get("EventPattern", "")
    ]
    events.disable_rule(Name=rule)
    try:
        key = put(platform, tenant, focus_bill(tmp_path, COSTS))
    finally:
        events.enable_rule(Name=rule)
    assert platform.rows("bills", "--tenant", tenant) == []
    sweep = killing.function(platform, "cost-center", LANDING_SWEEP)
    with killing.function_environment(platform, sweep, {"SWEEP_GRACE_MINUTES": "0"}):
        swept = wait_for(lambda: _healed(killing.invoke(platform, sweep, {})), "the sweep to find it")
    assert swept["failed"] == 0
    is_ingested_once(platform, tenant)
    (word,) = killing.facts(platform, tenant, "SweepHealed.v1")
    told: dict[str, Any] = json.loads(word["envelope"]["S"])["data"]
    assert told == {"sweep": "landing", "tenant": tenant, "healed": 1, "examples": [key]}


def _healed(answer: dict[str, int]) -> dict[str, int] | None:
    return answer if answer["healed"] else None


def test_a_killed_attempts_files_are_swept_and_published_ones_are_not(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    armed = killing.QUICK | killing.armed(tmp_path, "ingest: raw committed")
    with killing.task_environment(platform, "ingester", armed):
        put(platform, tenant, focus_bill(tmp_path, COSTS))
        is_ingested_once(platform, tenant)
    assert killing.struck(tmp_path)
    assert len(in_the_lake(platform, tenant)) == 3, "the dead attempt left one"
    sweep = killing.function(platform, "cost-center", ORPHAN_SWEEP)
    assert killing.invoke(platform, sweep, {})["failed"] == 0
    assert len(in_the_lake(platform, tenant)) == 3, "it is too young to be judged"
    with killing.function_environment(platform, sweep, {"ORPHAN_SAFE_HOURS": "0"}):
        swept = wait_for(lambda: _healed(killing.invoke(platform, sweep, {})), "the sweep to remove it")
    assert swept["failed"] == 0
    assert in_the_lake(platform, tenant) == set(killing.published_files(platform, tenant))
    is_ingested_once(platform, tenant)
    assert [json.loads(row["envelope"]["S"])["data"]["sweep"] for row in _words(platform, tenant)] == [
        "orphans"
    ]


def _words(platform: Platform, tenant: str) -> list[dict[str, Any]]:
    return killing.facts(platform, tenant, "SweepHealed.v1")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    """A platform that nobody else uses: it is killed as a whole, and seconds of its state with it."""
    one = Platform(free_port(), tmp_path / "home")
    started = one.onyx("up", timeout=300)
    try:
        assert started.returncode == 0, started.stderr + started.stdout
        yield one
    finally:
        one.onyx("down", timeout=60)


@long
@pytest.mark.timeout(900)
def test_the_platform_killed_ten_times_in_mid_ingest(own: Platform, tmp_path: Path) -> None:
    """Emulator and ingester die together, ten times while bills are under way; S3 heals the rest."""
    tenant = "acme"
    assert own.onyx("tenant", "create", tenant).returncode == 0
    listed = killing.function(own, "cost-center", LANDING_SWEEP)
    wait_for(lambda: killing.rows(own, "cost-center", "Bill", "TENANTS"), "the tenant to be on the list")
    own.http("POST", "/_onyx/snapshot")
    kills = 10
    with killing.task_environment(own, "ingester", killing.QUICK):
        own.http("POST", "/_onyx/snapshot")
        for number in range(kills):
            folder = tmp_path / str(number)
            folder.mkdir()
            bill = focus_bill(folder, COSTS, account=f"acct-{number}")
            put(own, tenant, bill, source=f"s{number}")
            doomed = {name: killing.process(own, name)["pid"] for name in ("emulator", "ingester")}
            for pid in doomed.values():
                os.kill(pid, signal.SIGKILL)
            wait_for(
                lambda doomed=doomed: all(  # type: ignore[misc]
                    killing.process(own, name).get("pid") not in (None, pid)
                    and killing.process(own, name)["health"] == "healthy"
                    for name, pid in doomed.items()
                ),
                f"kill {number}: the platform to be back",
            )
    with killing.function_environment(own, listed, {"SWEEP_GRACE_MINUTES": "0"}):
        killing.invoke(own, listed, {})

        def settled() -> list[dict[str, Any]] | None:
            bills = own.rows("bills", "--tenant", tenant)
            return bills if len(bills) == kills else None

        bills = wait_for(settled, "every bill", seconds=240)
    assert {bill["status"] for bill in bills} == {"ingested"}
    relay = killing.function(own, "cost-center", RELAY)
    wait_for(
        lambda: (
            killing.invoke(own, relay, {"sweep": True})
            and len(kept := killing.handled(own, tenant)) == kills
            and kept == killing.told(own, tenant)
        ),
        "every event at its consumer",
        seconds=240,
    )
    assert len(killing.facts(own, tenant, "BillIngested.v1")) == kills
    (row,) = own.rows("costs", "--tenant", tenant, "--metric", "BilledCost", "--granularity", "total")
    assert row["BilledCost"] == "37.50000000000000001"
