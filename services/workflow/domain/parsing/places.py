"""Where steps stand, and which of them a step can see: those that come before it, not those that come later,
are in another branch, or are inside a for-each that it is not in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.language_steps import MAX_NESTING, MAX_STEPS
from services.workflow.domain.parsing.shapes import Item


@dataclass(frozen=True)
class Around:
    """A container that a step stands in; `branch` counts its lists of steps."""

    step: str
    kind: str
    branch: int


@dataclass(frozen=True)
class Place:
    """A step, and what its expressions see."""

    item: Item
    around: tuple[Around, ...]
    visible: frozenset[str]
    in_loop: bool
    handles_failure: bool

    @property
    def id(self) -> str:
        return str(self.item.get("id", ""))


@dataclass(frozen=True)
class Inner:
    """A list of steps inside of a step."""

    steps: Sequence[Item]
    branch: int
    sees_it: bool
    """Whether the steps see the step round them."""
    handles_failure: bool = False


class Places:
    """All steps of a workflow. `ended` are the steps that outputs and the run's on_failure see."""

    def __init__(self, workflow: Item, findings: Findings) -> None:
        self._findings = findings
        self._places: list[Place] = []
        self._by_id: dict[str, Place] = {}
        self.ended = self._walk(workflow.get("steps", ()), frozenset(), (), False, False)
        self._walk(workflow.get("on_failure", ()), self.ended, (), False, True)
        if len(self._places) > MAX_STEPS:
            message = f"a workflow has at most {MAX_STEPS} steps, found {len(self._places)}"
            findings.add("steps", "TOO_MANY_STEPS", message)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places)

    def get(self, id: str) -> Place | None:
        return self._by_id.get(id)

    def names(self) -> Sequence[str]:
        return list(self._by_id)

    def _walk(
        self,
        steps: Sequence[Item],
        visible: frozenset[str],
        around: tuple[Around, ...],
        in_loop: bool,
        handles_failure: bool,
    ) -> frozenset[str]:
        """What is visible after the steps."""
        for item in steps:
            place = Place(item, around, visible, in_loop, handles_failure)
            self._add(place)
            if len(around) + 1 > MAX_NESTING:
                message = f"steps stand at most {MAX_NESTING} levels deep"
                self._findings.add(item.path, "NESTED_TOO_DEEPLY", message)
                continue
            inside = visible | {place.id}
            after = inside
            for inner in inner_steps(item):
                within = inside if inner.sees_it else visible
                loop = item.kind == "for_each"
                found = self._walk(
                    inner.steps,
                    within,
                    (*around, Around(place.id, item.kind, inner.branch)),
                    in_loop or loop,
                    handles_failure or inner.handles_failure,
                )
                if not loop:
                    after |= found
            visible = after
        return visible

    def _add(self, place: Place) -> None:
        self._places.append(place)
        if place.id in self._by_id:
            first = self._findings.places[self._by_id[place.id].item.path][0]
            message = f"the step id '{place.id}' is taken by the step in line {first}"
            self._findings.add(place.item.at("id"), "DUPLICATE_STEP", message)
        elif place.id:
            self._by_id[place.id] = place


def inner_steps(item: Item) -> Iterator[Inner]:
    """The lists of steps directly inside a step."""
    match item.kind:
        case "action":
            yield Inner(item.get("on_failure", ()), 0, sees_it=True, handles_failure=True)
        case "approval":
            expiry = item.get("approval", {}).get("on_expiry", ())
            yield Inner(expiry, 0, sees_it=True, handles_failure=True)
        case "choice":
            cases = [each.get("steps", ()) for each in item.get("choice", ())]
            for branch, steps in enumerate([*cases, item.get("otherwise", ())]):
                yield Inner(steps, branch, sees_it=True)
        case "parallel":
            for branch, each in enumerate(item.get("parallel", ())):
                yield Inner(each.get("steps", ()), branch, sees_it=False)
        case "for_each":
            yield Inner(item.get("steps", ()), 0, sees_it=False)


def why_hidden(reader: Place | None, target: Place) -> tuple[str, str]:
    """Code and words for a step that is there, and cannot be seen."""
    around = reader.around if reader else ()
    if reader and reader.id == target.id:
        return "STEP_NOT_VISIBLE", "is this step itself: it has no output yet"
    for container in target.around:
        if container.kind == "for_each" and container.step not in {each.step for each in around}:
            return "OUTSIDE_FOR_EACH", (
                f"is inside of the for-each '{container.step}': only steps inside of it see it"
            )
        other = next((each for each in around if each.step == container.step), None)
        if other is not None and other.branch != container.branch:
            return "STEP_NOT_VISIBLE", f"is in another branch of '{container.step}'"
    if any(each.step == target.id for each in around):
        return "STEP_NOT_VISIBLE", "is still running round this step"
    return "STEP_NOT_VISIBLE", "runs later"
