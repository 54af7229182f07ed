"""Task tokens: who waits for an answer, how long, and how long without a heartbeat."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.workflow.domain.asl_walker.paths import StatesError
from services.workflow.domain.asl_walker.strands import Strand, Strands, Wish

Answer = Mapping[str, Any]


@dataclass
class _Waiting:
    beaten: datetime
    answer: Answer | None = None
    wake: Callable[[Answer | StatesError], None] | None = None


class Tokens:
    """The tokens of one execution. A token is open from `issue` until its answer, or `close`."""

    def __init__(self, strands: Strands, execution: str) -> None:
        self._strands, self._execution = strands, execution
        self._waiting: dict[str, _Waiting] = {}
        self._issued = 0

    def issue(self) -> str:
        self._issued += 1
        token = f"{self._execution}/token-{self._issued}"
        self._waiting[token] = _Waiting(self._strands.now)
        return token

    def close(self, token: str) -> None:
        """What comes for it now comes too late."""
        self._waiting.pop(token)

    def succeed(self, token: str, answer: Answer) -> bool:
        """False where nobody waits for it any more."""
        waiting = self._waiting.get(token)
        if waiting is None or waiting.answer is not None:
            return False
        waiting.answer = json.loads(json.dumps(dict(answer)))
        if waiting.wake:
            waiting.wake(waiting.answer)
        return True

    def heartbeat(self, token: str) -> bool:
        """False where nobody waits for it any more."""
        waiting = self._waiting.get(token)
        if waiting is None or waiting.answer is not None:
            return False
        waiting.beaten = self._strands.now
        return True

    def answer(self, token: str, seconds: float, beat: int | None) -> Wish:
        """A wish: the answer, within `seconds`, and never `beat` seconds without a heartbeat."""
        waiting = self._waiting[token]

        def wait(strand: Strand) -> None:
            wake = waiting.wake = self._strands.waker(strand)
            if waiting.answer is not None:
                wake(waiting.answer)
            waiting.beaten = self._strands.now
            self._strands.later(seconds, lambda: wake(StatesError("States.Timeout")))
            if beat:
                self._watch(waiting, beat)

        return wait

    def _watch(self, waiting: _Waiting, beat: int) -> None:
        silent = (self._strands.now - waiting.beaten).total_seconds()
        if silent < beat:
            self._strands.later(beat - silent, lambda: self._watch(waiting, beat))
        elif waiting.wake:
            waiting.wake(StatesError("States.HeartbeatTimeout"))
