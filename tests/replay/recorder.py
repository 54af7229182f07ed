"""Records runs: all that went between the state machine, the dispatcher and the world, in order.

A recording is JSON: `definition` (text), `asl` (as compiled then, by `compiler`), `inputs`, `event`, and the
`timeline`. An entry of it has `seconds` since the run's start, and is one of
- `call`: a request of the machine and its `fault` (asl_walker.Fault), the `replies` that the dispatcher gave
  (none where it was lost, two where it came twice), and the `effects` that it had meanwhile;
- `ActionFinished`, `ApprovalDecided`, `RunCancelled`, `RunFinished`: an event that came;
- `decide`, `cancel`, `resolve`: what a person did.
Each may have `told` (answers to task tokens, and whether somebody waited), `stopped` and `started`
(executions).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from services.workflow.application.answers import Answers
from services.workflow.application.cancel import Cancel
from services.workflow.application.dispatch import Dispatch
from services.workflow.application.resolve import Resolve
from services.workflow.domain.asl_walker import EPOCH, Call, Fault
from services.workflow.domain.naming import run_id
from services.workflow.domain.parsing import parse
from services.workflow.domain.ports import Published
from services.workflow.domain.registry import Registry
from services.workflow.domain.run import Run, RunStatus
from services.workflow.domain.runtime_ports import ActionCall, ActionFailed
from services.workflow.events import ApprovalDecided, RunCancelled, RunFinished
from shared.actions import ActionFinished, ActionRequested
from shared.json_text import plain
from tests.fakes.workflow_definitions import ACTIONS
from tests.fakes.workflow_runtime import ACME, Executions, World, person

VERSION = 3
RECORDED = (ActionFinished, ApprovalDecided, RunCancelled, RunFinished)
Entry = dict[str, Any]
Effect = Mapping[str, Any]
"""`output`, or `error` (the fields of ActionFailed)."""


class Recorder(World):
    """`faults` and `effects_of` say what calls and inline actions come to; `taken`, whether somebody waits
    for a token (None: as the machine does)."""

    def __init__(self) -> None:
        super().__init__(ACTIONS)
        self.timeline: list[Entry] = []
        self.executions = _Recording(self)
        self.runtime = replace(self.runtime, callbacks=self.executions)
        self.dispatch = Dispatch(self.runtime)
        self.answers = Answers(self.runtime)
        self.resolve = Resolve(self.runtime)
        self.cancel = Cancel(
            self.runs, self.versions, self.executions, self.audit, self.clock, self.failpoint
        )
        self.effects.does = self._do
        self.fault = self._begin_call
        self.faults: Callable[[Call], Fault] = lambda call: Fault.NONE
        self.effects_of: Callable[[ActionCall], Effect] = lambda call: {"output": {"id": call.effect_key}}
        self.taken: Callable[[], bool | None] = lambda: None

    def published(self, text: str, asl: str) -> Published:
        """The version, with a machine as it was compiled at some time."""
        definition = parse(text, Registry(ACTIONS.values()))
        machine = f"arn:aws:states:::stateMachine:{ACME}_{definition.id}:{VERSION}"
        self.machines[machine] = json.loads(asl)
        made = Published(definition.id, VERSION, text, definition, asl, machine, "ann", EPOCH, "")
        self.versions.rows[ACME, definition.id, VERSION] = made
        return made

    def begin(self, published: Published, inputs: Mapping[str, Any], event: Any) -> str:
        """A run that has its place, and its execution; its id."""
        made = Run(
            id=run_id(ACME, published.workflow, "manual", "recorded"),
            workflow=published.workflow,
            version=VERSION,
            status=RunStatus.STARTING,
            trigger="manual",
            cause="recorded",
            started_by="ann",
            created_at=EPOCH,
            inputs=inputs,
            event=event,
        )
        self.runs.create(ACME, made)
        self.launch(ACME, made.id)
        return made.id

    def note(self, kind: str, **facts: Any) -> Entry:
        """A new entry of the timeline: what follows is told to it."""
        entry = {"kind": kind, "seconds": (self.clock.now() - EPOCH).total_seconds(), **facts}
        self.timeline.append(entry)
        return entry

    def _begin_call(self, call: Call) -> Fault:
        self.clock.reach(self.executions.walkers[call.payload["execution"]].now)
        fault = self.faults(call)
        self.note("call", request=dict(call.payload), fault=fault.value, replies=[], effects=[])
        return fault

    def called(self, call: Call) -> Mapping[str, Any]:
        reply = super().called(call)
        self.timeline[-1]["replies"].append(plain(reply))
        return reply

    def _do(self, call: ActionCall) -> Mapping[str, Any]:
        effect = self.effects_of(call)
        self.timeline[-1]["effects"].append(effect)
        if "error" in effect:
            raise ActionFailed(**effect["error"])
        output: Mapping[str, Any] = effect["output"]
        return output

    def handle(
        self,
        tenant: Any,
        event: object,
        provider: Callable[[ActionRequested], ActionFinished | None] | None = None,
    ) -> None:
        if isinstance(event, RECORDED):
            self.note(type(event).__name__, event=event.model_dump(mode="json"))
        super().handle(tenant, event, provider)

    def decide(self, approval: str, who: str, approve: bool) -> None:
        self.note("decide", approval=approval, who=who, approve=approve)
        self.approving.decide(person(who), approval, approve)

    def stop_run(self, run: str, who: str) -> None:
        self.note("cancel", run=run, who=who)
        self.cancel(ACME, run, who)

    def resolve_step(self, run: str, step: str, who: str, output: Mapping[str, Any]) -> None:
        self.note("resolve", run=run, step=step, who=who, output=output)
        self.resolve(person(who), run, step, "", done=True, output=output)

    def end_of(self, run: str) -> Mapping[str, Any]:
        """What a run came to, and what the journal says of its steps."""
        row = self.run(run)
        return {
            "status": row.status.value,
            "outputs": plain(row.outputs),
            "failure": None if row.failure is None else [row.failure.code, row.failure.step, row.failure.at],
            "steps": sorted(
                [each.at, each.step, each.status.value, plain(each.output)]
                for each in self.journal.every(ACME, run)
            ),
        }


class _Recording(Executions):
    """Notes what is told, stopped and started."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def start(self, machine: str, name: str, input: Mapping[str, Any]) -> bool:
        if self._recorder.timeline:
            self._recorder.timeline[-1].setdefault("started", []).append([name, dict(input)])
        return super().start(machine, name, input)

    def stop(self, machine: str, name: str, cause: str) -> None:
        self._recorder.timeline[-1].setdefault("stopped", []).append(name)
        super().stop(machine, name, cause)

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        recorded = self._recorder.taken()
        taken = super().succeed(token, output) if recorded is None else recorded
        self._recorder.timeline[-1].setdefault("told", []).append([token, plain(output), taken])
        return taken
