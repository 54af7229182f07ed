"""ECS task protection: a task that works on anything is not the one that scaling in stops."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from shared.observability import logger

_PATH = "/task-protection/v1/state"
_MINUTES = 120
_LOCK = threading.Lock()
_working = 0
_POOL = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=5))


@contextmanager
def protected() -> Iterator[None]:
    """Ask the ECS agent for protection while the block runs. Elsewhere than on ECS there is nothing to ask.

    Blocks may overlap: the last one to end gives the protection back. An agent that refuses is logged only:
    interrupted work is delivered again.
    """
    agent = os.environ.get("ECS_AGENT_URI")
    if not agent:
        yield
        return
    _count(agent, +1)
    try:
        yield
    finally:
        _count(agent, -1)


def _count(agent: str, change: int) -> None:
    """Protected while anything works; each begin asks again, for the time of its own."""
    global _working  # the task is one, and so is its protection
    with _LOCK:
        _working += change
        if change > 0:
            _set(agent, {"ProtectionEnabled": True, "ExpiresInMinutes": _MINUTES})
        elif not _working:
            _set(agent, {"ProtectionEnabled": False})


def _set(agent: str, state: dict[str, object]) -> None:
    try:
        answer = _POOL.request(
            "PUT", agent + _PATH, body=json.dumps(state), headers={"Content-Type": "application/json"}
        )
    except urllib3.exceptions.HTTPError:
        logger.exception("the ECS agent does not answer")
        return
    if answer.status != 200:
        logger.error(
            "the ECS agent refused task protection", status=answer.status, body=answer.data.decode()[:500]
        )
