"""Each task calls AWS under the role of its task definition, as on AWS.

Credentials are made once per role and platform and kept in a file, so that they outlive a restart of
the emulator; the emulator learns of them by reading it.
"""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from infra.local.state import WatchedFile, read_json, write_json


def issue(path: Path, roles: Iterable[str]) -> None:
    """Make credentials for each role that has none yet."""
    known = read_json(path) or {}
    for role in filter(None, roles):
        known.setdefault(
            role,
            {
                "AccessKeyId": f"ASIA{secrets.token_hex(8).upper()}",
                "SecretAccessKey": secrets.token_hex(20),
                "SessionToken": secrets.token_hex(32),
            },
        )
    write_json(path, known, mode=0o600)


def variables(path: Path, role: str) -> dict[str, str]:
    """The environment by which every SDK calls under `role`; none for a task without a role.

    KeyError where no credentials were issued.
    """
    if not role:
        return {}
    found = (read_json(path) or {})[role]
    return {
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["SessionToken"],
    }


class TaskRoles:
    """Tells the emulator, by `register(access key, session)`, of the roles in the file."""

    def __init__(self, path: Path, register: Callable[[str, dict[str, Any]], None]) -> None:
        self._file = WatchedFile(path)
        self._register = register

    def refresh(self) -> None:
        """To be called before each request; reads only what changed."""
        for role, credentials in (self._file.changed() or {}).items():
            account, name = role.split(":")[4], role.rpartition("/")[2]
            self._register(
                credentials["AccessKeyId"],
                {
                    "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/task",
                    "UserId": f"{name}:task",
                    "SecretAccessKey": credentials["SecretAccessKey"],
                    "SessionToken": credentials["SessionToken"],
                },
            )
