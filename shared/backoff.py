"""How long a failed message stays out of sight before it is delivered again."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

LONGEST_VISIBILITY = timedelta(hours=12)
"""The limit of SQS."""


@dataclass(frozen=True)
class Backoff:
    """Exponential with jitter: `base` doubles with every receive up to `cap`; half of it is random.

    A message that will never be handled (`poison`) comes back after one second each time: waiting cannot
    help it, and its place is the DLQ.
    """

    base: timedelta = timedelta(seconds=4)
    cap: timedelta = timedelta(minutes=5)
    uniform: Callable[[float, float], float] = field(default=random.SystemRandom().uniform)

    def seconds(self, receive_count: int, *, poison: bool = False) -> int:
        """Whole seconds, at least 1, for a message received `receive_count` times (from 1)."""
        if poison:
            return 1
        # The exponent is bounded before it is raised: a count has no limit, a float has.
        doublings = min(max(receive_count, 1) - 1, 32)
        full = min(self.cap, LONGEST_VISIBILITY).total_seconds()
        full = min(full, self.base.total_seconds() * 2**doublings)
        return max(1, math.ceil(self.uniform(full / 2, full)))
