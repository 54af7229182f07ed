"""The actions that workflows know are those that services declare."""

import re

import pytest

from infra import actions
from services.workflow.domain.builtin_actions import BUILTIN
from services.workflow.domain.fields import fits
from services.workflow.domain.registry import IDEMPOTENT_FIELD, Registry, action_document, action_from
from shared.actions import Action, Idempotency, Kind, Mode

ALL = [*BUILTIN, *actions.declared()]


def test_the_written_actions_are_the_declared_ones() -> None:
    assert actions.TARGET.read_text(encoding="utf-8") == actions.text(), "run make actions"


def test_the_registry_knows_all_of_them() -> None:
    assert list(Registry.load()) == ALL


@pytest.mark.parametrize("action", ALL, ids=lambda each: each.name)
def test_an_action_says_what_it_is(action: Action) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)*", action.name)
    assert action.title
    assert action.description.endswith(".")
    assert 1 <= action.timeout_seconds <= (300 if action.mode is Mode.INLINE else 86_400)
    for name, field in [*action.input.items(), *action.output.items()]:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name
        assert field.description.endswith("."), name
        assert field.default is None or fits(field.kind, field.default), name
        assert not field.one_of or field.kind is Kind.STRING, name


@pytest.mark.parametrize("action", ALL, ids=lambda each: each.name)
def test_json_keeps_all_of_it(action: Action) -> None:
    assert action_from(action_document(action)) == action


@pytest.mark.parametrize("action", ALL, ids=lambda each: each.name)
def test_only_what_may_not_be_repeated_asks_the_author(action: Action) -> None:
    assert IDEMPOTENT_FIELD not in action.input or action.idempotency is Idempotency.NEITHER
