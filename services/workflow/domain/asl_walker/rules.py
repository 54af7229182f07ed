"""How a state goes on: the rules of a choice, retriers and catchers."""

from collections.abc import Callable, Mapping
from typing import Any

from services.workflow.domain.asl_walker.paths import StatesError, put, resolve

State = Mapping[str, Any]
Data = Mapping[str, Any]

_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda value, wanted: isinstance(value, str) and value == wanted,
    "NumericEquals": lambda value, wanted: isinstance(value, int) and value == wanted,
}


def choose(state: State, data: Data, context: Data) -> str:
    for rule in state["Choices"]:
        value = resolve(rule["Variable"], data, context)
        (comparison,) = rule.keys() - {"Variable", "Next"}
        if _HOLDS[comparison](value, rule[comparison]):
            return str(rule["Next"])
    return str(state["Default"])


def catch(state: State, data: Data, error: StatesError) -> tuple[Data, str]:
    """Raises the error again where no catcher matches."""
    for catcher in state["Catch"]:
        if _matches(catcher["ErrorEquals"], error):
            caught = {"Error": error.name, "Cause": error.cause}
            return put(data, catcher["ResultPath"], caught), catcher["Next"]
    raise error


def _matches(names: list[str], error: StatesError) -> bool:
    """States.ALL is all that can be caught: an error of the machine itself cannot."""
    if error.name in ("States.Runtime", "States.ParameterPathFailure", "States.DataLimitExceeded"):
        return False
    return error.name in names or "States.ALL" in names


def again(state: State, error: StatesError, used: list[int]) -> float | None:
    """Seconds until the next attempt; None: no more. The first retrier that matches decides; `used` counts
    what each has used."""
    for index, retrier in enumerate(state["Retry"]):
        if _matches(retrier["ErrorEquals"], error):
            if used[index] >= retrier["MaxAttempts"]:
                return None
            used[index] += 1
            delay = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** (used[index] - 1)
            return float(min(delay, retrier["MaxDelaySeconds"]))
    return None
