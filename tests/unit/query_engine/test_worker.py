"""What a worker makes of an engine that fails."""

from typing import Any, cast

import pytest

from services.query_engine.adapters.stop import Stop
from services.query_engine.adapters.worker import Failed, Task, answered


def test_a_failing_engine_is_told_by_its_kind_and_logged_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Panic(BaseException):
        """As an engine's panic is: no Exception."""

    def run(*_: Any) -> Any:
        raise Panic("the inner reason")

    answer = answered(Task(1, "acme", cast(Any, None), cast(Any, None), {}), Stop(), run)

    assert isinstance(answer, Failed)
    assert (answer.code, "the inner reason" in answer.detail) == ("ENGINE_FAILED", False)
    assert "Panic: the inner reason" in capsys.readouterr().err
