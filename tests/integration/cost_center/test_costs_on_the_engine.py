"""The SQL of a cost question is what the query engine takes, and its answer is what the bill says."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.cost_center.application.costs import Costs
from services.cost_center.domain.costs import CostQuestion, Granularity, Metric
from services.cost_center.domain.naming import athena_name
from services.query_engine.adapters import engines
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.front_door import compile_query
from services.query_engine.domain.tables import Column, FileGroup, Table, union_columns
from tests.fakes.cost_center import ACME, World
from tests.fakes.cost_center_bills import FOCUS_ROW, csv_bytes, cur_rows


class Engine:
    """The engine's own compiler and Polars adapter over the files of the published bills."""

    def __init__(self, world: World) -> None:
        groups: dict[str, list[FileGroup]] = {}
        for bill in world.bills.bills(ACME, limit=100, cursor=None).bills:
            assert bill.published is not None
            for name, table in bill.published.tables.items():
                columns = tuple(Column(column.name, column.type) for column in table.columns)
                groups.setdefault(name, []).append(FileGroup(tuple(table.files), columns))
        self._catalog = {
            name: Table(name, union_columns(*(each.columns for each in found)), tuple(found))
            for name, found in groups.items()
        }

    def query(
        self, sql: str, authorization: str, as_of: datetime | None = None
    ) -> Sequence[Mapping[str, Any]]:
        plan = compile_query(sql, self._catalog, datetime.now(UTC))
        answer = engines.run(plan, Limits(rows=10_000, bytes=10_000_000), {})
        rows: list[dict[str, Any]] = json.loads(answer.rows)
        return rows


@pytest.fixture
def costs(world: World) -> Costs:
    later = {
        "lineItem/UsageStartDate": "2026-09-02T05:00:00Z",
        "lineItem/UsageEndDate": "2026-09-02T06:00:00Z",
        "resourceTags/user:env": "",
        "product/regionCode": "it's-1",
    }
    world.deliver("acme/aws/bill.csv", csv_bytes([*cur_rows(2), *cur_rows(1, **later)]))
    euro = {
        **FOCUS_ROW,
        "BillingAccountId": "999",
        "BillingCurrency": "EUR",
        "BillingPeriodStart": "2026-10-01",
        "BillingPeriodEnd": "2026-11-01",
    }
    world.deliver("acme/focus/bill.csv", csv_bytes([euro]))
    return Costs(Engine(world))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            CostQuestion(group_by=["ServiceName"], metric=Metric.BILLED),
            [
                ["2026-09-01", "USD", "Amazon Elastic Compute Cloud", "0.577"],
                ["2026-10-01", "EUR", "Amazon Elastic Compute Cloud", "1.5"],
            ],
        ),
        (
            CostQuestion(
                group_by=["tag:env"],
                granularity=Granularity.DAILY,
                filters=["x_Source:aws"],
                order="-EffectiveCost",
            ),
            [["2026-09-01", "USD", "prod", "0.385"], ["2026-09-02", "USD", None, "0.192"]],
        ),
        (
            CostQuestion(granularity=Granularity.HOURLY, filters=["tag:env:", "RegionId:it's-1"]),
            [["2026-09-02T05:00:00Z", "USD", "0.192"]],
        ),
        (
            CostQuestion(
                granularity=Granularity.TOTAL, metric=Metric.LIST, start="2026-10-01", end="2026-11-01"
            ),
            [["EUR", "2"]],
        ),
        (
            CostQuestion(
                granularity=Granularity.TOTAL, start="2026-09-02", end="2026-09-03", group_by=["x_BillId"]
            ),
            [["USD", "aws.2026-09", "0.192"]],
        ),
        (
            CostQuestion(granularity=Granularity.TOTAL, filters=["ServiceName:a", "ServiceName:b"]),
            [],
        ),
    ],
)
def test_the_engine_answers_cost_questions(
    costs: Costs, question: CostQuestion, expected: list[list[str | None]]
) -> None:
    answer = costs(question, "Bearer token")

    assert [list(row.values()) for row in answer.rows] == expected


def test_the_maps_of_cur_2_and_the_tags_of_charges_are_asked_by_key(world: World) -> None:
    """The raw table's map as it was delivered; the curated one by the tag's normal key."""
    rows = [
        {
            **{athena_name(name): text for name, text in row.items() if "/user:" not in name},
            "product": json.dumps({"region": f"eu-west-{at}", "vcpu": "2"}),
            "resource_tags": json.dumps({"user_cost_center": "42"} if at else {}),
        }
        for at, row in enumerate(cur_rows(2))
    ]
    world.deliver("acme/aws/bill.csv", csv_bytes(rows))
    engine = Engine(world)

    raw = engine.query(
        "SELECT product['region'] AS region, resource_tags['user_cost_center'] AS centre FROM cur2"
        " ORDER BY 1",
        "",
    )
    by_tag = Costs(engine)(CostQuestion(granularity=Granularity.TOTAL, group_by=["tag:CostCenter"]), "")

    assert [tuple(row.values()) for row in raw] == [("eu-west-0", None), ("eu-west-1", "42")]
    assert sorted(str(row["tag:CostCenter"]) for row in by_tag.rows) == ["42", "None"]
