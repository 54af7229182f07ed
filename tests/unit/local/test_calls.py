"""The record of calls: each different one once, readable while it grows."""

from pathlib import Path

from infra.local.calls import Calls, read_calls


def test_each_different_call_is_written_once_and_at_once(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    calls = Calls(path)
    for resource in ("a", "a", "b"):
        calls.record("arn:role", "s3:GetObject", resource)
        assert read_calls(path)[-1]["resource"] == resource
    assert [each["resource"] for each in read_calls(path)] == ["a", "b"]
    assert read_calls(path)[0] == {"principal": "arn:role", "action": "s3:GetObject", "resource": "a"}


def test_a_restart_goes_on_with_the_same_record(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    Calls(path).record("arn:role", "s3:GetObject", "a")
    Calls(path).record("arn:role", "s3:PutObject", "a")
    assert [each["action"] for each in read_calls(path)] == ["s3:GetObject", "s3:PutObject"]
