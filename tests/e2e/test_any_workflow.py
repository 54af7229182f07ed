"""Any workflows of two tenants, and everything that goes wrong: kills, duplicates, lies, cancels, retries."""

import json
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.lying_server import Receiver
from tests.e2e.random_workflows import AnyWorkflow, workflows
from tests.e2e.workflow_kills import LATER, SOON
from tests.e2e.workflow_site import ENDED, HANDLERS, Site, dead_letters

AGAIN = ("RunRequested.v1", "ActionFinished.v1", "ApprovalDecided.v1", "RunFinished.v1", "RunCancelled.v1")
DONE = {"status": 200, "headers": {}, "body": "seen by hand"}
SETTLED = 240
SOON_SECONDS = 10


@dataclass
class World:
    """What all examples share."""

    platform: Platform
    sites: list[Site]
    receiver: Receiver
    folder: Path
    kills: list[Any] = field(default_factory=lambda: [*SOON])
    seen: "Counter[str]" = field(default_factory=Counter)

    def function(self, handler: str) -> str:
        return killing.function(self.platform, "workflow", f"{HANDLERS}.{handler}.handler")


class AnyWorkflowAmidFaults(RuleBasedStateMachine):
    """One workflow of the same id in both tenants, its runs, and what happens to them."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.id = f"any-{uuid.uuid4().hex[:8]}"
        self.armed = ExitStack()
        self.mark = self.world.folder / self.id
        self.markers: dict[tuple[str, int], str] = {}
        self.versions: dict[str, int] = {}
        self.parents: dict[str, str] = {}
        self.redone: set[str] = set()
        self.not_done: Counter[str] = Counter()
        self.dead = dead_letters(self.world.platform)
        self.any: AnyWorkflow | None = None
        for site in self.world.sites:
            site.runs.clear()

    # --- what happens ---

    @initialize(
        made=workflows(), kill=st.deferred(lambda: st.sampled_from(AnyWorkflowAmidFaults.world.kills))
    )
    def published(self, made: AnyWorkflow, kill: tuple[str, str] | None) -> None:
        self.any = made
        for site in self.world.sites:
            self.publish(site)
        if kill is not None:
            self.mark.mkdir()
            handler, failpoint = kill
            variables = killing.armed(self.mark, failpoint)
            name = self.world.function(handler)
            self.armed.enter_context(killing.function_environment(self.world.platform, name, variables))
        for site in self.world.sites:
            self.started(site, n=2, twice=True)

    sites = st.deferred(lambda: st.sampled_from(AnyWorkflowAmidFaults.world.sites))
    which = st.integers(0, 9)
    """Of a site's runs. What is drawn must not depend on what the platform did, or it cannot be repeated."""

    @rule(site=sites, n=st.integers(0, 2), twice=st.booleans())
    def started(self, site: Site, n: int, twice: bool) -> None:
        asked: dict[str, Any] = {"inputs": {"n": n, "list": ["x"] * n}, "key": uuid.uuid4().hex}
        found = {site.ask("POST", f"/{self.id}/runs", **asked)["run"] for _ in range(2 if twice else 1)}
        (run,) = found
        site.runs.append(run)
        self.versions[run] = site.run(run)["version"]

    @rule(site=sites)
    def changed(self, site: Site) -> None:
        self.publish(site)

    @rule(site=sites)
    def paused(self, site: Site) -> None:
        site.ask("POST", f"/{self.id}/pause")
        refused = site.call("POST", f"/{self.id}/runs", inputs={}, key=uuid.uuid4().hex)
        assert (refused.status_code, refused.json()["code"]) == (409, "WORKFLOW_PAUSED")
        site.ask("POST", f"/{self.id}/resume")

    @rule(site=sites, kind=st.sampled_from(AGAIN))
    def told_again(self, site: Site, kind: str) -> None:
        found = [each for each in site.outbox(kind) if each["data"].get("run_id") in site.runs]
        site.send(*found[-5:])
        self.world.seen[f"again {kind}"] += len(found[-5:])

    @rule(site=sites, which=which)
    def dispatched_again(self, site: Site, which: int) -> None:
        """The state machine's own calls come at least once: so may each of them come again, at any time."""
        run = site.runs[which % len(site.runs)]
        asked = site.requests(run)
        name = self.world.function("dispatcher")
        for request in asked[-3:] + asked[:2]:
            answer = self.world.platform.client("lambda").invoke(
                FunctionName=name, Payload=json.dumps(request).encode()
            )
            answer["Payload"].read()  # a kill is an error here, and no matter
            self.world.seen[f"again {request['op']}"] += 1

    @rule(site=sites, which=which)
    def cancelled(self, site: Site, which: int) -> None:
        run = site.runs[which % len(site.runs)]
        answer = site.call("POST", f"/runs/{run}/cancel")
        assert answer.status_code == 200 or answer.json()["code"] == "RUN_ENDED", answer.text
        self.world.seen["cancelled"] += answer.status_code == 200

    @rule(site=sites, which=which, from_last=st.booleans())
    def retried(self, site: Site, which: int, from_last: bool) -> None:
        """By two operators at once, who get one run."""
        run = site.runs[which % len(site.runs)]
        before = self.soon_ended(site, run)
        steps = [each["step"] for each in site.steps(run) if not each["at"]]
        from_step = steps[-1] if steps and from_last else None
        answer = site.call("POST", f"/runs/{run}/retry", from_step=from_step)
        if answer.status_code != 202:
            codes = {"RUN_NOT_ENDED", "RUN_NOT_RETRYABLE", "RUN_RETRIED"}
            assert answer.json()["code"] in codes, answer.text
            return
        successor = answer.json()["run"]
        again = site.call("POST", f"/runs/{run}/retry", "admin", from_step=from_step)
        assert again.status_code == 409 or again.json()["run"] == successor, again.text
        if successor not in site.runs:
            site.runs.append(successor)
        self.versions[successor] = before["version"]
        self.parents[successor] = run
        if from_step is not None:
            self.redone.add(self.root(run))
        self.world.seen["retried"] += 1

    @rule(site=sites, approve=st.booleans(), twice=st.booleans())
    def decided(self, site: Site, approve: bool, twice: bool) -> None:
        """By the approver, at once by somebody else; never by who asked for the run."""
        for row in site.open_approvals():
            path = f"/approvals/{row['approval']}/decision"
            mine = site.call("POST", path, "operator", approve=True)
            assert mine.status_code in (403, 409), mine.text
            for role in ("approver", "approver", "analyst")[: 3 if twice else 1]:
                answer = site.call("POST", path, role, approve=approve)
                assert answer.status_code in (200, 409), answer.text
                self.world.seen["decided"] += answer.status_code == 200

    @rule(site=sites, succeeded=st.booleans(), lies=st.booleans())
    def answered(self, site: Site, succeeded: bool, lies: bool) -> None:
        """Also by one who was not asked, beside the engine that is."""
        for asked in site.outbox("ActionRequested.v1")[-3:]:
            self.world.seen["answered"] += 1
            site.answer(asked["data"], succeeded, lies)

    @rule(site=sites)
    def resolved(self, site: Site) -> None:
        for run in site.runs:
            self.resolve(site, run)

    # --- how it ends ---

    def teardown(self) -> None:
        try:
            if self.any is not None:
                self.end()
        finally:
            self.armed.close()

    def end(self) -> None:
        for site in self.world.sites:
            wait_for(partial(self.settled, site), f"the runs of {site.tenant} to end or to ask", SETTLED)
            for run in site.runs:
                self.resolve(site, run)
            wait_for(partial(self.ended, site), f"the runs of {site.tenant} to end", SETTLED)
            wait_for(partial(self.is_free, site), "every place to be given back", 60)
        assert dead_letters(self.world.platform) == self.dead
        for site, other in zip(self.world.sites, reversed(self.world.sites), strict=True):
            self.check(site, other)
        self.world.seen["killed"] += killing.struck(self.mark) is not None
        self.world.seen["runs"] += sum(len(site.runs) for site in self.world.sites)

    def settled(self, site: Site) -> bool:
        """Whether each run has ended, or shows what it waits for. Approvals are decided meanwhile."""
        for row in site.open_approvals():
            for role in ("approver", "analyst"):
                site.call("POST", f"/approvals/{row['approval']}/decision", role, approve=True)
        return all(site.run(run)["status"] in ENDED or self.unknown(site, run) for run in site.runs)

    def is_free(self, site: Site) -> bool:
        return site.places(self.id) == 0

    def sealed(self, site: Site, run: str) -> bool:
        return "run.finished" in site.acts(run)

    def ended(self, site: Site) -> bool:
        for run in site.runs:
            if site.run(run)["status"] not in ENDED:
                self.resolve(site, run)
        return self.settled(site) and all(site.run(run)["status"] in ENDED for run in site.runs)

    def check(self, site: Site, other: Site) -> None:
        statuses = Counter[str]()
        finished = Counter(each["data"]["run_id"] for each in site.outbox("RunFinished.v1"))
        receiver = self.world.receiver
        asked: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        for run in site.runs:
            found = site.run(run)
            statuses[found["status"]] += 1
            assert finished[run] == 1, f"{run} has ended {finished[run]} times"
            wait_for(partial(self.sealed, site, run), "the run to be sealed", 240)
            assert site.acts(run).count("run.finished") == 1
            assert found["version"] == self.versions[run], "a run keeps its version"
            marker = self.markers[site.tenant, found["version"]]
            if found["status"] == "succeeded":
                assert found["outputs"] == {"marker": marker}
            for step in site.steps(run):
                key = step["effect_key"]
                if receiver.asked[key]:
                    asked[self.root(run), step["at"], step["step"]].add(key)
                    self.check_effect(key, site.tenant, marker)
                    if not (step["input"] or {}).get("idempotent"):
                        assert receiver.asked[key] <= 1 + self.not_done[key], f"{step} was asked for twice"
                        assert receiver.effects[key] <= 1, f"{step} was done twice"
            assert other.call("GET", f"/runs/{run}").status_code == 404
        for (root, at, name), keys in asked.items():
            assert len(keys) == 1 or root in self.redone, f"{name} {at} of {root} has the keys {keys}"
        requested = [
            (each["data"]["effect_key"], each["data"]["attempt"])
            for each in site.outbox("ActionRequested.v1")
        ]
        assert len(requested) == len(set(requested)), "an attempt was asked for twice"
        self.world.seen.update(statuses)

    def check_effect(self, key: str, tenant: str, marker: str) -> None:
        bodies = self.world.receiver.bodies[key]
        assert all(each == bodies[0] for each in bodies), "one key, one input"
        assert (bodies[0]["tenant"], bodies[0]["marker"]) == (tenant, marker)

    # --- inside ---

    def publish(self, site: Site) -> None:
        assert self.any is not None
        marker = uuid.uuid4().hex[:8]
        source = self.any.source(self.id, tenant=site.tenant, marker=marker, server=self.world.receiver.url)
        self.markers[site.tenant, site.publish(self.id, source)] = marker

    def soon_ended(self, site: Site, run: str) -> dict[str, Any]:
        """The run as it is when it ends, or a little later."""
        until = time.monotonic() + SOON_SECONDS
        while (found := site.run(run))["status"] not in ENDED and time.monotonic() < until:
            pass
        return found

    def root(self, run: str) -> str:
        while run in self.parents:
            run = self.parents[run]
        return run

    def unknown(self, site: Site, run: str) -> list[dict[str, Any]]:
        return [each for each in site.steps(run) if each["status"] == "unknown"]

    def resolve(self, site: Site, run: str) -> None:
        """By somebody who looked it up where it should have happened."""
        for step in self.unknown(site, run):
            done = self.world.receiver.effects[step["effect_key"]] > 0
            said: dict[str, Any] = {"at": step["at"], "done": done, "output": DONE if done else None}
            answer = site.call("POST", f"/runs/{run}/steps/{step['step']}/resolve", **said)
            assert answer.status_code in (200, 409), answer.text
            self.not_done[step["effect_key"]] += not done and answer.status_code == 200
            self.world.seen["resolved"] += 1


@pytest.fixture(scope="module")
def world(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    receiver = Receiver()
    try:
        sites = [Site.create(platform) for _ in range(2)]
        yield World(platform, sites, receiver, tmp_path_factory.mktemp("any"))
    finally:
        receiver.close()


def run(world: World, examples: int, steps: int, **more: Any) -> None:
    AnyWorkflowAmidFaults.world = world
    run_state_machine_as_test(
        AnyWorkflowAmidFaults,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            # Each step costs real requests: what failed is told as it was found.
            phases=[Phase.explicit, Phase.generate],
            **more,
        ),
    )
    print(dict(sorted(world.seen.items())))  # noqa: T201
    assert world.seen["runs"] >= 2 * examples


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.timeout(900)
def test_every_run_ends_once_and_nothing_is_done_twice(world: World) -> None:
    run(world, examples=3, steps=6, derandomize=True)
    assert world.seen["succeeded"]
    assert sum(world.seen[each] for each in ("killed", "cancelled", "again begin", "again end"))


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.timeout(7200)
def test_many_more_workflows(world: World) -> None:
    world.kills = LATER
    run(world, examples=40, steps=15)
    assert all(world.seen[each] for each in ("killed", "succeeded", "cancelled", "retried"))
