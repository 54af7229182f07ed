"""Many matching events at once: one run each, within the declared limit, and others are not held up."""

import json
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events import Envelope
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.workflow_site import ENDED, Site, dead_letters

EVENTS = 500
STEP = [{"id": "seen", "action": "set", "with": {"impact": "${inputs.impact}"}}]
TRIGGER = {"name": "found", "event": "AnomalyDetected.v1", "pattern": {"severity": ["high"]}}
TRIGGER |= {"inputs": {"impact": "${event.impact}"}}


def source(id: str, **more: Any) -> str:
    document = {
        "id": id,
        "title": id,
        "inputs": {"impact": {"type": "decimal", "default": "0"}},
        "steps": STEP,
    }
    return json.dumps({**document, **more})


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_storm_of_one_tenant(platform: Platform) -> None:
    """Each event asks for a run of each of two workflows: one delays what is over its limit, one refuses."""
    storming, quiet = Site.create(platform), Site.create(platform)
    before = dead_letters(platform)
    storming.publish("delays", source("delays", triggers=[TRIGGER], limits={"concurrency": 5}))
    storming.publish(
        "refuses", source("refuses", triggers=[TRIGGER], limits={"concurrency": 2, "on_limit": "refuse"})
    )
    quiet.publish("quiet", source("quiet", triggers=[{"name": "by-hand", "manual": True}]))
    alone = seconds_of_a_run(quiet)

    events = [told(storming.tenant, number) for number in range(EVENTS)]
    storming.send(*events)
    storming.send(*events[:50])  # some come twice
    beside = seconds_of_a_run(quiet)
    waiting = 2 * EVENTS - storming.told("RunFinished.v1")
    # One process does the work of both here, so seconds tell little: it has not waited for the storm's end.
    assert waiting > 0, "a run of another tenant ended after the whole storm"
    wait_for(lambda: storming.told("RunFinished.v1") >= 2 * EVENTS, "every run to end", 3000)
    finished = [each["data"] for each in storming.outbox("RunFinished.v1")]
    assert len({each["run_id"] for each in finished}) == len(finished) == 2 * EVENTS
    statuses = {
        id: Counter(each["status"] for each in finished if each["workflow"] == id)
        for id in ("delays", "refuses")
    }
    print(statuses, f"{alone:.1f} s alone, {beside:.1f} s beside, {waiting} left")  # noqa: T201
    assert statuses["delays"] == {"succeeded": EVENTS}, "what is delayed is done"
    assert statuses["refuses"].keys() <= {"succeeded", "refused"}
    assert statuses["refuses"]["succeeded"] >= 2
    wait_for(lambda: not any(map(storming.places, statuses)), "every place to be given back")
    assert dead_letters(platform) == before


def told(tenant: str, impact: int) -> dict[str, Any]:
    env = Envelope(
        id=uuid.uuid4().hex,
        source="onyx.anomalies",
        type="AnomalyDetected.v1",
        time=datetime.now(UTC),
        dataschema="urn:test",
        tenantid=tenant,
        subject="a",
        data={"severity": "high", "impact": str(impact)},
    )
    return dict(json.loads(env.model_dump_json(exclude_none=True)))


def seconds_of_a_run(site: Site) -> float:
    began = time.monotonic()
    run = site.ask("POST", "/quiet/runs", inputs={}, key=uuid.uuid4().hex)["run"]
    wait_for(lambda: site.run(run)["status"] in ENDED, "a quiet run", 300)
    assert site.run(run)["status"] == "succeeded"
    return time.monotonic() - began
