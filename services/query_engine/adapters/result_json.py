"""Rows of an answer as JSON: decimals as canonical text, times as ISO 8601 with Z, Trino's type names."""

import json
import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from shared.money import money_text

_NAMES: dict[Any, str] = {
    pl.String: "varchar",
    pl.Categorical: "varchar",
    pl.Int64: "bigint",
    pl.UInt64: "bigint",
    pl.UInt32: "bigint",
    pl.Int32: "integer",
    pl.Int16: "smallint",
    pl.Int8: "tinyint",
    pl.Float64: "double",
    pl.Float32: "real",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Null: "unknown",
    pl.Map: "map(varchar, varchar)",
}


def type_name(kind: pl.DataType) -> str:
    """Trino's name of a Polars type. Raises OnyxError (UNSUPPORTED_SQL) for one that is not answered."""
    match kind:
        case pl.Decimal():
            return f"decimal({kind.precision},{kind.scale})"
        case pl.Datetime():
            return "timestamp"
    name = _NAMES.get(kind.base_type())
    if name is None:
        raise failure(errors.UNSUPPORTED_SQL, f"A column of type {kind} cannot be answered: add a CAST")
    return name


def json_rows(frame: pl.DataFrame, limit: int) -> bytes:
    """The rows as a JSON list of objects. Raises OnyxError (RESULT_TOO_LARGE) beyond `limit` bytes."""
    columns = [_column_texts(series) for series in frame.get_columns()]
    names = [json.dumps(name, ensure_ascii=False) + ":" for name in frame.columns]
    parts: list[bytes] = []
    size = 0
    for values in zip(*columns, strict=True):
        row = ("{" + ",".join(map(str.__add__, names, values)) + "}").encode()
        size += len(row) + 1
        if size > limit:
            raise failure(
                errors.RESULT_TOO_LARGE,
                f"The answer has more than {limit} bytes: select fewer columns, aggregate or LIMIT it, "
                "or ask for it as a file: format arrow, parquet or csv",
            )
        parts.append(row)
    return b"[" + b",".join(parts) + b"]"


def _column_texts(series: pl.Series) -> Iterable[str]:
    """Each value of a column as JSON text."""
    write = _WRITERS.get(series.dtype.base_type(), _json)
    return ("null" if value is None else write(value) for value in series)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _decimal(value: Decimal) -> str:
    return f'"{money_text(value)}"'


def _double(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'


def _timestamp(value: datetime) -> str:
    return f'"{value.replace(tzinfo=None).isoformat()}Z"'


def _date(value: date) -> str:
    return f'"{value.isoformat()}"'


def _map(value: Any) -> str:
    return _json(dict(value))


_WRITERS: dict[Any, Callable[[Any], str]] = {
    pl.Decimal: _decimal,
    pl.Float64: _double,
    pl.Float32: _double,
    pl.Datetime: _timestamp,
    pl.Date: _date,
    pl.Map: _map,
    pl.Int64: str,
    pl.Int32: str,
}
