"""The times of cron expressions: AWS's documented examples, time zones, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from services.workflow.domain.cron import parse_cron
from shared.errors import Unprocessable


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(cron: str, after: str, until: str, timezone: str = "UTC") -> list[str]:
    found = parse_cron(cron, timezone).between(at(after), at(until))
    return [f"{each:%Y-%m-%dT%H:%M}" for each in found][::-1]


@pytest.mark.parametrize(
    ("cron", "after", "until", "expected"),
    [
        ("0 10 * * ? *", "2026-11-01T10:00", "2026-11-03T10:00", ["2026-11-02T10:00", "2026-11-03T10:00"]),
        (
            "0/30 8-9 ? * MON-FRI *",
            "2026-11-20T09:00",
            "2026-11-23T08:00",
            ["2026-11-20T09:30", "2026-11-23T08:00"],
        ),
        ("0 8 1 * ? *", "2026-10-15T00:00", "2026-12-01T08:00", ["2026-11-01T08:00", "2026-12-01T08:00"]),
        ("0 0 L * ? *", "2026-02-01T00:00", "2026-03-30T00:00", ["2026-02-28T00:00"]),
        ("0 0 LW * ? *", "2026-05-01T00:00", "2026-06-01T00:00", ["2026-05-29T00:00"]),
        ("0 0 1W * ? *", "2026-07-31T12:00", "2026-08-31T00:00", ["2026-08-03T00:00"]),
        ("0 0 ? * 6#3 *", "2026-11-01T00:00", "2026-11-30T00:00", ["2026-11-20T00:00"]),
        ("0 0 ? * FRIL *", "2026-11-01T00:00", "2026-11-30T00:00", ["2026-11-27T00:00"]),
        ("0 0 29 2 ? *", "2025-01-01T00:00", "2029-01-01T00:00", ["2028-02-29T00:00"]),
        ("0 0 1 1 ? 2030", "2026-01-01T00:00", "2031-01-01T00:00", ["2030-01-01T00:00"]),
        ("0 0 1 JAN,JUL ? *", "2026-01-01T00:00", "2026-12-01T00:00", ["2026-07-01T00:00"]),
    ],
)
def test_times(cron: str, after: str, until: str, expected: list[str]) -> None:
    assert times(cron, after, until) == expected


def test_a_local_time_that_does_not_exist_is_left_out_and_one_that_exists_twice_is_taken_once() -> None:
    assert times("30 2 * * ? *", "2026-03-28T12:00", "2026-03-30T12:00", "Europe/Berlin") == [
        "2026-03-30T00:30"
    ]
    assert times("30 2 * * ? *", "2026-10-24T12:00", "2026-10-25T12:00", "Europe/Berlin") == [
        "2026-10-25T00:30"
    ]


def test_newest_first_and_lazily() -> None:
    found = parse_cron("* * * * ? *").between(at("1990-01-01T00:00"), at("2026-11-20T12:00:30"))
    assert list(islice(found, 2)) == [at("2026-11-20T12:00"), at("2026-11-20T11:59")]


def test_years_without_a_time_are_not_walked() -> None:
    assert times("0 0 1 1 ? 1990", "1980-01-01T00:00", "2199-12-31T00:00") == ["1990-01-01T00:00"]


def test_every_time_is_after_the_one_before() -> None:
    found = list(
        parse_cron("*/7 * ? * * *", "America/New_York").between(
            at("2026-10-31T00:00"), at("2026-11-02T00:00")
        )
    )
    assert found == sorted(set(found), reverse=True)
    assert max(a - b for a, b in pairwise(found)) <= timedelta(hours=1, minutes=7)


@pytest.mark.parametrize(
    "cron",
    [
        "0 10 * * *", "0 10 * * * *", "0 10 ? * ? *", "60 10 * * ? *", "0 24 * * ? *", "0 10 0 * ? *",
        "0 10 32 * ? *", "0 10 * 13 ? *", "0 10 ? * 8 *", "0/0 10 * * ? *", "5-1 10 * * ? *", "x 10 * * ? *",
        "0 10 * * ? 1969", "0 10 ? * MON#6 *", "-1 10 * * ? *", "٣ 10 * * ? *",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(cron: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        parse_cron(cron)
    assert refused.value.code == "CRON_INVALID"


def test_an_unknown_time_zone_is_refused() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(Unprocessable):
            parse_cron("0 0 * * ? *", zone)
