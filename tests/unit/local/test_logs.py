"""Reading logs: the end of a file, and what comes after."""

from pathlib import Path
from typing import Any

import pytest

from infra.local.logs import FileLog, FunctionLog, short_name


def test_the_last_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(f"{number} {'x' * 500}\n" for number in range(1000)))
    log = FileLog(path)
    assert [line.split()[0] for line in log.tail(3)] == ["997", "998", "999"]
    assert len(log.tail(500)) == 500
    assert log.tail(0) == []
    assert FileLog(tmp_path / "none.log").tail(3) == []


def test_following_goes_on_where_the_tail_ended_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("old\n")
    steps = iter(["ne", "w\nmore\n", "rotated"])

    def pause(_: float) -> None:
        step = next(steps)
        if step == "rotated":
            path.write_text("r\n")
        else:
            with path.open("a") as file:
                file.write(step)

    log = FileLog(path, pause)
    assert log.tail(10) == ["old"]
    following = log.follow()
    assert [next(following) for _ in range(3)] == ["new", "more", "r"]


class Logs:
    """CloudWatch Logs with one growing stream."""

    def __init__(self) -> None:
        self.events = [{"logStreamName": "a", "message": "one\n"}, {"logStreamName": "b", "message": "two"}]

    def get_paginator(self, name: str) -> "Logs":
        assert name == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        assert request == {"logGroupName": "g"}
        return [{"events": self.events[:1]}, {"events": self.events[1:]}]


def test_a_functions_log_is_followed_without_repeating() -> None:
    logs = Logs()

    def pause(_: float) -> None:
        logs.events.append({"logStreamName": "a", "message": "one"})  # the same text again is a new line

    log = FunctionLog(logs, "g", pause)
    assert log.tail(10) == ["one", "two"]
    following = log.follow()
    assert [next(following), next(following)] == ["one", "one"]


@pytest.mark.parametrize(
    ("stack", "logical", "name"),
    [
        ("onyx-local-cost-center", "OnTenantCreatedFunctionB34A45DD", "cost-center-on-tenant-created"),
        ("onyx-local-portal", "ApiFunction6BF808ED", "portal-api"),
        ("onyx-local-platform", "Echo", "platform-echo"),
        ("other", "Echo", "other-echo"),
    ],
)
def test_short_names_of_functions(stack: str, logical: str, name: str) -> None:
    assert short_name(stack, logical) == name
