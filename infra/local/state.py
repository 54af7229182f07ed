"""Where one local platform keeps what it knows: a folder per port under `.onyx/`."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_PORT = 8420
REPOSITORY = Path(__file__).resolve().parents[2]


def default_home() -> Path:
    """`ONYX_HOME`, or `.onyx` in the repository."""
    return Path(os.environ.get("ONYX_HOME") or REPOSITORY / ".onyx").absolute()


@dataclass(frozen=True)
class LocalState:
    """The files of the platform on `port`. Every path is absolute."""

    port: int
    home: Path

    @classmethod
    def of(cls, port: int, home: Path | None = None) -> "LocalState":
        return cls(port=port, home=(home or default_home()).absolute())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> Path:
        return self.home / str(self.port)

    @property
    def platform_file(self) -> Path:
        """{port, url, pid, started, machinery, assembly}: written by `up`, removed by `down`."""
        return self.root / "platform.json"

    @property
    def plan_file(self) -> Path:
        """The services to run, as read from the deployed stacks (see plan.py)."""
        return self.root / "plan.json"

    @property
    def status_file(self) -> Path:
        """What the supervisor last saw of each process."""
        return self.root / "status.json"

    @property
    def targets_file(self) -> Path:
        """{integration URI: [base URL of each healthy task]}, read by the emulator."""
        return self.root / "targets.json"

    @property
    def roles_file(self) -> Path:
        """{role ARN: credentials of the tasks that run under it}, read by supervisor and emulator."""
        return self.root / "roles.json"

    @property
    def lock_file(self) -> Path:
        """Held by whoever changes the platform (`up`, `down`), so that two do not meet."""
        return self.root / "lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    @property
    def emulator(self) -> Path:
        """Signing keys and function code, which the emulator writes by itself."""
        return self.root / "emulator"

    @property
    def generations(self) -> Path:
        """Snapshots, one folder each; the newest is what a start reads."""
        return self.emulator / "generations"

    @property
    def objects(self) -> Path:
        """S3 object bodies: on disk as soon as a PUT is acknowledged."""
        return self.root / "s3"

    def create(self) -> None:
        for folder in (self.root, self.logs, self.tmp, self.generations, self.objects):
            folder.mkdir(parents=True, exist_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, or None where there is no (whole) file."""
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: Path, value: dict[str, Any], mode: int = 0o644) -> None:
    """Replace `path` in one rename, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_text(json.dumps(value, indent=1, sort_keys=True))
    draft.replace(path)


class WatchedFile:
    """A JSON file that another process replaces by rename."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = (0, 0)

    def changed(self) -> dict[str, Any] | None:
        """Its content if it is not what the last call saw (an empty object where it is gone), else None."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            stamp = None
        else:
            stamp = (found.st_ino, found.st_mtime_ns)  # a new inode even within one tick of the clock
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        return read_json(self._path) or {}
