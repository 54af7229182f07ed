"""Times, against the examples of trino.io/docs/current/functions/datetime.html."""
# One example a line reads better than one that is broken for its length; SQL timestamps here have no zone.
# ruff: noqa: E501, DTZ001

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

EXAMPLES: list[tuple[str, Any]] = [
    ("format_datetime(TIMESTAMP '2026-01-02 03:04:05', 'yyyy-MM-dd''T''HH:mm:ss')", "2026-01-02T03:04:05"),
    ("format_datetime(DATE '2026-01-02', 'MMM d, YYYY')", "Jan 2, 2026"),
    ("parse_datetime('2026/01/02 03', 'yyyy/MM/dd HH')", datetime(2026, 1, 2, 3)),
    ("from_unixtime(1500000000)", datetime(2017, 7, 14, 2, 40)),
    ("from_unixtime(1500000000.5)", datetime(2017, 7, 14, 2, 40, 0, 500_000)),
    ("to_unixtime(TIMESTAMP '1970-01-01 00:00:01')", 1.0),
    ("to_iso8601(DATE '2026-01-02')", "2026-01-02"),
    ("to_iso8601(TIMESTAMP '2026-01-02 03:04:05')", "2026-01-02T03:04:05.000"),
    ("year_of_week(DATE '2027-01-01')", 2026),
    ("yow(DATE '2027-01-01')", 2026),
    ("millisecond(TIMESTAMP '2026-01-01 00:00:00.123')", 123),
    ("current_timezone()", "UTC"),
    ("TIMESTAMP '2026-01-01 00:00:00 UTC'", datetime(2026, 1, 1)),
    ("TIMESTAMP '2026-07-01 00:00:00 America/New_York'", datetime(2026, 7, 1, 4)),
    ("TIMESTAMP '2026-01-01 00:00:00 +05:30'", datetime(2025, 12, 31, 18, 30)),
    ("CAST(TIMESTAMP '2026-01-01 00:00:00' AS timestamp with time zone)", datetime(2026, 1, 1)),
    ("TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'UTC'", datetime(2026, 1, 1)),
    ("CAST(TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'America/New_York' AS timestamp)", datetime(2025, 12, 31, 19)),
    ("date(at_timezone(TIMESTAMP '2026-01-01 00:00:00', 'America/New_York'))", date(2025, 12, 31)),
    ("hour(TIMESTAMP '2026-03-29 01:30:00' AT TIME ZONE 'Europe/Berlin')", 3),
    ("hour(TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE '-05:00')", 19),
    ("date_format(date_trunc('month', TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'America/New_York'), '%Y-%m')", "2025-12"),
    ("with_timezone(TIMESTAMP '2026-01-01 00:00:00', 'UTC')", datetime(2026, 1, 1)),
    ("DATE '2026-01-31' + INTERVAL '1-1' YEAR TO MONTH", date(2027, 2, 28)),
    ("TIMESTAMP '2026-01-01 00:00:00' + INTERVAL '1 02:03:04' DAY TO SECOND", datetime(2026, 1, 2, 2, 3, 4)),
    ("TIMESTAMP '2026-01-01 00:00:00' - INTERVAL '02:30' HOUR TO MINUTE", datetime(2025, 12, 31, 21, 30)),
    ("format_datetime(NULL, 'yyyy')", None),
    ("to_char(TIMESTAMP '2026-01-02 15:04:05', 'yyyy/mm/dd hh24:mi:ss')", "2026/01/02 15:04:05"),
    ("DATE '2026-03-01' - DATE '2026-02-01' < INTERVAL '30' DAY", True),
    ("TIMESTAMP '2026-03-01 12:00:00' - TIMESTAMP '2026-03-01 00:00:00' BETWEEN INTERVAL '11' HOUR AND INTERVAL '12' HOUR", True),
    ("CAST(NULL AS date) - DATE '2026-02-01' < INTERVAL '30' DAY", None),
    # The clock of a zone, where only the caller sees it.
    ("date_trunc('day', TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'America/New_York')", datetime(2025, 12, 31)),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), EXAMPLES, ids=[each for each, _ in EXAMPLES])
def test_example(expression: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'America/New_York' < now()", "UNSUPPORTED_SQL"),
        ("x < now() FROM (SELECT now() AT TIME ZONE 'Asia/Tokyo' AS x) AS t", "UNSUPPORTED_SQL"),
        ("CAST(ChargePeriodStart AT TIME ZONE 'Nowhere/Land' AS date) FROM charges", "UNSUPPORTED_SQL"),
        ("with_timezone(now(), 'Asia/Kolkata')", "UNSUPPORTED_FUNCTION"),
        ("format_datetime(now(), 'Q')", "UNSUPPORTED_FUNCTION"),
        ("format_datetime('2026', 'yyyy')", "TYPE_MISMATCH"),
        ("TIMESTAMP '2026-01-01 00:00:00 Nowhere/Land'", "INVALID_CAST"),
        ("parse_duration('1d')", "UNSUPPORTED_FUNCTION"),
        ("current_time", "UNSUPPORTED_FUNCTION"),
        ("localtime", "UNSUPPORTED_FUNCTION"),
    ],
)
def test_what_fails_or_is_refused(expression: str, expected: str, code: Callable[[str], str]) -> None:
    assert code(expression) == expected
