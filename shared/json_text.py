"""JSON as Onyx writes it: decimals as canonical strings, moments in UTC with a Z, never a float of money."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel

from shared.money import money_text


def plain(value: Any) -> Any:
    """`value` in JSON's own types. Raises TypeError for what has no agreed form."""
    match value:
        case None | bool() | int() | float():
            return value.value if isinstance(value, Enum) else value
        case Enum():
            return plain(value.value)
        case str():
            return value
        case Decimal():
            return money_text(value)
        case datetime():
            return moment(value)
        case date():
            return value.isoformat()
        case BaseModel():
            return plain(value.model_dump(by_alias=True))
        case Mapping():
            return {str(plain(key)): plain(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        case _:
            raise TypeError(f"a {type(value).__name__} has no JSON form")


def dumps(value: Any) -> str:
    """`plain(value)` as compact JSON text. Raises ValueError for NaN and infinity."""
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def moment(value: datetime) -> str:
    """ISO 8601 in UTC with a Z, as short as it is exact. Raises ValueError for a naive datetime."""
    if value.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
