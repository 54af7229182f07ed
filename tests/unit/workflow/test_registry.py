"""The registry of actions."""

import pytest

from services.workflow.domain.builtin_actions import HTTP_GET, HTTP_SEND, NOTIFY, SET
from services.workflow.domain.errors import UnknownAction
from services.workflow.domain.registry import Registry
from shared.actions import Idempotency

REGISTRY = Registry([SET, HTTP_GET, HTTP_SEND, NOTIFY])


def test_an_action_by_its_name() -> None:
    assert REGISTRY.get("http.get") is HTTP_GET
    assert "http.get" in REGISTRY
    assert list(REGISTRY) == [SET, HTTP_GET, HTTP_SEND, NOTIFY]


def test_an_unknown_one_has_a_nearest() -> None:
    with pytest.raises(UnknownAction, match=r"no action 'http\.gt'; did you mean 'http\.get'\?") as error:
        REGISTRY.get("http.gt")
    assert (error.value.code, error.value.status) == ("UNKNOWN_ACTION", 422)
    assert "x.y" not in REGISTRY


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match=r"http\.get is declared twice"):
        Registry([HTTP_GET, HTTP_GET])


@pytest.mark.parametrize(
    ("action", "input", "found"),
    [
        ("http.get", {}, Idempotency.IDEMPOTENT),
        ("http.send", {}, Idempotency.NEITHER),
        ("http.send", {"idempotent": True}, Idempotency.IDEMPOTENT),
        ("http.send", {"idempotent": False}, Idempotency.NEITHER),
        ("http.send", {"idempotent": "true"}, Idempotency.NEITHER),
        ("notify", {}, Idempotency.IDEMPOTENT),
        ("notify", {"idempotent": False}, Idempotency.NEITHER),
        ("set", {"idempotent": False}, Idempotency.IDEMPOTENT),
    ],
)
def test_what_the_author_says_of_repeating(action: str, input: dict[str, object], found: Idempotency) -> None:
    assert REGISTRY.idempotency(action, input) is found
    assert REGISTRY.idempotency(REGISTRY.get(action), input) is found
