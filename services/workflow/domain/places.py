"""Where a step runs: `at` is the path of for-each iterations around it, `each[3]/inner[0]`, or "" outside."""

import re
from collections.abc import Mapping, Sequence

from services.workflow.domain.definition import Definition, ForEachStep, Step, inside

_ITERATION = re.compile(r"([a-z][a-z0-9_-]*)\[(\d{1,6})\]", re.IGNORECASE)


def iterations(at: str) -> tuple[tuple[str, int], ...]:
    """`each[3]/inner[0]` as (("each", 3), ("inner", 0)). Raises ValueError."""
    if not at:
        return ()
    found = [_ITERATION.fullmatch(part) for part in at.split("/")]
    if not all(found):
        raise ValueError(f"no place of a step: {at[:80]!r}")
    return tuple((each[1], int(each[2])) for each in found if each is not None)


def loops(definition: Definition) -> Mapping[str, tuple[str, ...]]:
    """For each step's id, the for-each steps around it, outermost first."""
    found: dict[str, tuple[str, ...]] = {}
    _note(definition.steps, (), found)
    _note(definition.on_failure, (), found)
    return found


def visible_at(at: str, around: Sequence[str]) -> str | None:
    """The place of a step that has the loops `around` it, as seen from `at`; None where it is not seen: it is
    inside a loop that `at` is not in."""
    parts = at.split("/") if at else []
    if len(parts) < len(around):
        return None
    mine = parts[: len(around)]
    if any(part.partition("[")[0] != loop for part, loop in zip(mine, around, strict=True)):
        return None
    return "/".join(mine)


def owner(definition: Definition, step: str) -> Step | None:
    """The step in whose own on_failure or on_expiry branch `step` is, directly or further inside."""
    return _owner(definition.steps, step, None) or _owner(definition.on_failure, step, None)


def _note(steps: Sequence[Step], around: tuple[str, ...], found: dict[str, tuple[str, ...]]) -> None:
    for step in steps:
        found[step.id] = around
        _note(inside(step), (*around, step.id) if isinstance(step, ForEachStep) else around, found)


def _owner(steps: Sequence[Step], wanted: str, of: Step | None) -> Step | None:
    for step in steps:
        if step.id == wanted:
            return of
        branch_of = step if _has_handler(step) else of
        found = _owner(inside(step), wanted, branch_of)
        if found is not None:
            return found
    return None


def _has_handler(step: Step) -> bool:
    return bool(getattr(step, "on_failure", ()) or getattr(step, "on_expiry", ()))
