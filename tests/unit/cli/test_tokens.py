import stat
from datetime import timedelta

import httpx
import pytest

from infra.commands.tokens import MARGIN

COSTS = "/v1/cost-center/costs"


def bearer(request: httpx.Request) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


def test_a_token_is_printed_and_kept_for_its_owner_alone(onyx):
    assert onyx("token", "--tenant", "acme").out == "token-1-acme\n"
    file = onyx.state / "state" / "tokens.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert onyx("token", "--tenant", "acme").out == "token-1-acme\n"
    assert len(onyx.platform.commands) == 1


def test_shortly_before_it_expires_there_is_a_new_one(onyx):
    onyx("token", "--tenant", "acme")
    onyx.clock.advance(timedelta(seconds=3600) - MARGIN - timedelta(seconds=1))
    assert onyx("token", "--tenant", "acme").out == "token-1-acme\n"
    onyx.clock.advance(timedelta(seconds=1))
    assert onyx("token", "--tenant", "acme").out == "token-2-acme\n"


def test_each_tenant_and_role_has_its_own(onyx):
    onyx("token", "--tenant", "acme")
    assert onyx("token", "--tenant", "rival").out == "token-2-rival\n"
    assert onyx("token", "--tenant", "acme", "--role", "viewer").out == "token-3-acme\n"
    assert onyx.platform.commands[-1] == {"command": "issue_token", "tenant": "acme", "role": "viewer"}
    assert onyx("token", "--tenant", "acme").out == "token-1-acme\n"
    assert onyx("token", "--tenant", "acme", "--fresh").out == "token-4-acme\n"


def test_a_token_in_the_environment_wins(onyx, monkeypatch):
    monkeypatch.setenv("ONYX_TOKEN", "mine")
    onyx.platform.on("GET", COSTS, {"rows": []})
    assert onyx("costs").code == 0
    assert bearer(onyx.platform.requests[0]) == "mine"
    assert onyx.platform.commands == []


def test_without_tenant_and_token_it_was_called_wrongly(onyx):
    outcome = onyx("costs")
    assert outcome.code == 2
    assert "--tenant" in outcome.err


def test_a_token_of_a_platform_that_was_made_anew_is_replaced_once(onyx):
    def only_the_second(request: httpx.Request) -> httpx.Response:
        if bearer(request) == "token-1-acme":
            return httpx.Response(401, json={"message": "Unauthorized"})
        return httpx.Response(200, json={"rows": []})

    onyx("token", "--tenant", "acme")
    onyx.platform.routes["GET", COSTS] = only_the_second
    assert onyx("costs", "--tenant", "acme").code == 0
    assert onyx("token", "--tenant", "acme").out == "token-2-acme\n"


def test_a_token_that_is_refused_twice_is_a_failure(onyx):
    onyx.platform.on("GET", COSTS, {"message": "Unauthorized"}, 401)
    outcome = onyx("costs", "--tenant", "acme")
    assert outcome.code == 1
    assert "The token was refused: it has expired, or is of another platform. (HTTP 401)" in outcome.err
    assert len(onyx.platform.requests) == 2


@pytest.mark.parametrize("text", ["", "no json", "[]", "null"])
def test_a_cache_that_is_none_is_replaced(onyx, text):
    file = onyx.state / "state" / "tokens.json"
    file.parent.mkdir()
    file.write_text(text)
    assert onyx("token", "--tenant", "acme").out == "token-1-acme\n"
