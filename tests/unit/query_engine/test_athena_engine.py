"""Athena as an engine: started, waited for, fetched, stopped, and each of its failures as a code of ours.

Requests and replies are held against the service's model by botocore; there is no Athena here.
"""

import json
import threading
from typing import Any

import pytest

from services.query_engine.adapters import athena_engine
from services.query_engine.adapters.athena_engine import STARTS
from services.query_engine.domain.answers import Answer, Limits
from services.query_engine.domain.plan import Plan
from shared.errors import OnyxError
from shared.ids import deterministic_id
from shared.tenancy import TenantId
from tests.fakes.query_engine_athena import Clock, StubbedSessions, column, engine

LIMITS = Limits(rows=3, bytes=10_000)
ONE = [column("n", "bigint")]


@pytest.fixture
def sessions() -> StubbedSessions:
    return StubbedSessions()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def plan(*names: str) -> Plan:
    return Plan("athena", "SELECT 1", (), names or ("n",), query_id="q-1")


def run(
    sessions: StubbedSessions,
    clock: Clock,
    asked: Plan | None = None,
    tenant: str = "acme",
    seconds: float = 25,
    stop: threading.Event | None = None,
) -> Answer:
    return engine(sessions, clock).run(TenantId(tenant), asked or plan(), LIMITS, seconds, stop)


def failed(sessions: StubbedSessions, clock: Clock, seconds: float = 25) -> OnyxError:
    with pytest.raises(OnyxError) as raised:
        run(sessions, clock, seconds=seconds)
    sessions.assert_all_was_asked()
    return raised.value


# --- answers ---


def test_every_type_as_the_other_engines_answer_it(sessions: StubbedSessions, clock: Clock) -> None:
    kinds = [
        *(column("a", "varchar"), column("b", "decimal", 38, 18), column("c", "timestamp")),
        *(column("d", "date"), column("e", "bigint"), column("f", "double"), column("g", "boolean")),
        *(column("h", "integer"), column("i", "unknown")),
    ]
    names = ("Name", "Cost", "At", "Day", "N", "F", "Flag", "H", "Nothing")
    content = (
        b'"a","b","c","d","e","f","g","h","i"\n'
        b'"x ""y"",\nz","-12345678901234567890.123456789012345678","2026-09-01 00:00:00.123456",'
        b'"2026-09-01","9223372036854775807","1.0E10","true","7",\n'
        b'"","0.100000000000000000","2026-09-01 12:00:00.000000",,,"NaN","false",,\n'
        b",,,,,,,,\n"
    )
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    sessions.holds(kinds, content)
    answer = run(sessions, clock, plan(*names))
    assert [(each.name, each.type) for each in answer.columns] == [
        *(("Name", "varchar"), ("Cost", "decimal(38,18)"), ("At", "timestamp"), ("Day", "date")),
        *(("N", "bigint"), ("F", "double"), ("Flag", "boolean"), ("H", "integer"), ("Nothing", "unknown")),
    ]
    full, some, nothing = json.loads(answer.rows)
    assert full == {
        "Name": 'x "y",\nz',
        "Cost": "-12345678901234567890.123456789012345678",
        "At": "2026-09-01T00:00:00.123456Z",
        "Day": "2026-09-01",
        "N": 9223372036854775807,
        "F": 1e10,
        "Flag": True,
        "H": 7,
        "Nothing": None,
    }
    assert (some["Name"], some["Cost"], some["Day"], some["F"]) == ("", "0.1", None, "NaN")
    assert set(nothing.values()) == {None}
    assert (answer.engine, answer.row_count) == ("athena", 3)
    sessions.assert_all_was_asked()


