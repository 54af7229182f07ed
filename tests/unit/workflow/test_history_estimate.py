"""How long a run may get, counted by hand."""

from decimal import Decimal

from services.workflow.domain.compiler import compile
from services.workflow.domain.definition import (
    ActionStep,
    Branch,
    ChoiceStep,
    Definition,
    ForEachStep,
    Retry,
    Step,
)
from services.workflow.domain.history_estimate import Transitions, history_events, transitions
from tests.fakes.workflow_definitions import ACTIONS


def counted(*steps: Step, items: int = 10) -> tuple[int, Transitions]:
    definition = Definition("w", "W", steps)
    machine = compile(definition, tenant="t", version=1, dispatcher_arn="arn", actions=ACTIONS).machine
    return history_events(definition, machine), transitions(definition, machine, items=items)


def here(id: str, attempts: int = 1) -> ActionStep:
    return ActionStep(id, "here.again", retry=Retry(attempts=attempts))


def test_a_run_without_steps() -> None:
    """Start, Begin, Begin? and End; at worst Begin, Failure and End break once and more is to do."""
    events, transitions = counted()
    assert transitions.typical == 4
    # Begin, Begin.failed, Failure, End: 2 + 2 attempts of 3; Start, Failure?, Lost: 2; the execution's 2.
    assert events == 4 * 8 + 3 * 2 + 2
    assert transitions.worst == 4 * 2 + 3


def test_a_step_is_a_task_and_a_choice() -> None:
    assert counted(here("a"), here("b"))[1].typical == 4 + 2 * 2


def test_each_attempt_is_a_task_a_choice_and_a_wait() -> None:
    """Of events: a task of 2 + 2 attempts of 3, a choice of 2, a wait of 2."""
    assert counted(here("a", attempts=3))[0] - counted(here("a", attempts=2))[0] == 8 + 2 + 2


def test_the_longest_branch_counts() -> None:
    short, long = Branch((here("a"),), "x"), Branch((here("b"), here("c")))
    assert counted(ChoiceStep("z", (short, long)))[1].typical == 4 + 2 + 2 * 2


def test_a_loop_has_as_many_items_as_it_may_have() -> None:
    """Typically what one says, and never more than `max_items`."""
    loop = ForEachStep("f", "x", (here("a"),), max_items=20)
    # Of the loop: a task, a choice, a map; of each item: a task, a choice, its end.
    assert counted(loop)[1].typical == 4 + 3 + 10 * 3
    assert counted(loop, items=100)[1].typical == 4 + 3 + 20 * 3
    assert counted(loop)[0] > 20 * (8 + 2 + 2)


def test_the_price() -> None:
    assert Transitions(typical=40, worst=100).price(1000) == (Decimal("1.000000"), Decimal("2.500000"))
