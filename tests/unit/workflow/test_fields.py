"""Values against declared fields."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.workflow.domain.fields import check_fields, fits, with_defaults
from shared.actions import Field, Kind

FIELDS = {
    "url": Field(Kind.STRING, required=True),
    "method": Field(Kind.STRING, default="POST", one_of=("POST", "PUT")),
    "most": Field(Kind.INTEGER),
}

FITS: dict[Kind, list[Any]] = {
    Kind.STRING: ["", "a"],
    Kind.INTEGER: [0, -5, Decimal("7"), Decimal("7.0")],
    Kind.DECIMAL: [1, Decimal("1.5"), "1.50", "-3", "1e3"],
    Kind.BOOLEAN: [True, False],
    Kind.TIMESTAMP: ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)],
    Kind.LIST: [[], [1]],
    Kind.OBJECT: [{}, {"a": 1}],
    Kind.ANY: [1, "a", True, [], {}],
}
FITS_NOT: dict[Kind, list[Any]] = {
    Kind.STRING: [1, True, []],
    Kind.INTEGER: ["1", True, Decimal("1.5"), Decimal("NaN"), 1.0],
    Kind.DECIMAL: ["", "1,5", "NaN", True, 1.5, []],
    Kind.BOOLEAN: ["true", 1, 0],
    Kind.TIMESTAMP: ["2026-01-31", "2026-01-31T08:00:00", "now", 5],
    Kind.LIST: [{}, "a"],
    Kind.OBJECT: [[], "a"],
    Kind.ANY: [],
}


@pytest.mark.parametrize("kind", Kind)
def test_fits(kind: Kind) -> None:
    assert [each for each in FITS[kind] if not fits(kind, each)] == []
    assert [each for each in FITS_NOT[kind] if fits(kind, each)] == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"url": "x"}, []),
        ({"url": "x", "most": None}, []),
        ({}, [("url", "MISSING_FIELD")]),
        ({"url": None}, [("url", "MISSING_FIELD")]),
        ({"url": "x", "mehod": "POST"}, [("mehod", "UNKNOWN_FIELD")]),
        ({"url": "x", "method": "GET"}, [("method", "BAD_VALUE")]),
        ({"url": 5, "most": "5"}, [("url", "WRONG_TYPE"), ("most", "WRONG_TYPE")]),
        ({"url": "x", "most": "${n}"}, [("most", "WRONG_TYPE")]),
    ],
)
def test_findings(value: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert [(each.path, each.code) for each in check_fields(FIELDS, value)] == found


def test_templates_pass_until_they_are_rendered() -> None:
    assert check_fields(FIELDS, {"url": "x", "most": "${n}", "method": "${m}"}, templates=True) == []


def test_an_open_mapping_takes_other_names() -> None:
    assert check_fields(FIELDS, {"url": "x", "more": 1}, open=True) == []
    assert check_fields({}, {"more": 1}) != []


def test_messages_say_what_is_expected() -> None:
    [missing, unknown] = check_fields(FIELDS, {"mehod": 1})[::-1]
    assert missing.message == "'url' is missing: a text is expected"
    assert unknown.message == "there is no field 'mehod'; did you mean 'method'?"


def test_defaults_stand_in_for_what_is_absent_or_null() -> None:
    assert with_defaults(FIELDS, {"url": "x", "method": None}) == {"url": "x", "method": "POST", "most": None}
