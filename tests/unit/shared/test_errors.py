import inspect
import re
from collections.abc import Iterator

import pytest

from shared import errors
from shared.errors import BadRequest, ConfigurationError, OnyxError, TooManyRequests, public_problem
from shared.messages import InProgress


def tree(root: type[OnyxError] = OnyxError) -> Iterator[type[OnyxError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("shared."):
            yield from tree(child)


CLASSES = list(tree())


def test_the_walk_finds_every_class_of_the_module() -> None:
    declared = {
        each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__
    }
    assert declared <= set(CLASSES)
    assert InProgress in CLASSES


def test_codes_are_unique_and_stable_in_form() -> None:
    codes = [each.code for each in CLASSES]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[A-Z]+(_[A-Z]+)*", code) for code in codes)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_makes_a_problem_document(kind: type[OnyxError]) -> None:
    assert 400 <= kind.status <= 504
    assert kind.__doc__
    problem = kind("what happened", errors=[{"field": "a"}]).to_problem("/v1/x")
    assert problem == {
        "type": f"urn:onyx:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": "what happened",
        "code": kind.code,
        "errors": [{"field": "a"}],
        "instance": "/v1/x",
    }


def test_own_titles() -> None:
    titles = [each.title for each in CLASSES]
    assert len(titles) == len(set(titles))


def test_code_may_be_narrowed_for_one_error_without_touching_the_class() -> None:
    error = BadRequest("the cursor is stale", code="INVALID_CURSOR")
    assert error.to_problem()["type"] == "urn:onyx:problem:INVALID_CURSOR"
    assert "errors" not in error.to_problem()
    assert BadRequest.code == "BAD_REQUEST"
    assert str(error) == "the cursor is stale"


def test_retry_after_is_kept() -> None:
    assert TooManyRequests("busy", retry_after=3).retry_after == 3


def test_a_server_fault_says_nothing_of_the_inside_to_a_caller() -> None:
    problem = public_problem(ConfigurationError("SECRET_ARN is missing", errors=[{"variable": "SECRET_ARN"}]))
    assert problem["code"] == "CONFIGURATION"
    assert "SECRET_ARN" not in str(problem)
    assert public_problem(BadRequest("no such column"))["detail"] == "no such column"
