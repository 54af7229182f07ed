"""Athena's failures as ours. Its own words go to the log, and reach the caller only as a sentence of ours."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from services.query_engine.domain import errors
from services.query_engine.domain.errors import failure
from shared.errors import OnyxError
from shared.observability import logger

RETRY_AFTER_SECONDS = 5
THROTTLED = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown"}
)
_SYSTEM = 1
"""Athena's category of errors that are neither the query's nor the caller's."""

# Pattern in the reason, code, what to tell the caller.
_REASONS: tuple[tuple[str, str, str], ...] = (
    (
        r"bytes scanned limit",
        errors.QUERY_TOO_LARGE,
        "The query reads more than a query may: filter it by billing period, or select fewer columns",
    ),
    (
        r"DIVISION_BY_ZERO|division by zero",
        errors.DIVISION_BY_ZERO,
        "Division by zero: write x / nullif(y, 0)",
    ),
    (
        r"NUMERIC_VALUE_OUT_OF_RANGE|overflow|out of range",
        errors.NUMERIC_OVERFLOW,
        "A number of the query does not fit 20 digits and 18 decimals",
    ),
    (
        r"INVALID_CAST_ARGUMENT",
        errors.INVALID_CAST,
        "A value cannot be cast: try_cast gives null instead",
    ),
    (
        r"SUBQUERY_MULTIPLE_ROWS",
        errors.SUBQUERY_ROWS,
        "A subquery that stands for one value has several rows",
    ),
    (
        r"INVALID_FUNCTION_ARGUMENT.*(pattern|regular expression)",
        errors.INVALID_PATTERN,
        "The regular expression is not valid",
    ),
    (
        r"INVALID_FUNCTION_ARGUMENT",
        errors.INVALID_ARGUMENT,
        "An argument of a function is not one that it takes",
    ),
    (
        r"EXCEEDED_(LOCAL_|GLOBAL_)?MEMORY_LIMIT|exhausted resources",
        errors.QUERY_MEMORY,
        "The query needs more memory than it may have",
    ),
    (r"EXCEEDED_TIME_LIMIT|query timeout", errors.QUERY_TIMEOUT, "The query took longer than a query may"),
)


def is_throttled(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in THROTTLED


def busy() -> OnyxError:
    return failure(
        errors.QUERY_BUSY,
        "Too many queries run in Athena: try again in a moment",
        retry_after=RETRY_AFTER_SECONDS,
    )


def unavailable() -> OnyxError:
    return failure(
        errors.LAKE_UNAVAILABLE,
        "Athena cannot answer now: send the query again",
        retry_after=RETRY_AFTER_SECONDS,
    )


def refused(error: ClientError | BotoCoreError) -> OnyxError:
    """What came of a request to Athena or for its result."""
    if is_throttled(error):
        return busy()
    if isinstance(error, ClientError) and error.response["Error"]["Code"] == "InvalidRequestException":
        logger.error("Athena refused a request", error_message=str(error))
        return failure(errors.ENGINE_FAILED, "The engine failed on this query")
    logger.warning("Athena cannot be asked", error_type=type(error).__name__, error_message=str(error))
    return unavailable()


def may_be_tried_again(status: Mapping[str, Any]) -> bool:
    """Whether Athena says that the fault was its own and may have passed."""
    told = status.get("AthenaError", {})
    return bool(told.get("Retryable")) and told.get("ErrorCategory") == _SYSTEM


def ended(status: Mapping[str, Any]) -> OnyxError:
    """What came of a query that FAILED, or was CANCELLED by somebody else."""
    told = status.get("AthenaError", {})
    reason = f"{status.get('StateChangeReason', '')} {told.get('ErrorMessage', '')}".strip()
    for pattern, code, text in _REASONS:
        if re.search(pattern, reason, re.IGNORECASE | re.DOTALL):
            return failure(code, text)
    if status["State"] == "CANCELLED":
        return failure(errors.QUERY_CANCELLED, "The query was cancelled in Athena")
    # What is left of errors in the SQL is the dialect's fault: the caller's were found before.
    logger.error(
        "Athena failed a query",
        category=told.get("ErrorCategory"),
        error_type=told.get("ErrorType"),
        error_message=reason,
    )
    if told.get("ErrorCategory") == _SYSTEM:
        return unavailable()
    return failure(errors.ENGINE_FAILED, "The engine failed on this query")
