"""ECS task protection: a task that works on a bill is not the one that scaling in stops."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from shared.observability import logger

_PATH = "/task-protection/v1/state"
_MINUTES = 120
_POOL = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=5))


@contextmanager
def protected() -> Iterator[None]:
    """Ask the ECS agent for protection while the block runs. Elsewhere than on ECS there is nothing to ask.

    An agent that refuses is logged only: an interrupted bill is delivered again.
    """
    agent = os.environ.get("ECS_AGENT_URI")
    if not agent:
        yield
        return
    _set(agent, {"ProtectionEnabled": True, "ExpiresInMinutes": _MINUTES})
    try:
        yield
    finally:
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
