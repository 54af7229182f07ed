"""The result that Athena puts to S3 (CSV; a null is nothing, an empty text two quotes) as a frame.

Its columns' types come with it by another way; values are read as these say, decimals from their text.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv

from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure

_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("varchar", "char", "string", "unknown"), pa.string()),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    **dict.fromkeys(("integer", "int"), pa.int32()),
    "bigint": pa.int64(),
    **dict.fromkeys(("float", "real"), pa.float32()),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def frame_of(content: bytes, columns: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pl.DataFrame:
    """`content` with its header, as a frame of `names`; `columns` are Athena's ColumnInfo.

    Raises OnyxError: UNSUPPORTED_SQL for a type that cannot be read again, ENGINE_FAILED for a result that
    is not what its types say.
    """
    if len(columns) != len(names):
        raise failure(errors.ENGINE_FAILED, "Athena's result has other columns than were asked for")
    own = [f"c{at}" for at in range(len(names))]
    types = {name: _type(column) for name, column in zip(own, columns, strict=True)}
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(content),
            read_options=pyarrow.csv.ReadOptions(column_names=own, skip_rows_after_names=1),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise failure(errors.ENGINE_FAILED, "Athena's result cannot be read") from error
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is never a series
    untyped = [name for name, column in zip(own, columns, strict=True) if column["Type"] == "unknown"]
    return frame.with_columns(pl.col(untyped).cast(pl.Null)).rename(dict(zip(own, names, strict=True)))


def _type(column: Mapping[str, Any]) -> Any:
    kind = str(column["Type"]).lower()
    if kind == "decimal":
        return pa.decimal128(int(column["Precision"]), int(column["Scale"]))
    if kind not in _TYPES:
        raise failure(errors.UNSUPPORTED_SQL, f"A column of Athena's type {kind} cannot be read again")
    return _TYPES[kind]
