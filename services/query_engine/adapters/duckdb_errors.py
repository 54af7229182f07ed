"""DuckDB's errors as ours. Its own words never reach the caller where they could name a file."""

import re

import duckdb

from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from shared.errors import OnyxError
from shared.observability import logger

_UNREADABLE = "The files of the query cannot be read now: try again"

# Pattern in DuckDB's message (or in Polars', of the functions that it lends), code, what to tell the caller.
_MESSAGES: tuple[tuple[str, str, str], ...] = (
    (r"division by zero", errors.DIVISION_BY_ZERO, "Division by zero: write x / nullif(y, 0)"),
    (
        r"could not convert string|invalid (date|timestamp|time) field format|(date|timestamp) field value"
        r"|could not parse string",
        errors.INVALID_CAST,
        "A value cannot be cast: try_cast gives null instead",
    ),
    (
        r"could not cast value|failed to cast decimal value|can't be cast because the value is out of range",
        errors.NUMERIC_OVERFLOW,
        "A number of the query does not fit the type it is cast to",
    ),
    (
        r"overflow|does not fit|doesn't fit|out of range",
        errors.NUMERIC_OVERFLOW,
        "A number of the query does not fit 20 digits and 18 decimals",
    ),
    (
        r"more than one row returned by a subquery",
        errors.SUBQUERY_ROWS,
        "A subquery that stands for one value has several rows",
    ),
    (
        r"missing [\])]|unexpected \)|repetition (operator|argument)|invalid (perl operator|escape sequence"
        r"|character class|named capture|repetition)|no argument for repetition|trailing \\|regex",
        errors.INVALID_PATTERN,
        "The regular expression is not valid",
    ),
)
_OF_THE_SQL = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.NotImplementedException,
    duckdb.NotSupportedError,
    duckdb.TypeMismatchException,
)
_OF_FILES = (duckdb.IOException, duckdb.HTTPException, duckdb.PermissionException)
# What a macro says of itself: see `dialects/duckdb/macros.py`.
_OWN = re.compile(r"""["']onyx:([A-Z_]+):([^"'\n]+)["']""")
_OWN_CODES = frozenset({errors.INVALID_CAST, errors.INVALID_ARGUMENT})
_TOLD = 300
"""Of the engine's own words: they may hold a text of the query, however long."""
_PATH = re.compile(r"/|\\|\.parquet|onyx-lake", re.IGNORECASE)


def unreadable(error: Exception) -> OnyxError:
    """What came of binding the published files."""
    if isinstance(error, duckdb.BinderException):
        logger.error("a published file is not what it was", error_message=str(error))
        return failure(errors.LAKE_INCONSISTENT, "A published file lacks a column that it was published with")
    return failure(errors.LAKE_UNAVAILABLE, _UNREADABLE)


def explained(error: Exception) -> OnyxError:
    """What came of the query."""
    message = str(error)
    if isinstance(error, duckdb.InterruptException):
        return failure(errors.QUERY_CANCELLED, "The query was cancelled")
    if isinstance(error, duckdb.OutOfMemoryException) or re.search(r"failed to allocate|bad_alloc", message):
        return failure(errors.QUERY_MEMORY, "The query needs more memory than it may have")
    if isinstance(error, _OF_FILES):
        return failure(errors.LAKE_UNAVAILABLE, _UNREADABLE)
    if (own := _OWN.search(message)) and own[1] in _OWN_CODES:
        return failure(own[1], own[2])
    for pattern, code, text in _MESSAGES:
        if re.search(pattern, message, re.IGNORECASE):
            return failure(code, text)
    first = message.strip().splitlines()[0] if message.strip() else ""
    if isinstance(error, _OF_THE_SQL):
        words = "" if _PATH.search(first) else f": {first[:_TOLD]}"
        return failure(errors.UNSUPPORTED_SQL, f"The engine does not answer this{words}")
    logger.error("the engine failed", error_type=type(error).__name__, error_message=first)
    return failure(errors.ENGINE_FAILED, "The engine failed on this query")
