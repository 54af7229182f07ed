"""The cost question: compiled to one SELECT in which only names and quoted literals are the caller's."""

import dataclasses
from typing import Any

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from services.cost_center.application.costs import Costs
from services.cost_center.domain.costs import DIMENSIONS, CostQuestion, Granularity, Metric, compile_question
from services.cost_center.domain.tags import FOCUS, normal_key
from shared.errors import BadRequest, Unprocessable
from tests.fakes.cost_center import FakeQueryEngine


def sql(**question: Any) -> str:
    return compile_question(CostQuestion(**question)).sql


def test_costs_by_service_and_month() -> None:
    assert sql(group_by=["ServiceName"]) == (
        "SELECT\n"
        '  "BillingPeriodStart" AS "BillingPeriodStart",\n'
        '  "BillingCurrency" AS "BillingCurrency",\n'
        '  "ServiceName" AS "ServiceName",\n'
        '  sum("EffectiveCost") AS "EffectiveCost"\n'
        "FROM charges\n"
        "GROUP BY 1, 2, 3\n"
        "ORDER BY 1 ASC NULLS LAST, 4 DESC NULLS LAST, 2 ASC NULLS LAST, 3 ASC NULLS LAST\n"
        "LIMIT 101"
    )


def test_costs_by_tag_and_day_with_filters_and_a_range() -> None:
    assert sql(
        group_by=["tag:env", "RegionId"],
        granularity=Granularity.DAILY,
        metric=Metric.BILLED,
        filters=["ServiceName:AmazonEC2", "ServiceName:Amazon's", "tag:team:a:b", "tag:env:"],
        start="2026-09-01",
        end="2026-09-02T12:00:00+02:00",
        order="-BilledCost,RegionId",
        limit=5,
    ) == (
        "SELECT\n"
        '  date_trunc(\'day\', "ChargePeriodStart") AS "ChargePeriodStart",\n'
        '  "BillingCurrency" AS "BillingCurrency",\n'
        '  element_at("Tags", \'env\') AS "tag:env",\n'
        '  "RegionId" AS "RegionId",\n'
        '  sum("BilledCost") AS "BilledCost"\n'
        "FROM charges\n"
        "WHERE \"ChargePeriodStart\" >= TIMESTAMP '2026-09-01 00:00:00'\n"
        "  AND \"ChargePeriodStart\" < TIMESTAMP '2026-09-02 10:00:00'\n"
        "  AND \"ServiceName\" IN ('AmazonEC2', 'Amazon''s')\n"
        "  AND element_at(\"Tags\", 'team') IN ('a:b')\n"
        "  AND element_at(\"Tags\", 'env') IS NULL\n"
        "GROUP BY 1, 2, 3, 4\n"
        "ORDER BY 5 DESC NULLS LAST, 4 ASC NULLS LAST, 1 ASC NULLS LAST, 2 ASC NULLS LAST, 3 ASC NULLS LAST\n"
        "LIMIT 6"
    )


@pytest.mark.parametrize("granularity", [Granularity.TOTAL, Granularity.MONTHLY])
def test_whole_months_are_those_of_their_bills_and_parts_are_by_charge(granularity: Granularity) -> None:
    whole = sql(granularity=granularity, start="2026-09-01", end="2026-10-01")
    part = sql(granularity=granularity, start="2026-09-01", end="2026-09-15")

    assert '"BillingPeriodStart" >= TIMESTAMP' in whole
    assert '"ChargePeriodStart" >= TIMESTAMP' in part


def test_a_total_has_no_moment() -> None:
    assert sql(granularity=Granularity.TOTAL).startswith('SELECT\n  "BillingCurrency"')


def test_a_value_or_nothing_are_alternatives() -> None:
    assert '("RegionId" IN (\'eu-west-1\') OR "RegionId" IS NULL)' in sql(
        filters=["RegionId:eu-west-1", "RegionId:"]
    )