def test_no_rows(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n')
    answer = run(sessions, clock)
    assert (answer.rows, answer.row_count) == (b"[]", 0)


def test_it_is_looked_at_less_and_less_often(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    for _ in range(6):
        sessions.is_in("QUEUED")
        sessions.is_in("RUNNING")
    # To be told to look less often is no failure.
    sessions.athena.add_client_error("get_query_execution", "ThrottlingException")
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n"5"\n')
    assert json.loads(run(sessions, clock, seconds=600).rows) == [{"n": 5}]
    assert clock.pauses == sorted(clock.pauses)
    assert (clock.pauses[0], clock.pauses[-1]) == (0.2, 5.0)


def test_more_rows_or_bytes_than_an_answer_has(
    sessions: StubbedSessions, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n' + b'"5"\n' * 4)
    assert failed(sessions, clock).code == "RESULT_TOO_LARGE"
    monkeypatch.setattr(athena_engine, "MOST_BYTES", 10)
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n' + b'"5"\n' * 2)
    assert failed(sessions, clock).code == "RESULT_TOO_LARGE"


def test_a_type_that_is_a_text_only_goes_to_the_next_engine(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    sessions.holds([column("n", "array")], b'"n"\n"[1, 2]"\n')
    assert failed(sessions, clock).code == "UNSUPPORTED_SQL"


def test_a_result_that_is_not_what_it_says(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n"five"\n')
    assert failed(sessions, clock).code == "ENGINE_FAILED"


# --- whose ---


def test_tenants_have_a_session_a_database_and_a_place_each(clock: Clock) -> None:
    for tenant in ("acme", "globex"):
        sessions = StubbedSessions()
        sessions.starts(tenant)
        sessions.is_in("SUCCEEDED", tenant)
        sessions.holds(ONE, b'"n"\n"5"\n', tenant)
        run(sessions, clock, tenant=tenant)
        assert {each for _, each in sessions.asked} == {tenant}
        sessions.assert_all_was_asked()


def test_a_result_elsewhere_is_not_read(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("SUCCEEDED", "globex")
    told = {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": ONE}}}
    sessions.athena.add_response("get_query_results", told)
    assert failed(sessions, clock).code == "ENGINE_FAILED"


def test_one_query_starts_once(clock: Clock) -> None:
    """By the token, which is the query's: Athena gives the same execution for the same token."""

    def token(tenant: str, query_id: str) -> str:
        return deterministic_id("athena", tenant, query_id, "1")

    for _ in range(2):
        sessions = StubbedSessions()
        sessions.starts(ClientRequestToken=token("acme", "q-1"))
        sessions.is_in("SUCCEEDED")
        sessions.holds(ONE, b'"n"\n"5"\n')
        run(sessions, clock)
    assert len({token("acme", "q-1"), token("acme", "q-2"), token("globex", "q-1")}) == 3


# --- throttled ---


def test_a_start_that_is_put_off_is_asked_for_again(sessions: StubbedSessions, clock: Clock) -> None:
    token = deterministic_id("athena", "acme", "q-1", "1")
    for code in ("TooManyRequestsException", "ThrottlingException"):
        sessions.athena.add_client_error("start_query_execution", code)
    sessions.starts(ClientRequestToken=token)
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n"5"\n')
    assert run(sessions, clock).row_count == 1
    assert clock.pauses == [0.4, 0.8]
    assert sessions.forgotten == []


def test_one_that_is_always_put_off_is_busy(sessions: StubbedSessions, clock: Clock) -> None:
    for _ in range(STARTS):
        sessions.athena.add_client_error("start_query_execution", "TooManyRequestsException")
    error = failed(sessions, clock)
    assert (error.code, error.status, error.retry_after) == ("QUERY_BUSY", 429, 5)


# --- ended before its time ---


def test_a_query_that_takes_too_long_is_stopped(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    for _ in range(4):
        sessions.is_in("RUNNING")
    sessions.stopped()
    error = failed(sessions, clock, seconds=0.7)
    assert (error.code, error.status) == ("QUERY_TIMEOUT", 504)
    assert sum(clock.pauses) == pytest.approx(0.7)


def test_a_cancelled_query_is_stopped(sessions: StubbedSessions, clock: Clock) -> None:
    clock.stop_after = 2
    sessions.starts()
    for _ in range(2):
        sessions.is_in("RUNNING")
    sessions.stopped()
    error = failed(sessions, clock)
    assert (error.code, error.status) == ("QUERY_CANCELLED", 409)


def test_one_that_is_not_wanted_any_more_while_it_is_put_off_never_starts(
    sessions: StubbedSessions, clock: Clock
) -> None:
    clock.stop_after = 1
    sessions.athena.add_client_error("start_query_execution", "TooManyRequestsException")
    assert failed(sessions, clock).code == "QUERY_CANCELLED"


def test_what_cannot_be_looked_at_is_stopped(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.athena.add_client_error("get_query_execution", "InternalServerException", http_status_code=500)
    sessions.athena.add_client_error("stop_query_execution", "InternalServerException", http_status_code=500)
    error = failed(sessions, clock)
    assert (error.code, error.retry_after) == ("LAKE_UNAVAILABLE", 5)
    assert sessions.forgotten == ["acme"]


# --- failed ---


def user_error(text: str) -> dict[str, Any]:
    told = {"ErrorCategory": 2, "ErrorType": 1006, "Retryable": False, "ErrorMessage": text}
    return {"StateChangeReason": text, "AthenaError": told}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DIVISION_BY_ZERO: Division by zero", "DIVISION_BY_ZERO"),
        ("NUMERIC_VALUE_OUT_OF_RANGE: Decimal overflow", "NUMERIC_OVERFLOW"),
        ("INVALID_CAST_ARGUMENT: Cannot cast 'x' to BIGINT", "INVALID_CAST"),
        ("SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows", "SUBQUERY_ROWS"),
        ("INVALID_FUNCTION_ARGUMENT: Invalid pattern: (", "INVALID_PATTERN"),
        ("INVALID_FUNCTION_ARGUMENT: Index must be greater than zero", "INVALID_ARGUMENT"),
        ("Query exhausted resources at this scale factor", "QUERY_MEMORY"),
        ("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved", "ENGINE_FAILED"),
    ],
)
def test_what_a_query_fails_of(sessions: StubbedSessions, clock: Clock, text: str, code: str) -> None:
    sessions.starts()
    sessions.is_in("FAILED", **user_error(text))
    error = failed(sessions, clock)
    assert error.code == code
    # Athena's words name tables, files and accounts.
    assert text not in error.detail


def test_a_query_that_reads_too_much_says_what_to_do(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("CANCELLED", StateChangeReason="Bytes scanned limit was exceeded")
    error = failed(sessions, clock)
    assert (error.code, error.status) == ("QUERY_TOO_LARGE", 422)
    assert "billing period" in error.detail


def test_one_that_somebody_cancelled_in_the_console(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("CANCELLED", StateChangeReason="Query cancelled by user")
    assert failed(sessions, clock).code == "QUERY_CANCELLED"


def system_error(*, retryable: bool = True) -> dict[str, Any]:
    told = {"ErrorCategory": 1, "ErrorType": 401, "Retryable": retryable, "ErrorMessage": "Internal error"}
    return {"StateChangeReason": "Internal error", "AthenaError": told}


def test_a_fault_of_athenas_own_is_tried_once_more(sessions: StubbedSessions, clock: Clock) -> None:
    """Under another token: the first one's would give the failed execution again."""
    sessions.starts(ClientRequestToken=deterministic_id("athena", "acme", "q-1", "1"))
    sessions.is_in("FAILED", **system_error())
    sessions.starts(ClientRequestToken=deterministic_id("athena", "acme", "q-1", "2"))
    sessions.is_in("SUCCEEDED")
    sessions.holds(ONE, b'"n"\n"5"\n')
    assert run(sessions, clock).row_count == 1
    sessions.assert_all_was_asked()


def test_and_then_it_is_told(sessions: StubbedSessions, clock: Clock) -> None:
    for _ in range(2):
        sessions.starts()
        sessions.is_in("FAILED", **system_error())
    error = failed(sessions, clock)
    assert (error.code, error.status, error.retry_after) == ("LAKE_UNAVAILABLE", 503, 5)


def test_one_that_says_it_will_not_pass_is_not_tried_again(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("FAILED", **system_error(retryable=False))
    assert failed(sessions, clock).code == "LAKE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("InvalidRequestException", "ENGINE_FAILED"),
        ("AccessDeniedException", "LAKE_UNAVAILABLE"),
        ("ExpiredTokenException", "LAKE_UNAVAILABLE"),
    ],
)
def test_a_start_that_is_refused(sessions: StubbedSessions, clock: Clock, code: str, ours: str) -> None:
    sessions.athena.add_client_error("start_query_execution", code)
    assert failed(sessions, clock).code == ours
    assert sessions.forgotten == ["acme"]


def test_a_result_that_is_gone(sessions: StubbedSessions, clock: Clock) -> None:
    sessions.starts()
    sessions.is_in("SUCCEEDED")
    told = {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": ONE}}}
    sessions.athena.add_response("get_query_results", told)
    sessions.s3.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    assert failed(sessions, clock).code == "LAKE_UNAVAILABLE"
