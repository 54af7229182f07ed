"""What one evaluation may use. Every loop and every text that an expression can make is paid for here, before
it is made: an expression can neither run for ever nor fill the memory."""

from typing import NoReturn

from services.workflow.domain.errors import ExpressionError

MAX_TEXT = 1_000
"""Characters of an expression."""
MAX_DEPTH = 60
"""Levels of its syntax tree."""
MAX_NODES = 400
MAX_STEPS = 250_000
"""Nodes visited and elements moved, in one evaluation or in one rendered template."""
MAX_CHARACTERS = 4_000_000
"""Characters written or compared, in the same."""
MAX_RESULT_ELEMENTS = 50_000
MAX_RESULT_CHARACTERS = 1_000_000
MAX_RESULT_DEPTH = 64


class Budget:
    """Counts down; raises ExpressionError (EXPRESSION_BUDGET) where nothing is left."""

    __slots__ = ("_characters", "_steps")

    def __init__(self, steps: int = MAX_STEPS, characters: int = MAX_CHARACTERS) -> None:
        self._steps = steps
        self._characters = characters

    def steps(self, count: int = 1) -> None:
        self._steps -= count
        if self._steps < 0:
            exceeded(f"it takes more than {MAX_STEPS:,} steps")

    def characters(self, count: int) -> None:
        self._characters -= count
        if self._characters < 0:
            exceeded(f"it writes or compares more than {MAX_CHARACTERS:,} characters")


def exceeded(why: str) -> NoReturn:
    raise ExpressionError(f"the expression asks for too much: {why}", code="EXPRESSION_BUDGET")