def test_grouping_by_the_currency_does_not_double_it() -> None:
    assert sql(group_by=["BillingCurrency"]).count("BillingCurrency") == 2


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"group_by": ["ServiceNam"]}, "UNKNOWN_DIMENSION"),
        ({"group_by": ["BilledCost"]}, "UNKNOWN_DIMENSION"),
        ({"group_by": ["tag:"]}, "UNKNOWN_DIMENSION"),
        ({"group_by": ["ServiceName", "ServiceName"]}, "INVALID_GROUP_BY"),
        ({"group_by": ["RegionId", "ServiceName", "SkuId", "tag:a"]}, "INVALID_GROUP_BY"),
        ({"filters": ["ServiceName"]}, "INVALID_FILTER"),
        ({"filters": [":x"]}, "INVALID_FILTER"),
        ({"filters": ["tag:env"]}, "INVALID_FILTER"),
        ({"filters": ["Nope:x"]}, "UNKNOWN_DIMENSION"),
        ({"filters": ["RegionId:a\nb"]}, "INVALID_FILTER"),
        ({"filters": [f"RegionId:{at}" for at in range(51)]}, "INVALID_FILTER"),
        ({"start": "September"}, "INVALID_RANGE"),
        ({"as_of": "yesterday"}, "INVALID_AS_OF"),
        ({"start": "2026-10-01", "end": "2026-09-01"}, "INVALID_RANGE"),
        ({"order": "ListCost"}, "INVALID_ORDER"),
        ({"limit": 0}, "INVALID_LIMIT"),
        ({"limit": 10_000}, "INVALID_LIMIT"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_code(question: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        compile_question(CostQuestion(**question))
    assert refused.value.code == code


def test_an_unknown_dimension_names_the_nearest() -> None:
    for near in ("servicename", "Service"):
        with pytest.raises(BadRequest, match="did you mean ServiceName"):
            compile_question(CostQuestion(group_by=[near]))
    with pytest.raises(BadRequest, match="there are ServiceName, "):
        compile_question(CostQuestion(group_by=["Foo"]))
    with pytest.raises(BadRequest, match="did you mean ServiceName"):
        compile_question(CostQuestion(group_by=["ServiceNam"]))


@pytest.mark.parametrize(
    ("asked", "key", "value"),
    [
        ("tag:CostCenter:42", "cost_center", "42"),
        ("tag:user:CostCenter:42", "cost_center", "42"),
        ("tag:aws:createdBy:me:too", "aws:created_by", "me:too"),
        ("tag:user:bob", "user", "bob"),
        ("tag:aws:", "aws", None),
    ],
)
def test_a_tag_is_asked_for_by_any_of_its_names(asked: str, key: str, value: str | None) -> None:
    text = sql(filters=[asked])

    wanted = "IS NULL" if value is None else f"IN ('{value}')"
    assert f"element_at(\"Tags\", '{key}') {wanted}" in text


printable = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(key=printable, value=printable)
def test_whatever_a_caller_writes_is_a_literal(key: str, value: str) -> None:
    key = key.replace(":", "")
    if not key:
        return
    tree = sqlglot.parse_one(
        sql(group_by=[f"tag:{key}"], filters=[f"tag:{key}:{value}", f"ServiceName:{value}"]), dialect="trino"
    )

    assert isinstance(tree, exp.Select)
    assert [table.name for table in tree.find_all(exp.Table)] == ["charges"]
    literals = {literal.this for literal in tree.find_all(exp.Literal) if literal.is_string}
    assert literals == {normal_key(key, FOCUS), value}
    assert {column.name for column in tree.find_all(exp.Column)} <= {*DIMENSIONS, "Tags", *Metric} | {
        "BillingPeriodStart"
    }


def row(service: str, cost: str) -> dict[str, str]:
    return {
        "BillingPeriodStart": "2026-09-01T00:00:00Z",
        "BillingCurrency": "USD",
        "ServiceName": service,
        "EffectiveCost": cost,
    }


def test_the_answer_has_dates_canonical_money_and_tells_of_more() -> None:
    engine = FakeQueryEngine([row("EC2", "12.5"), row("S3", "1"), row("SQS", "0.5")])

    answer = Costs(engine)(CostQuestion(group_by=["ServiceName"], limit=2), "Bearer token")

    assert answer.truncated
    assert list(answer.rows) == [
        {**row("EC2", "12.5"), "BillingPeriodStart": "2026-09-01"},
        {**row("S3", "1"), "BillingPeriodStart": "2026-09-01"},
    ]
    assert engine.asked[0][1] == "Bearer token"


def test_before_the_first_bill_there_are_no_costs() -> None:
    engine = FakeQueryEngine(error=Unprocessable("no charges", code="UNKNOWN_TABLE"))

    answer = Costs(engine)(CostQuestion(), "Bearer token")

    assert dataclasses.asdict(answer) == {"rows": (), "truncated": False}


def test_any_other_error_of_the_engine_is_the_callers_to_see() -> None:
    engine = FakeQueryEngine(error=Unprocessable("too long", code="QUERY_MEMORY"))

    with pytest.raises(Unprocessable):
        Costs(engine)(CostQuestion(), "Bearer token")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("BilledCost", "metric=BilledCost"),
        ("BillingPeriodStart", "granularity"),
        ("ChargePeriodStart", "start"),
    ],
)
def test_what_is_no_dimension_but_asked_for_otherwise_is_told(name: str, instead: str) -> None:
    with pytest.raises(BadRequest, match=f"there is no dimension '{name}': .*{instead}"):
        compile_question(CostQuestion(group_by=[name]))
