"""A dispatcher that answers anything at all, for tests of the machine alone."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

from services.workflow.domain.asl_walker import Call, Fault, Walker
from services.workflow.domain.dispatch import Outcome
from shared.clock import iso

_FAULTS = (Fault.NONE,) * 12 + tuple(Fault)


class AnyReplies:
    """Replies and faults of `random`. Of a step it says `retry` at most twice in a row; calls with a token
    are answered sometimes at once, sometimes later, sometimes never, sometimes twice."""

    def __init__(self, random: Random, *, faulty: bool = True) -> None:
        self._random = random
        self._faulty = faulty
        self._retried: dict[tuple[str, str], int] = {}
        self.walker: Walker | None = None

    def __call__(self, call: Call) -> Mapping[str, Any]:
        if call.token is None:
            return self._reply(call)
        assert self.walker is not None
        for _ in range(self._random.choice((0, 1, 1, 1, 1, 2))):
            reply = self._reply(call)
            self.walker.later(self._random.choice((0, 1, 30)), self._send(call.token, reply))
        if self._faulty and self._random.random() < 0.1:
            raise RuntimeError("the function broke")
        return {"outcome": "pending"}

    def fault(self, call: Call) -> Fault:
        """For `Walker(fault=...)`: about every fifth call is broken somehow."""
        return self._random.choice(_FAULTS) if self._faulty else Fault.NONE

    def pick(self, count: int) -> int:
        """For `Walker(pick=...)`."""
        return self._random.randrange(count)

    def _send(self, token: str, reply: Mapping[str, Any]) -> Any:
        walker = self.walker
        assert walker is not None
        return lambda: walker.succeed(token, reply)

    def _reply(self, call: Call) -> Mapping[str, Any]:
        outcomes = [Outcome.OK] * 8 + [Outcome.SKIPPED, Outcome.FAILED, Outcome.EXPIRED, Outcome.STOP]
        place = (call.state, call.payload["at"])
        if call.payload["op"] in ("step", "expired") and self._retried.get(place, 0) < 2:
            outcomes.append(Outcome.RETRY)
        outcome = self._random.choice(outcomes)
        if outcome is Outcome.RETRY:
            self._retried[place] = self._retried.get(place, 0) + 1
        assert self.walker is not None
        until = self.walker.now + timedelta(seconds=self._random.choice((-5, 0, 30)))
        return {
            "outcome": outcome.value,
            "delay": self._random.choice((0, 1, 30)),
            "branch": self._random.choice((-1, 0, 1)) if outcome is Outcome.OK else -1,
            "items": [str(index) for index in range(self._random.choice((0, 1, 3)))],
            "until": iso(until),
            "code": "",
        }
