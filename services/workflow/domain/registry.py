"""The actions that steps may ask for: the service's own, and those that other services declare
(`services/workflow/actions.json`, written by `make actions`)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from services.workflow.domain.builtin_actions import BUILTIN
from services.workflow.domain.errors import UnknownAction
from services.workflow.domain.names import hint
from shared.actions import Action, Field, Idempotency, Kind, Mode
from shared.json_text import plain
from shared.tenancy import Role

IDEMPOTENT_FIELD = "idempotent"
"""An input of this name lets the author say, as a constant, that repeating does no harm."""


class Registry:
    """Actions by name."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self._actions: dict[str, Action] = {}
        for action in actions:
            if action.name in self._actions:
                raise ValueError(f"the action {action.name} is declared twice")
            self._actions[action.name] = action

    @staticmethod
    def load() -> "Registry":
        """All that this platform knows."""
        return _loaded()

    def get(self, name: str) -> Action:
        """Raises UnknownAction, with the nearest name."""
        if name not in self._actions:
            raise UnknownAction(f"there is no action '{name[:80]}'{hint(name, self._actions)}")
        return self._actions[name]

    def __contains__(self, name: object) -> bool:
        return name in self._actions

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def idempotency(self, action: Action | str, input: Mapping[str, Any]) -> Idempotency:
        """What becomes of an effect whose answer was lost, for a step with this input: the action's class,
        or what the author says in the input `idempotent` where the action has one."""
        declared = self.get(action) if isinstance(action, str) else action
        field = declared.input.get(IDEMPOTENT_FIELD)
        if field is None or field.kind is not Kind.BOOLEAN:
            return declared.idempotency
        said = input.get(IDEMPOTENT_FIELD, field.default)
        return Idempotency.IDEMPOTENT if said is True else declared.idempotency


@lru_cache(maxsize=1)
def _loaded() -> Registry:
    text = files("services.workflow").joinpath("actions.json").read_text(encoding="utf-8")
    return Registry([*BUILTIN, *(action_from(each) for each in json.loads(text)["actions"])])


def action_document(action: Action) -> dict[str, Any]:
    """An action as JSON; `action_from` reads it back."""
    document: dict[str, Any] = plain(action)
    return document


def action_from(document: Mapping[str, Any]) -> Action:
    """Raises KeyError, ValueError or TypeError for what is no action."""
    return Action(
        **{
            **document,
            "mode": Mode(document["mode"]),
            "idempotency": Idempotency(document["idempotency"]),
            "role": Role(document["role"]),
            "input": _fields(document["input"]),
            "output": _fields(document["output"]),
            "permissions": tuple(document["permissions"]),
        }
    )


def _fields(documents: Mapping[str, Any]) -> dict[str, Field]:
    return {
        name: Field(**{**each, "kind": Kind(each["kind"]), "one_of": tuple(each["one_of"])})
        for name, each in documents.items()
    }
