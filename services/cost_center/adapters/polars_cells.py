"""Cells of a delivered file as Polars expressions: text to exact decimals and moments, or null where it is
neither.

Polars' cast of text to decimal(38,18) is exact, half even, and reads scientific notation; a test holds it
against Python's Decimal. What a cast turns into null although there was text is a finding.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import polars as pl

from services.cost_center.domain.tables import ColumnType, RawColumn

DECIMAL = pl.Decimal(38, 18)
MOMENT = pl.Datetime("us")
STRING_MAP = pl.Map(pl.String, pl.String)

TYPES: dict[ColumnType, pl.DataType] = {
    ColumnType.STRING: pl.String(),
    ColumnType.DECIMAL: DECIMAL,
    ColumnType.TIMESTAMP: MOMENT,
    ColumnType.MAP: STRING_MAP,
}

EXPECTED: dict[ColumnType, str] = {
    ColumnType.DECIMAL: "a decimal number (at most 20 digits before the point)",
    ColumnType.TIMESTAMP: "a date or time in ISO 8601",
    ColumnType.MAP: "a JSON object",
}

_ZONE = r"([+-]\d{2}:?\d{2})$"
_UTC = r"(Z| UTC|[+-]00:?00)$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_MINUTES = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$"
_CLOCK = "%Y-%m-%d %H:%M:%S%.f"
_PLAIN_FORMS = {
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$": "%Y-%m-%dT%H:%M:%SZ",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$": "%Y-%m-%dT%H:%M:%S%.3fZ",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$": "%Y-%m-%d %H:%M:%S",
}
_FEW, _MANY = 1_000, 10_000
"""Distinct moments of a batch, and of a file, that are worth remembering."""
_PLAIN = 19
"""A number of so many characters, and no exponent, has 18 decimals at most."""


def text(name: str, dtype: pl.DataType, nulls: frozenset[str]) -> pl.Expr:
    """The cell as text, or null where it is empty or one of `nulls`."""
    cell = pl.col(name)
    if isinstance(dtype, pl.Map | pl.Struct | pl.List | pl.Array):
        cell = cell.map_batches(_as_json, return_dtype=pl.String, is_elementwise=True)
    elif dtype != pl.String:
        cell = cell.cast(pl.String)
    absent = cell.is_in(["", *sorted(nulls)]) if nulls else cell == ""
    return pl.when(absent).then(None).otherwise(cell)


def value(
    column: RawColumn, dtype: pl.DataType, nulls: frozenset[str], date_formats: tuple[str, ...] = ()
) -> pl.Expr:
    """The cell as its column's type; null where it is empty or cannot be read."""
    if column.type is ColumnType.TIMESTAMP and isinstance(dtype, pl.Datetime | pl.Date):
        cell = pl.col(column.name)
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            cell = cell.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return cell.cast(MOMENT)
    if column.type is ColumnType.MAP:
        return _map(column.name, dtype, nulls)
    cell = text(column.name, dtype, nulls)
    if column.type is ColumnType.DECIMAL:
        return cell.cast(DECIMAL, strict=False)
    if column.type is ColumnType.TIMESTAMP:
        return _moment(cell, date_formats)
    return cell


def rounded(cell: pl.Expr) -> pl.Expr:
    """Whether a number's text has more than 18 decimals, so that its value was rounded."""
    # Few texts are long enough for it, or have an exponent: only those are looked at closely.
    near = (cell.str.len_bytes() > _PLAIN) | cell.str.contains_any(["e", "E"])
    text = pl.when(near).then(cell)
    decimals = text.str.extract(r"\.(\d+)", 1).str.len_chars().fill_null(0).cast(pl.Int64)
    exponent = text.str.extract(r"[eE]([+-]?\d{1,9})$", 1).cast(pl.Int64, strict=False).fill_null(0)
    return decimals - exponent > 18


def plain_form(text: str | None) -> str | None:
    """How a moment is written, in strptime's letters, if that is one of the forms that most bills have."""
    return next(
        (form for pattern, form in _PLAIN_FORMS.items() if text and re.fullmatch(pattern, text)), None
    )


def moment_of_form(column: RawColumn, nulls: frozenset[str], form: str) -> pl.Expr:
    """The moments of a text column all of whose cells are written in one plain form; null for any other."""
    cell = text(column.name, pl.String(), nulls)
    pattern = next(pattern for pattern, each in _PLAIN_FORMS.items() if each == form)
    return pl.when(cell.str.contains(pattern)).then(cell.str.to_datetime(form, strict=False, time_unit="us"))


