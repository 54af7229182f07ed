import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from pydantic import BaseModel, Field

from shared.json_text import dumps, moment, plain
from shared.tenancy import Role


class Level(IntEnum):
    HIGH = 3


@dataclass
class Point:
    x: Decimal


class Row(BaseModel):
    total: Decimal = Field(alias="BilledCost")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E-7"), '"0.0000001"'),
        (Decimal("2E+3"), '"2000"'),
        (Decimal("-0.00"), '"0"'),
        (datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), '"2026-01-01T00:00:00Z"'),
        (datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC), '"2026-01-01T00:00:00.000005Z"'),
        (date(2026, 9, 1), '"2026-09-01"'),
        (Role.ADMIN, '"admin"'),
        (Level.HIGH, "3"),
        (True, "true"),
        ({"a": (1, None), Role.VIEWER: {"b"}}, '{"a":[1,null],"viewer":["b"]}'),
        (Point(Decimal("1.0")), '{"x":"1"}'),
        (Row(BilledCost=Decimal("1.10")), '{"BilledCost":"1.1"}'),
        ("é", '"é"'),
    ],
)
def test_json(value: Any, text: str) -> None:
    assert dumps(value) == text
    assert json.loads(text) == plain(value)


@pytest.mark.parametrize("value", [object(), b"x", Point])
def test_what_has_no_form_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="JSON"):
        dumps({"a": [value]})


def test_what_json_has_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps(float("nan"))
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 1, 1))  # noqa: DTZ001
