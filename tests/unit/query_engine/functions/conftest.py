from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from services.query_engine.adapters.engines import RUNNERS
from services.query_engine.adapters.lake_files import LakeFiles
from services.query_engine.domain.front_door import plan_for, read_query
from services.query_engine.domain.router import DECLINED, HERE
from services.query_engine.domain.tables import Table
from shared.errors import BadRequest, OnyxError
from tests.fakes.query_engine import NOW

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="session")
def rows(tables: dict[str, Table]) -> Callable[[str], Rows]:
    """The rows of a query, by every engine that takes it: they are to be the same."""

    def answer(sql: str) -> Rows:
        query = read_query(sql, tables, NOW)
        answers: list[Rows] = []
        refusals: list[BadRequest] = []
        for engine in HERE:
            try:
                plan = plan_for(engine, query)
            except BadRequest as error:
                if error.code not in DECLINED:
                    raise
                refusals.append(error)
                continue
            frame: pl.DataFrame = RUNNERS[engine](plan, 100_000, LakeFiles({}))
            answers.append([tuple(_plain(each) for each in row) for row in frame.rows()])
        if not answers:
            raise refusals[-1]
        for other in answers[1:]:
            assert sorted(map(repr, other)) == sorted(map(repr, answers[0])), sql
        return answers[0]

    return answer


def _plain(value: Any) -> Any:
    """Maps as dictionaries and lists as lists, to compare with."""
    if isinstance(value, pl.Series | list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


@pytest.fixture(scope="session")
def value(rows: Callable[[str], Rows]) -> Callable[[str], Any]:
    """The one value of an expression."""

    def answer(expression: str) -> Any:
        ((found,),) = rows(f"SELECT {expression}")
        return found

    return answer


@pytest.fixture(scope="session")
def code(rows: Callable[[str], Rows]) -> Callable[[str], str]:
    """The code with which an expression is refused or fails."""

    def answer(expression: str) -> str:
        with pytest.raises(OnyxError) as caught:
            rows(expression if expression.lower().startswith("select") else f"SELECT {expression}")
        return str(caught.value.code)

    return answer
