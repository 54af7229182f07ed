"""`onyx up`, `down`, `status` and `logs` as an object: what the commands and the tests use."""

import fcntl
import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import processes, synth, task_roles
from infra.local.assembly import StackArtifact, read_assembly
from infra.local.aws import ACCOUNT, REGION, client
from infra.local.deploy import Deployer
from infra.local.plan import read_services
from infra.local.processes import ProcessId
from infra.local.state import REPOSITORY, LocalState, read_json, write_json

Step = Callable[[str], AbstractContextManager[None]]

_EMULATOR_DEADLINE = 60.0
_TASKS_DEADLINE = 60.0
_STOP_DEADLINE = 90.0
ENVIRONMENT = "local"


class PlatformError(RuntimeError):
    """The platform could not be started, reached or stopped; the message is for the user."""


@dataclass(frozen=True)
class ServiceStatus:
    """One process of the platform. `uptime` in seconds."""

    service: str
    pid: int | None
    uptime: float
    restarts: int
    health: str
    url: str | None


@contextmanager
def silent(_title: str) -> Iterator[None]:
    """A `Step` that shows nothing."""
    yield


class Platform:
    """The platform on one port of this machine.

    `repository` holds `app.py`. `synth_cache` keeps the synthesized templates: `ONYX_SYNTH_CACHE` where
    platforms should share them, else the state folder. With `enforce_iam` (default; `ONYX_IAM=off` is
    the way out) functions and tasks may do only what their own roles' policies allow.
    """

    def __init__(
        self, state: LocalState, repository: Path = REPOSITORY, synth_cache: Path | None = None
    ) -> None:
        self.state = state
        self.repository = repository
        shared = os.environ.get("ONYX_SYNTH_CACHE")
        self.enforce_iam = os.environ.get("ONYX_IAM", "enforce") != "off"
        self.synth_cache = synth_cache or (Path(shared).absolute() if shared else state.root)
        self._clients = functools.cache(functools.partial(client, url=state.url))

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS endpoint."""
        return self._clients(service)

    # -- up

    def up(self, step: Step = silent) -> None:
        """Synthesize, start, deploy and wait until every service is healthy; then leave it running.

        Idempotent: on a running platform it deploys what changed. Raises PlatformError,
        SynthesisError, DeploymentError or PlanError.
        """
        self.state.create()
        with self._exclusive():
            with step("Synthesize the templates"):
                assembly, _cached = synth.synthesize(self.repository, self.synth_cache, ENVIRONMENT)
                stacks = read_assembly(assembly, ACCOUNT, REGION)
            with step("Start the local AWS"):
                self._start_supervisor(assembly)
            deployer = Deployer(self._clients, self.state.url)
            deployer.bootstrap()
            for stack in stacks:
                with step(f"Deploy {stack.name}"):
                    deployer.deploy(stack)
            with step("Start the services"):
                self._run_services(stacks)
            with step("Keep the state"):
                self.snapshot()
            if self.synth_cache == self.state.root:  # a shared one may hold what another runs from
                rows = (read_json(self.state.status_file) or {}).get("processes", [])
                contexts = [Path(row["context"]).parent for row in rows if "context" in row]
                synth.prune(self.synth_cache, {assembly, *contexts})

    def _start_supervisor(self, assembly: Path) -> None:
        running = self.supervisor()
        machinery = self._machinery()
        known = read_json(self.state.platform_file) or {}
        if running and known.get("machinery") != machinery:
            self._stop(running)
            running = None
        if not running:
            self._require_free_port()
            processes.sweep(self.state.root)
            running = self._spawn_supervisor()
        write_json(
            self.state.platform_file,
            {
                "port": self.state.port,
                "url": self.state.url,
                "pid": running.pid,
                "started": running.started,
                "machinery": machinery,
                "assembly": str(assembly),
                "environment": ENVIRONMENT,
            },
        )
        self._wait_for_emulator(running)

    def _machinery(self) -> str:
        """A change of the wrapper itself needs a new supervisor."""
        sources = sorted((REPOSITORY / "infra" / "local").rglob("*.py"))
        return f"{synth.content_hash(iter(sources), REPOSITORY)} iam={self.enforce_iam}"

    def _require_free_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.state.port))
            except OSError as error:
                # Leftovers of our own are swept first; then it must be another's.
                processes.sweep(self.state.root)
                try:
                    probe.bind(("127.0.0.1", self.state.port))
                except OSError:
                    raise PlatformError(
                        f"port {self.state.port} is in use by another program; choose one with --port"
                    ) from error

    def _spawn_supervisor(self) -> ProcessId:
        command = [
            sys.executable, "-m", "infra.local.supervisor",
            "--port", str(self.state.port), "--home", str(self.state.home), "--api", f"onyx-{ENVIRONMENT}",
            *(["--enforce-iam"] if self.enforce_iam else []),
        ]  # fmt: skip
        self.state.status_file.unlink(missing_ok=True)
        self.state.plan_file.unlink(missing_ok=True)  # nothing runs before it is deployed anew
        with (self.state.logs / "supervisor.log").open("ab") as log:
            # Not a child of anything that ends with this command: its own session, no terminal.
            started = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, processes.MARK: str(self.state.root)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _detached.append(started)
        identity = processes.identify(started.pid)
        if identity is None:
            raise PlatformError(f"the supervisor ended at once; see {self.state.logs / 'supervisor.log'}")
        return identity

    def _wait_for_emulator(self, supervisor: ProcessId) -> None:
        deadline = time.monotonic() + _EMULATOR_DEADLINE
        while time.monotonic() < deadline:
            if self._get("/_onyx/health") == 200:
                return
            if not supervisor.alive():
                raise PlatformError(f"the supervisor ended; see {self.state.logs / 'supervisor.log'}")
            emulator = next((row for row in self.processes() if row.service == "emulator"), None)
            if emulator and emulator.restarts >= 3:
                break
            time.sleep(0.05)
        raise PlatformError(f"the emulator does not start; see {self.state.logs / 'emulator.log'}")

    def _get(self, path: str, method: str = "GET") -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.state.port, timeout=30)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _run_services(self, stacks: list[StackArtifact]) -> None:
        services = read_services(stacks, self._clients)
        task_roles.issue(self.state.roles_file, {service.role for service in services})
        identifier = uuid.uuid4().hex[:12]
        plan = {"id": identifier, "services": [service.to_json() for service in services]}
        write_json(self.state.plan_file, plan)
        running = self.supervisor()
        if running is None:
            raise PlatformError(f"the supervisor ended; see {self.state.logs / 'supervisor.log'}")
        os.kill(running.pid, signal.SIGHUP)
        # Tasks of an older plan may take their time to finish what they are at.
        patience = _TASKS_DEADLINE + max((service.stop_timeout for service in services), default=0.0)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            status = read_json(self.state.status_file) or {}
            rows = [row for row in status.get("processes", []) if row["service"] != "emulator"]
            if status.get("plan") == identifier:
                if all(row["health"] == "healthy" for row in rows):
                    return
                if row := next((row for row in rows if row["restarts"] >= 3), None):
                    raise PlatformError(
                        f"{row['service']} does not stay up: {row['last_error']}\n"
                        + "\n".join(tail(self.state.logs / f"{row['service']}.log", 15))
                    )
            time.sleep(0.05)
        raise PlatformError(f"the services are not healthy after {patience:.0f} s; see `onyx status`")

    def snapshot(self) -> None:
        """Write the state to disk now."""
        if self._get("/_onyx/snapshot", "POST") != 200:
            raise PlatformError(f"the state could not be written; see {self.state.logs / 'emulator.log'}")

    # -- down

    def down(self) -> bool:
        """Stop everything, the emulator after the tasks; False where nothing ran."""
        if not self.state.root.is_dir():
            return False
        with self._exclusive():
            running = self.supervisor()
            if running:
                self._stop(running)
            swept = processes.sweep(self.state.root)
            self.state.platform_file.unlink(missing_ok=True)
            self.state.status_file.unlink(missing_ok=True)
            return running is not None or swept > 0

    def _stop(self, supervisor: ProcessId) -> None:
        everything = [supervisor, *processes.marked(self.state.root)]
        os.kill(supervisor.pid, signal.SIGTERM)
        if left := processes.wait_gone(everything, _STOP_DEADLINE):
            for process in left:
                processes.signal_group(process.pid, signal.SIGKILL)
            if processes.wait_gone(left, 5.0):
                raise PlatformError(f"processes do not end: {[process.pid for process in left]}")
        for started in _detached:
            started.poll()  # where we started it ourselves, take its exit status

    # -- status and logs

    def supervisor(self) -> ProcessId | None:
        """The running supervisor: the recorded pid, verified by its start time and its mark."""
        known = read_json(self.state.platform_file)
        if not known:
            return None
        identity = ProcessId(int(known["pid"]), str(known["started"]))
        if identity.alive() and identity in list(processes.marked(self.state.root)):
            return identity
        return None

    def running(self) -> bool:
        return self.supervisor() is not None

    def processes(self) -> list[ServiceStatus]:
        """What the supervisor last saw, the supervisor itself first; empty where nothing runs."""
        status = read_json(self.state.status_file) or {}
        fields = ("service", "pid", "uptime", "restarts", "health", "url")
        return [ServiceStatus(**{name: row[name] for name in fields}) for row in status.get("processes", [])]

    def status(self) -> list[ServiceStatus]:
        """Every process, supervisor first; empty where the platform does not run."""
        supervisor = self.supervisor()
        if supervisor is None:
            return []
        uptime = time.time() - self.state.platform_file.stat().st_mtime
        first = ServiceStatus("supervisor", supervisor.pid, round(uptime, 1), 0, "healthy", None)
        return [first, *self.processes()]

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        self.state.root.mkdir(parents=True, exist_ok=True)
        with self.state.lock_file.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PlatformError(f"another `onyx up` or `down` works on port {self.state.port}") from error
            yield


# Supervisors that this process started: kept, so that none is reported as never waited for.
_detached: list["subprocess.Popen[bytes]"] = []


def tail(path: Path, lines: int) -> list[str]:
    """The last `lines` lines of a log; empty where there is none."""
    if not path.is_file() or lines == 0:
        return []
    with path.open("rb") as file:
        size = start = file.seek(0, os.SEEK_END)
        text = b""
        while start > 0 and text.count(b"\n") <= lines:
            start = max(0, start - 65536)
            file.seek(start)
            text = file.read(size - start)
    return text.decode(errors="replace").splitlines()[-lines:]
