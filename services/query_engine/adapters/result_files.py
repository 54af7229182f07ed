"""Answers as files of the results bucket, written by the worker with its tenant's credentials.

Decimals are exact in each form. CSV is RFC 4180 with a header: a null is empty, an empty text is `""`, times
are ISO 8601 with Z, maps are JSON objects.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import IO, Any

import polars as pl
from botocore.exceptions import BotoCoreError, ClientError

from services.query_engine.adapters.result_json import json_rows, type_name
from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer, Format, Limits
from services.query_engine.domain.errors import failure
from services.query_engine.domain.tables import Column

AS_A_FILE = "or ask for it as a file: format arrow, parquet or csv"


def answer_of(frame: pl.DataFrame, limits: Limits, storage: Mapping[str, str]) -> Answer:
    """The rows as the answer that was asked for, inline or put to `limits.target`.

    Raises OnyxError (RESULT_TOO_LARGE, UNSUPPORTED_SQL, LAKE_UNAVAILABLE where the bucket does not take it).
    """
    inline = limits.format is Format.JSON
    if frame.height > limits.rows:
        instead = f"aggregate, filter or LIMIT it{', ' + AS_A_FILE if inline else ''}"
        raise failure(errors.RESULT_TOO_LARGE, f"The answer has more than {limits.rows} rows: {instead}")
    columns = tuple(Column(name, type_name(kind)) for name, kind in frame.schema.items())
    if limits.target is None:
        return Answer(columns, json_rows(frame, limits.bytes), frame.height)
    # It has no name: whatever ends this process leaves nothing behind.
    with tempfile.TemporaryFile() as file:
        _WRITERS[limits.format](frame, columns, limits, file)
        size = file.tell()
        if size > limits.bytes:
            raise failure(
                errors.RESULT_TOO_LARGE,
                f"The answer's file has more than {limits.bytes} bytes: select fewer columns, aggregate or "
                "LIMIT it",
            )
        file.seek(0)
        _put(file, limits.target, limits.format, storage)
    return Answer(columns, b"", frame.height, size)


Writer = Callable[[pl.DataFrame, Sequence[Column], Limits, IO[bytes]], None]


def _json(frame: pl.DataFrame, columns: Sequence[Column], limits: Limits, file: IO[bytes]) -> None:
    head = json.dumps([{"name": each.name, "type": each.type} for each in columns], ensure_ascii=False)
    rows = json_rows(frame, limits.bytes)
    file.write(b'{"columns":%s,"rows":%s}' % (head.encode(), rows))


def _arrow(frame: pl.DataFrame, columns: Sequence[Column], limits: Limits, file: IO[bytes]) -> None:
    _plain(frame).write_ipc(file, compression="zstd", compat_level=pl.CompatLevel.oldest())


def _parquet(frame: pl.DataFrame, columns: Sequence[Column], limits: Limits, file: IO[bytes]) -> None:
    _plain(frame).write_parquet(file, compression="zstd")


def _csv(frame: pl.DataFrame, columns: Sequence[Column], limits: Limits, file: IO[bytes]) -> None:
    frame.select(map(_cell, frame.get_columns())).write_csv(file, line_terminator="\r\n", null_value="")


_WRITERS: Mapping[Format, Writer] = {
    Format.JSON: _json,
    Format.ARROW: _arrow,
    Format.PARQUET: _parquet,
    Format.CSV: _csv,
}


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """With types that every reader of Arrow knows, the same whichever engine ran and however files lay."""
    return frame.with_columns(
        pl.col(pl.Categorical).cast(pl.String),
        pl.col(pl.UInt32, pl.UInt64).cast(pl.Int64),
        pl.col(pl.Datetime).dt.replace_time_zone(None).cast(pl.Datetime("us")),
    )


def _cell(series: pl.Series) -> pl.Series:
    match series.dtype:
        case pl.Decimal(scale=scale):
            text = series.cast(pl.String)
            return text.str.strip_chars_end("0").str.strip_chars_end(".") if scale else text
        case pl.Datetime():
            naive = series.dt.replace_time_zone(None)
            # A fraction only where there is one, as JSON has it.
            whole, exact = (
                naive.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
                naive.dt.strftime("%Y-%m-%dT%H:%M:%S.%6fZ"),
            )
            return whole.zip_with((naive.dt.microsecond() == 0).fill_null(value=True), exact)
        case pl.Map():
            texts = [None if each is None else _object(each) for each in series.to_list()]
            return pl.Series(series.name, texts, dtype=pl.String)
        case pl.Categorical():
            return series.cast(pl.String)
    return series


def _object(value: Any) -> str:
    return json.dumps(dict(value), ensure_ascii=False)


def _put(file: IO[bytes], target: str, form: Format, storage: Mapping[str, str]) -> None:
    bucket, _, key = target.removeprefix("s3://").partition("/")
    try:
        _client(tuple(sorted(storage.items()))).upload_fileobj(
            file, bucket, key, ExtraArgs={"ContentType": form.content_type}
        )
    except (BotoCoreError, ClientError, OSError) as error:
        raise failure(
            errors.LAKE_UNAVAILABLE,
            f"The result could not be stored ({type(error).__name__}): send the query again",
            retry_after=1,
        ) from error


@lru_cache(maxsize=8)
def _client(storage: tuple[tuple[str, str], ...]) -> Any:
    """Making one reads the service's model: as often as credentials change, and not with every query."""
    import boto3

    from shared.aws import limits

    options = dict(storage)
    return boto3.client(
        "s3",
        aws_access_key_id=options["aws_access_key_id"],
        aws_secret_access_key=options["aws_secret_access_key"],
        aws_session_token=options["aws_session_token"],
        region_name=options["aws_region"],
        endpoint_url=options.get("aws_endpoint_url"),
        config=limits(),
    )
