"""Which answers the commands bear, and which they tell at once."""

import httpx
import pytest

from infra.commands.api import Api, ApiError


def api(answers: list[httpx.Response]) -> Api:
    transport = httpx.MockTransport(lambda request: answers.pop(0))
    return Api("http://onyx", lambda fresh: "token", unreachable="away", transport=transport)


def test_a_service_that_is_restarting_is_asked_again() -> None:
    away = httpx.Response(503, json={"message": "Service Unavailable"}, headers={"retry-after": "0"})
    assert api([away, away, httpx.Response(200, json={"rows": []})]).get("/v1/x") == {"rows": []}


def test_a_503_of_our_own_code_is_told_at_once() -> None:
    lost = httpx.Response(
        503,
        json={"detail": "send the query again", "code": "WORKER_LOST"},
        headers={"content-type": "application/problem+json", "retry-after": "0"},
    )
    with pytest.raises(ApiError, match="send the query again") as told:
        api([lost]).post("/v1/query", {"sql": "select 1"})
    assert told.value.code == "WORKER_LOST"
