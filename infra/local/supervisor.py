"""The one detached process that owns all others: the emulator and the tasks.

`python -m infra.local.supervisor --port N --home DIR --api NAME`. SIGTERM stops everything, the
tasks first; SIGHUP makes it read the plan again. One thread only, so that children are forked on
the thread that lives as long as it does.
"""

import argparse
import functools
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from infra.local.aws import client
from infra.local.children import Child, Command, stop_all
from infra.local.emulator import emulator_environment
from infra.local.plan import ServicePlan
from infra.local.processes import MARK
from infra.local.state import REPOSITORY, LocalState, read_json, write_json
from infra.local.tasks import Task, answers, task_environment

EMULATOR_HEALTH = "/_onyx/health"
_TICK = 0.1
_STATUS_INTERVAL = 2.0
_EMULATOR_STOP = 30.0


class Supervisor:
    def __init__(self, state: LocalState, api_name: str, *, enforce_iam: bool) -> None:
        self._state = state
        self._clients = functools.cache(functools.partial(client, url=state.url))
        variables = {**emulator_environment(state, api_name, enforce_iam=enforce_iam), MARK: str(state.root)}
        command = Command(
            [sys.executable, "-m", "infra.local.emulator"], str(REPOSITORY), lambda: variables, _EMULATOR_STOP
        )
        self._emulator = Child("emulator", command, state.logs / "emulator.log")
        self._emulator_answers = False
        self._emulator_ready = False  # it has answered since its start: tasks may run
        self._emulator_asked = 0.0
        self._tasks: list[Task] = []
        self._stopping = False
        self._reload = True
        self._reported = 0.0
        self._plan_id = ""

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        write_json(self._state.targets_file, {})
        while not self._stopping:
            changed = self._emulator_tick()
            if self._emulator_ready:
                if self._reload:
                    self._reload = False
                    self._adopt(self._read_plan())
                    changed = True
                ticks = [task.tick() for task in self._tasks]  # all of them, whatever the first says
                changed = changed or any(ticks)
            if changed:
                self._wire()
            if changed or time.monotonic() - self._reported > _STATUS_INTERVAL:
                self._report()
            time.sleep(_TICK)
        _say("stopping")
        stop_all([task.child for task in self._tasks])
        stop_all([self._emulator])
        write_json(self._state.targets_file, {})
        self._state.status_file.unlink(missing_ok=True)
        _say("stopped")

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _on_reload(self, number: int, frame: FrameType | None) -> None:
        self._reload = True

    def _emulator_tick(self) -> bool:
        if self._emulator.tick():
            self._emulator_answers = self._emulator_ready = False
            self._emulator_asked = 0.0
            _say(f"emulator {'pid ' + str(self._emulator.pid) if self._emulator.running else 'is gone'}")
            return True
        was = self._emulator_answers
        if time.monotonic() - self._emulator_asked > (2.0 if was else 0.05):
            self._emulator_answers = answers(self._state.port, EMULATOR_HEALTH)
            self._emulator_asked = time.monotonic()
            # Under load an answer may be late: what once answered and still runs is not taken from the tasks.
            self._emulator_ready = self._emulator_ready or self._emulator_answers
        return self._emulator_answers != was

    def _read_plan(self) -> tuple[str, list[ServicePlan]]:
        plan = read_json(self._state.plan_file) or {"id": "", "services": []}
        return plan["id"], [ServicePlan(**service) for service in plan["services"]]

    def _adopt(self, plan: tuple[str, list[ServicePlan]]) -> None:
        """Stop tasks whose definition is gone or changed; start what is missing."""
        self._plan_id, services = plan
        wanted = {service.name: service for service in services}
        kept: list[Task] = []
        leaving: list[Task] = []
        for task in self._tasks:
            service = wanted.get(task.plan.name)
            same = service is not None and service.same_task(task.plan)
            many = sum(other.plan.name == task.plan.name for other in kept)
            room = service is not None and many < service.count
            (kept if same and room else leaving).append(task)
        self._tasks = kept
        self._wire()  # no request goes to a task that is about to stop
        stop_all([task.child for task in leaving])
        for service in services:
            running = sum(task.plan.name == service.name for task in kept)
            for number in range(running, service.count):
                environment = functools.partial(task_environment, service, self._state, self._clients)
                log = self._state.logs / f"{service.name}.log"
                self._tasks.append(Task(service, number + 1, environment, log))
        _say(f"plan {self._plan_id}: {', '.join(f'{s.name} x{s.count}' for s in services) or 'no service'}")

    def _wire(self) -> None:
        targets: dict[str, list[str]] = {}
        for task in self._tasks:
            if task.healthy and task.base:
                for uri in task.plan.integrations:
                    targets.setdefault(uri, []).append(task.base)
        if targets != read_json(self._state.targets_file):
            write_json(self._state.targets_file, targets)

    def _report(self) -> None:
        self._reported = time.monotonic()
        tasks: list[dict[str, Any]] = [
            {
                "service": task.plan.name,
                "health": _health(task.child, task.healthy),
                "url": task.base,
                "context": task.plan.context,
                **task.child.describe(),
            }
            for task in self._tasks
        ]
        emulator = {
            "service": "emulator",
            "health": _health(self._emulator, self._emulator_answers),
            "url": self._state.url,
            **self._emulator.describe(),
        }
        seen = {"plan": self._plan_id, "at": time.time(), "processes": [emulator, *tasks]}
        write_json(self._state.status_file, seen)


def _health(child: Child, healthy: bool) -> str:
    if not child.running:
        return "failing" if child.last_error else "starting"
    return "healthy" if healthy else "starting"


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--enforce-iam", action="store_true")
    arguments = parser.parse_args()
    state = LocalState.of(arguments.port, arguments.home)
    _say(f"supervisor pid {os.getpid()} for {state.url}")
    Supervisor(state, arguments.api, enforce_iam=arguments.enforce_iam).run()


if __name__ == "__main__":
    main()
