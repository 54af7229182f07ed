"""Every kind of cost question compiles to SQL that the query engine takes and runs."""

from datetime import UTC, datetime

import pytest

from services.cost_center.domain.costs import CostQuestion, Granularity, Metric, compile_question
from services.query_engine.adapters.engines import run
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.focus import CHARGES
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Table

NOW = datetime(2026, 11, 20, tzinfo=UTC)
QUESTIONS = [
    CostQuestion(),
    *(CostQuestion(granularity=each, group_by=["ServiceName"]) for each in Granularity),
    *(CostQuestion(metric=each, group_by=["ServiceName", "tag:env", "RegionId"]) for each in Metric),
    CostQuestion(
        group_by=['tag:it\'s "odd"', "SubAccountId"],
        filters=["ServiceName:AmazonEC2", "ServiceName:O'Neill", "tag:env:prod", "RegionId:"],
        start="2026-09-01",
        end="2026-10-01",
        order="-EffectiveCost",
        limit=5,
    ),
    CostQuestion(granularity=Granularity.DAILY, start="2026-09-01T05:00:00Z", end="2026-09-02"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_it_is_answered(question: CostQuestion) -> None:
    compiled = compile_question(question)
    plan = compile_query(compiled.sql, {"charges": Table("charges", CHARGES)}, NOW)
    answer = run(plan, Limits(100, 10_000), {})
    assert plan.columns[: len(compiled.columns)] == tuple(compiled.columns)
    assert answer.row_count in (0, 1)
