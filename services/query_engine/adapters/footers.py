"""Facts of parquet files from their footers: one ranged read of each file's end, in the worker.

It is a plan like any other to the pool, of an engine called "facts": the tenant's credentials open the files.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.query_engine.domain import errors
from services.query_engine.domain.answers import Answer
from services.query_engine.domain.errors import failure
from services.query_engine.domain.facts import ColumnFacts, FileFacts, Part, Value
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import FileGroup, Table
from shared.observability import logger

ENGINE = "facts"

_TAIL = 64 * 1024
"""Bytes read first: the footer of a file of 5 row groups and 50 columns has about half of them."""
_END = 8
_LONGEST_FOOTER = 64 * 1024 * 1024
_READS = 16
_LONGEST_TEXT = 64


@dataclass(frozen=True)
class FactsFound(Answer):
    """What a plan of facts is answered with."""

    facts: Mapping[str, FileFacts] = field(default_factory=dict)


def plan_of(paths: Sequence[str]) -> Plan:
    """What the pool is to run for the facts of `paths`."""
    table = Table("files", (), (FileGroup(tuple(paths), ()),))
    return Plan(ENGINE, "", (BoundTable("files", table),), ())


def run(plan: Plan, storage: Mapping[str, str]) -> FactsFound:
    """The facts of the plan's files. Raises OnyxError (LAKE_UNAVAILABLE) where a footer cannot be read."""
    paths = [path for each in plan.tables for path in each.table.files]
    client = _client(storage) if any(path.startswith("s3://") for path in paths) else None
    try:
        with ThreadPoolExecutor(_READS, "footers") as pool:
            found = dict(zip(paths, pool.map(lambda path: _facts(path, client), paths), strict=True))
    except Exception as error:
        # The caller answers without them: why they could not be read stands here alone.
        logger.warning("footers were not read", error_type=type(error).__name__, files=len(paths))
        raise failure(
            errors.LAKE_UNAVAILABLE, "The files of the query cannot be read now: try again"
        ) from error
    return FactsFound((), b"[]", len(found), facts=found)


def facts_of(tail: bytes, size: int) -> FileFacts:
    """The facts of a file of `size` bytes that ends with `tail`, in which its whole footer stands."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    footer = pq.read_metadata(pa.BufferReader(tail))
    return FileFacts(size, tuple(_part(footer.row_group(at)) for at in range(footer.num_row_groups)))


def _part(group: Any) -> Part:
    columns: dict[str, ColumnFacts] = {}
    for at in range(group.num_columns):
        chunk = group.column(at)
        path: str = chunk.path_in_schema
        name, nested, _ = path.partition(".")
        found = ColumnFacts(chunk.total_compressed_size)
        if nested:
            # A map's keys and values: what matters of them is what they weigh.
            before = columns.get(name.casefold(), ColumnFacts(0))
            columns[name.casefold()] = ColumnFacts(before.bytes + found.bytes)
        else:
            columns[name.casefold()] = _with_bounds(found, chunk)
    return Part(group.num_rows, columns)


def _with_bounds(found: ColumnFacts, chunk: Any) -> ColumnFacts:
    # Of a column without them (or with some that Arrow does not trust) there are none.
    statistics = chunk.statistics if chunk.is_stats_set else None
    if statistics is None:
        return found
    nulls = statistics.null_count if statistics.has_null_count else None
    if not statistics.has_min_max:
        return found._replace(nulls=nulls)
    low, high = _value(statistics.min), _value(statistics.max)
    if "nanoseconds" in str(statistics.logical_type).lower():
        # Engines cut them to microseconds.
        low, high = _moved(low, -1), _moved(high, 1)
    if isinstance(low, str):
        low = low[:_LONGEST_TEXT]
    if isinstance(high, str) and len(high) > _LONGEST_TEXT:
        high = high[:_LONGEST_TEXT]  # ColumnFacts: texts that begin with it may be there.
    return found._replace(low=low, high=high, nulls=nulls)


def _value(value: object) -> Value | None:
    """A bound as one of ours. Exact types: a boolean is an int to Python, and a double may hide a NaN."""
    if isinstance(value, datetime):
        # Of nanoseconds it is pandas' own kind of datetime, where pandas is installed.
        plain = datetime.combine(value.date(), value.time(), value.tzinfo)
        return plain.astimezone(UTC).replace(tzinfo=None) if plain.tzinfo else plain
    return value if type(value) in (int, str, date, Decimal) else None  # type: ignore[return-value]


def _moved(value: Value | None, microseconds: int) -> Value | None:
    return value + timedelta(microseconds=microseconds) if isinstance(value, datetime) else None


def _facts(path: str, client: Any) -> FileFacts:
    """Of one file: its end, and more of it where the footer is longer."""
    tail, size = _last(path, client, _TAIL)
    if len(tail) < _END or tail[-4:] != b"PAR1":
        raise ValueError("no parquet file")
    needed = int.from_bytes(tail[-8:-4], "little") + _END
    if needed > min(size, _LONGEST_FOOTER):
        raise ValueError("no parquet file")
    if needed > len(tail):
        tail, size = _last(path, client, needed)
    return facts_of(tail[-needed:], size)


def _last(path: str, client: Any, count: int) -> tuple[bytes, int]:
    """The last `count` bytes of a file, and its size."""
    if not path.startswith("s3://"):
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - count, 0))
            return file.read(), size
    bucket, _, key = path.removeprefix("s3://").partition("/")
    answer = client.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{count}")
    return answer["Body"].read(), int(answer["ContentRange"].rsplit("/", 1)[1])


def _client(storage: Mapping[str, str]) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        aws_access_key_id=storage["aws_access_key_id"],
        aws_secret_access_key=storage["aws_secret_access_key"],
        aws_session_token=storage["aws_session_token"],
        region_name=storage["aws_region"],
        endpoint_url=storage.get("aws_endpoint_url"),
        config=Config(
            connect_timeout=2,
            read_timeout=3,
            retries={"mode": "standard", "max_attempts": 2},
            max_pool_connections=_READS,
        ),
    )
