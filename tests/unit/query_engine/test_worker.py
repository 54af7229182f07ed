"""What a worker makes of an engine that fails."""

from dataclasses import replace
from typing import Any, cast

import pytest

from services.query_engine.adapters.stop import Stop
from services.query_engine.adapters.worker import Failed, Task, answered
from services.query_engine.adapters.worker_pool import _to_send
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup, Table, Version


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


def test_a_worker_is_sent_no_versions_of_bills() -> None:
    """Of many bills they would take longer to send than the query."""
    columns = tuple(Column(f"c{number}", "bigint") for number in range(50))
    versions = tuple(
        Version("db", "t", number, (), columns, (f"s3://lake/{number}",)) for number in range(100)
    )
    table = Table("charges", columns, (FileGroup(("s3://lake/1",), columns),), 7, (1,), versions=versions)
    plan = Plan("polars", "select 1", (BoundTable("charges", table),), ("x",), "a query")
    sent = _to_send(plan)
    assert sent.tables[0].table.versions == ()
    assert replace(sent, tables=()) == replace(plan, tables=())
    assert replace(sent.tables[0].table, versions=versions) == table
    assert plan.tables[0].table is table
