"""Runs of earlier versions still run: recordings are never changed, and hold after every change.

ONYX_WRITE_RECORDINGS=1 writes what is missing for today's compiler beside the older ones.
"""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.workflow.domain.asl_walker import EPOCH, Call, Fault, Walker
from services.workflow.domain.compiler import COMPILER, compile
from services.workflow.domain.naming import execution_input
from services.workflow.domain.parsing import parse
from services.workflow.domain.registry import Registry
from tests.fakes.asl_validator import findings
from tests.fakes.workflow_definitions import ACTIONS
from tests.fakes.workflow_runtime import ACME, ARN
from tests.replay.recorder import RECORDED, VERSION, Recorder
from tests.replay.scenarios import SCENARIOS, Scenario

FOLDER = Path(__file__).parent / "recordings"
EVENTS = {each.__name__: each for each in RECORDED}
Recording = Mapping[str, Any]


def compiled(text: str) -> str:
    definition = parse(text, Registry(ACTIONS.values()))
    return compile(definition, tenant=ACME, version=VERSION, dispatcher_arn=ARN, actions=ACTIONS).text


def recorded(scenario: Scenario) -> Recording:
    recorder = Recorder()
    recorder.faults, recorder.effects_of = scenario.fault, scenario.effects_of
    asl = compiled(scenario.definition)
    published = recorder.published(scenario.definition, asl)
    run = recorder.begin(published, scenario.inputs, scenario.event)
    scenario.people(recorder, run)
    recorder.run_to_end(scenario.provider)
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            {
                "compiler": COMPILER,
                "definition": scenario.definition,
                "asl": asl,
                "inputs": scenario.inputs,
                "event": scenario.event,
                "run": run,
                "timeline": recorder.timeline,
                "end": recorder.end_of(run),
            }
        )
    )


@pytest.fixture(scope="session", autouse=True)
def _write_what_is_missing() -> None:
    if os.environ.get("ONYX_WRITE_RECORDINGS") != "1":
        return
    for name, scenario in SCENARIOS.items():
        path = FOLDER / str(COMPILER) / f"{name}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(recorded(scenario), indent=1, sort_keys=True) + "\n")


def recordings() -> list[Any]:
    paths = sorted(FOLDER.glob("*/*.json"))
    return [pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in paths]


@pytest.fixture
def recording(request: pytest.FixtureRequest) -> Recording:
    return json.loads(request.param.read_text())  # type: ignore[no-any-return]


replayed = pytest.mark.parametrize("recording", recordings(), indirect=True)


def test_every_scenario_is_recorded_with_todays_compiler() -> None:
    """If this fails after a change of the compiler: count COMPILER up, and write recordings."""
    for name, scenario in SCENARIOS.items():
        kept = json.loads((FOLDER / str(COMPILER) / f"{name}.json").read_text())
        assert kept["definition"] == scenario.definition, name
        assert kept["asl"] == compiled(scenario.definition), name


@replayed
def test_a_machine_asks_what_it_asked_then(recording: Recording) -> None:
    _Machine(recording).replay()


@replayed
def test_the_dispatcher_replies_what_it_replied_then(recording: Recording) -> None:
    _Dispatcher(recording).replay()


def test_every_recorded_machine_is_valid() -> None:
    texts = [json.loads(path.values[0].read_text())["asl"] for path in recordings()]
    assert len(texts) >= 8
    assert not [found for found in findings(texts) if found]


def moment(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


class _Machine:
    """Executions of the recorded ASL, which are fed with what was recorded."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._walkers: dict[str, Walker] = {}
        self._start(recording["run"], execution_input(recording["run"]), 0)
        self._entry: Mapping[str, Any] = {}
        self._made = 0
        self._replies: Iterator[Mapping[str, Any]] = iter(())

    def replay(self) -> None:
        calls = 0
        for entry in self._recording["timeline"]:
            self._entry = entry
            if entry["kind"] == "call":
                calls += 1
                self._replies = iter(entry["replies"])
                walker = self._walkers[entry["request"]["execution"]]
                walker.run(until=lambda calls=calls: self._made == calls)  # type: ignore[misc]
                assert self._made == calls, f"{entry['request']} is not asked any more"
            else:
                self._tell(entry)
        for walker in self._walkers.values():
            self._entry = {}
            walker.run()

    def _tell(self, entry: Mapping[str, Any]) -> None:
        for walker in self._walkers.values():
            self._reach(walker, entry["seconds"])
        for token, answer, taken in entry.get("told", []):
            assert self._walkers[token.partition("/")[0]].succeed(token, answer) is taken
        for name in entry.get("stopped", []):
            self._walkers[name].stop()
        for name, input in entry.get("started", []):
            self._start(name, input, entry["seconds"])

    def _reach(self, walker: Walker, seconds: float) -> None:
        left = seconds - (walker.now - EPOCH).total_seconds()
        if left > 0:
            reached: list[bool] = []
            walker.later(left, lambda: reached.append(True))
            walker.run(until=lambda: bool(reached))

    def _start(self, name: str, input: Mapping[str, Any], seconds: float) -> None:
        self._walkers[name] = Walker(
            json.loads(self._recording["asl"]),
            self._reply,
            name=name,
            input=input,
            fault=self._called,
            now=moment(seconds),
        )

    def _called(self, call: Call) -> Fault:
        assert self._entry.get("kind") == "call", f"{call.payload} was not asked then"
        assert dict(call.payload) == self._entry["request"]
        self._made += 1
        return Fault(self._entry["fault"])

    def _reply(self, call: Call) -> Mapping[str, Any]:
        reply = next(self._replies)
        if reply is not None and call.token:
            for token, answer, _ in self._entry.get("told", []):
                self._walkers[token.partition("/")[0]].succeed(token, answer)
        return reply


class _Dispatcher:
    """Today's use cases, asked what was asked, in a world that answers what it answered."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._then: Mapping[str, Any] = {}
        recorder = self._recorder = Recorder()
        recorder.effects_of = lambda call: next(self._effects)
        recorder.taken = lambda: next(self._taken)
        published = recorder.published(recording["definition"], recording["asl"])
        assert recorder.begin(published, recording["inputs"], recording["event"]) == recording["run"]
        self._effects: Iterator[Mapping[str, Any]] = iter(())
        self._taken: Iterator[bool] = iter(())

    def replay(self) -> None:
        for then in self._recording["timeline"]:
            self._effects = iter(then.get("effects", []))
            self._taken = iter([taken for _, _, taken in then.get("told", [])])
            self._recorder.clock.reach(moment(then["seconds"]))
            self._act(then)
            now = json.loads(json.dumps(self._recorder.timeline[-1]))
            assert now == then
        assert json.loads(json.dumps(self._recorder.end_of(self._recording["run"]))) == self._recording["end"]

    def _act(self, then: Mapping[str, Any]) -> None:
        recorder = self._recorder
        match then["kind"]:
            case "call":
                recorder.note("call", request=then["request"], fault=then["fault"], replies=[], effects=[])
                for _ in then["replies"]:
                    recorder.called(Call("", 1, then["request"], then["request"].get("token")))
            case "decide":
                recorder.decide(then["approval"], then["who"], then["approve"])
            case "cancel":
                recorder.stop_run(then["run"], then["who"])
            case "resolve":
                recorder.resolve_step(then["run"], then["step"], then["who"], then["output"])
            case kind:
                recorder.handle(ACME, EVENTS[kind](**then["event"]))