def _moment(cell: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    """ISO 8601: a date, a time to minutes, seconds or their fractions, in UTC or with an offset. Else what
    one of `formats` reads. A bill has few distinct moments, and each costs far more to read than to find."""

    known = pl.DataFrame(schema={"text": pl.String, "moment": MOMENT})

    def read(texts: pl.Series) -> pl.Series:
        # A batch of a csv is a few thousand rows: each step that is not needed costs as much as reading them.
        # Batches are read by several threads: what one finds may be lost to another, and is found again.
        nonlocal known
        have = known
        if have.height > _MANY:
            return _moments_of(texts, formats)
        if have.height and (moments := _known_moments(texts, have)).null_count() == texts.null_count():
            return moments
        distinct = texts.unique().drop_nulls()
        if len(distinct) > _FEW:
            return _moments_of(texts, formats)
        new = distinct.filter(~distinct.is_in(have["text"].implode()))
        have = have.vstack(pl.DataFrame({"text": new, "moment": _moments_of(new, formats)}))
        known = have
        return _known_moments(texts, have)

    return cell.map_batches(read, return_dtype=MOMENT, is_elementwise=True)


def _known_moments(texts: pl.Series, known: pl.DataFrame) -> pl.Series:
    return texts.replace_strict(known["text"], known["moment"], default=None, return_dtype=MOMENT)


def _moments_of(texts: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    return texts.to_frame("text").select(_read_moment(pl.col("text"), formats).alias(texts.name)).to_series()


def _read_moment(cell: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    plain = cell.str.replace(r"^(\d{4}-\d{2}-\d{2})T", "$1 ").str.replace(_UTC, "")
    whole = (
        pl.when(plain.str.contains(_DATE))
        .then(plain + " 00:00:00")
        .when(plain.str.contains(_MINUTES))
        .then(plain + ":00")
        .otherwise(plain)
    )
    shifted = pl.when(whole.str.contains(r":\d{2}(\.\d+)?" + _ZONE)).then(whole)
    return pl.coalesce(
        whole.str.to_datetime(_CLOCK, strict=False, time_unit="us"),
        shifted.str.to_datetime(_CLOCK + "%z", strict=False, time_unit="us").dt.replace_time_zone(None),
        *(cell.str.to_datetime(each, strict=False, time_unit="us") for each in formats),
    )


def is_map(dtype: pl.DataType) -> bool:
    """Whether a column of a parquet file is a map already, by the type or as the entries of one."""
    return isinstance(dtype, pl.Map) or (
        isinstance(dtype, pl.List)
        and isinstance(dtype.inner, pl.Struct)
        and [field.name for field in dtype.inner.fields] == ["key", "value"]
    )


def map_has_nul(name: str) -> pl.Expr:
    """Whether a key or a value of a map has a NUL character."""
    return map_has_nul_of(pl.col(name).cast(STRING_MAP))


def map_has_nul_of(cell: pl.Expr) -> pl.Expr:
    """The same of a cell of the type STRING_MAP."""
    return (
        cell.map.entries()
        .list.eval(
            pl.element().struct.field("key").str.contains("\0", literal=True)
            | pl.element().struct.field("value").str.contains("\0", literal=True)
        )
        .list.any()
    )


def _map(name: str, dtype: pl.DataType, nulls: frozenset[str]) -> pl.Expr:
    """A map, or the one that a JSON object writes; null where it is neither."""
    if is_map(dtype):
        return pl.col(name).cast(STRING_MAP)
    read = per_distinct(_json_object_or_none)
    return text(name, dtype, nulls).map_batches(
        lambda series: pl.Series(series.name, read(series), dtype=STRING_MAP),
        return_dtype=STRING_MAP,
        is_elementwise=True,
    )


def _json_object_or_none(written: str) -> dict[str, str | None] | None:
    try:
        return json_object(written)
    except ValueError:
        return None


def _as_json(series: pl.Series) -> pl.Series:
    if is_map(series.dtype):
        series = series.cast(STRING_MAP)
    present = isinstance(series.dtype, pl.Struct)
    written = [
        None if each is None else _json_text(_present(each) if present else each) for each in series.to_list()
    ]
    return pl.Series(series.name, written, dtype=pl.String)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """A struct has every key of the file in every row: those that are null are not this row's."""
    return {key: each for key, each in fields.items() if each is not None}


def _json_text(nested: Any) -> str:
    return json.dumps(nested, ensure_ascii=False, default=str)


def json_object(written: str | None) -> dict[str, str | None] | None:
    """The map that a JSON object writes; what is no text in it keeps its JSON. ValueError for anything
    else, and for what is nested too deeply to be a tag."""
    if written is None:
        return None
    try:
        parsed = json.loads(written, parse_float=_Number, parse_int=_Number, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(parsed, dict):
        raise ValueError("no JSON object")
    read = {str(key): _tag_text(each) for key, each in parsed.items()}
    if any("\0" in written for pair in read.items() for written in pair if written is not None):
        raise ValueError("a NUL character, which is no JSON text that can be kept")
    return read


def json_pairs(written: str | None) -> dict[str, str | None] | None:
    """The same of an object whose braces may be missing: `"team": "web","env": "prod"`."""
    if written is None or written.lstrip().startswith("{"):
        return json_object(written)
    return json_object(f"{{{written}}}")


def reads(read: Callable[[str], object], written: str) -> bool:
    """Whether `read` takes the text."""
    try:
        read(written)
    except ValueError:
        return False
    return True


class _Number:
    """A JSON number, as it was written."""

    def __init__(self, written: str) -> None:
        self.written = written


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _tag_text(each: Any) -> str | None:
    return each if each is None or isinstance(each, str) else _as_written(each)


def _as_written(each: Any) -> str:
    """JSON with every number as the provider wrote it: through a float 1.50 would be 1.5."""
    if isinstance(each, _Number):
        return each.written
    if isinstance(each, list):
        return f"[{', '.join(map(_as_written, each))}]"
    if isinstance(each, dict):
        return (
            "{" + ", ".join(f"{_as_written(key)}: {_as_written(inner)}" for key, inner in each.items()) + "}"
        )
    return json.dumps(each, ensure_ascii=False)


def per_distinct(read: Callable[[str], Any]) -> Callable[[pl.Series], list[Any]]:
    """Apply `read` once per distinct text of a series."""

    def apply(series: pl.Series) -> list[Any]:
        known: dict[str | None, Any] = {None: None}
        for written in series.unique().to_list():
            if written is not None:
                known[written] = read(written)
        return [known[written] for written in series.to_list()]

    return apply
