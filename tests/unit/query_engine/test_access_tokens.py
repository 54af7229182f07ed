import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from services.query_engine.adapters.access_tokens import AccessTokens, KeySet, keys_url
from shared.clock import FixedClock
from shared.errors import Forbidden, OnyxError, Unauthenticated, Unavailable
from shared.tenancy import Role
from tests.fakes.query_engine import CLIENT, ISSUER, NOW, Signer


class Issuer:
    """Counts how often its keys are asked for."""

    def __init__(self, *signers: Signer) -> None:
        self.signers = list(signers)
        self.asked = 0
        self.down = False

    def __call__(self, url: str) -> Mapping[str, Any]:
        assert url.endswith("/.well-known/jwks.json")
        self.asked += 1
        if self.down:
            raise OSError("no route")
        return {"keys": [each.jwk() for each in self.signers]}


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


def tokens(issuer: Issuer, clock: FixedClock) -> AccessTokens:
    return AccessTokens(ISSUER, ["other", CLIENT], KeySet(keys_url(ISSUER), clock, issuer))


def test_a_good_token_names_the_caller(signer: Signer, clock: FixedClock) -> None:
    issuer = Issuer(signer)
    checked = tokens(issuer, clock)
    caller = checked.caller(f"Bearer {signer.token('acme', roles='viewer analyst')}")
    assert (caller.tenant, caller.subject) == ("acme", "ada")
    assert caller.roles == {Role.VIEWER, Role.ANALYST}
    checked.caller(f"bearer {signer.token('globex')}")
    assert issuer.asked == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://cognito-idp.us-east-1.amazonaws.com/another"},
        {"client_id": "stranger"},
        {"token_use": "id"},
        {"expires_in": timedelta(seconds=-5)},
        {"tenant": "No Tenant"},
        {"tenant": ""},
        {"without": ("tenant",)},
        {"without": ("sub",)},
        {"without": ("exp",)},
        {"without": ("client_id",)},
        {"without": ("token_use",)},
    ],
)
def test_a_bad_token_is_nobodys(claims: dict[str, Any], signer: Signer, clock: FixedClock) -> None:
    with pytest.raises(Unauthenticated):
        tokens(Issuer(signer), clock).caller(f"Bearer {signer.token(**claims)}")


def test_the_scope_is_needed(signer: Signer, clock: FixedClock) -> None:
    for claims in ({"scope": "openid onyx/apis"}, {"without": ("scope",)}):
        with pytest.raises(Forbidden):
            tokens(Issuer(signer), clock).caller(f"Bearer {signer.token(**claims)}")  # type: ignore[arg-type]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer x"])
def test_no_token_is_nobodys(header: str | None, signer: Signer, clock: FixedClock) -> None:
    with pytest.raises(Unauthenticated):
        tokens(Issuer(signer), clock).caller(header)


def test_a_token_of_another_key_is_refused(signer: Signer, clock: FixedClock) -> None:
    stranger = Signer("key-2")
    with pytest.raises(Unauthenticated):
        tokens(Issuer(signer), clock).caller(f"Bearer {stranger.token()}")
    with pytest.raises(Unauthenticated):
        tokens(Issuer(signer), clock).caller(f"Bearer {stranger.token(key_id=signer.key_id)}")


def test_only_rs256_counts(signer: Signer, clock: FixedClock) -> None:
    payload = jwt.decode(signer.token(), options={"verify_signature": False})
    encode = lambda part: base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()  # noqa: E731
    unsigned = f"{encode({'alg': 'none', 'kid': signer.key_id})}.{encode(payload)}."
    secret = "a secret that is long enough for it"
    hmac = jwt.encode(payload, secret, "HS256", headers={"kid": signer.key_id})
    for token in (unsigned, hmac):
        with pytest.raises(Unauthenticated):
            tokens(Issuer(signer), clock).caller(f"Bearer {token}")


def test_an_altered_token_is_refused(signer: Signer, clock: FixedClock) -> None:
    head, _, signature = signer.token("acme").split(".")
    body = signer.token("globex").split(".")[1]
    with pytest.raises(Unauthenticated):
        tokens(Issuer(signer), clock).caller(f"Bearer {head}.{body}.{signature}")


def test_a_new_key_is_fetched_but_unknown_ones_do_not_make_a_storm(signer: Signer, clock: FixedClock) -> None:
    issuer, newer = Issuer(signer), Signer("key-2")
    checked = tokens(issuer, clock)
    checked.caller(f"Bearer {signer.token()}")
    issuer.signers.append(newer)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            checked.caller(f"Bearer {newer.token()}")
    assert issuer.asked == 1
    clock.advance(timedelta(seconds=11))
    assert checked.caller(f"Bearer {newer.token()}").tenant == "acme"
    assert issuer.asked == 2


def test_keys_are_kept_while_the_issuer_is_down(signer: Signer, clock: FixedClock) -> None:
    issuer = Issuer(signer)
    checked = tokens(issuer, clock)
    issuer.down = True
    with pytest.raises(Unavailable):
        checked.caller(f"Bearer {signer.token()}")
    issuer.down = False
    checked.caller(f"Bearer {signer.token()}")
    issuer.down = True
    clock.advance(timedelta(hours=2))
    assert checked.caller(f"Bearer {signer.token()}").tenant == "acme"


def test_where_the_keys_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert keys_url(ISSUER) == f"{ISSUER}/.well-known/jwks.json"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8420")
    assert keys_url(ISSUER) == "http://127.0.0.1:8420/us-east-1_Query/.well-known/jwks.json"
    assert issubclass(Unauthenticated, OnyxError)


def test_a_token_is_verified_once_in_five_minutes_and_not_beyond_its_end(signer: Signer) -> None:
    clock, issuer = FixedClock(datetime.now(UTC)), Issuer(signer)
    tokens = AccessTokens(ISSUER, [CLIENT], KeySet("https://x/.well-known/jwks.json", clock, issuer), clock)
    header, short = (f"Bearer {signer.token(expires_in=timedelta(seconds=each))}" for each in (900, 2))
    assert tokens.caller(header) == tokens.caller(header)
    tokens.caller(short)
    # The issuer takes its key back: what was verified holds for a while, what was not does not.
    issuer.signers = [Signer("other")]
    clock.advance(timedelta(hours=2))
    with pytest.raises(Unauthenticated):
        tokens.caller(header)
    fresh = AccessTokens(
        ISSUER, [CLIENT], KeySet("https://x/.well-known/jwks.json", clock, Issuer(signer)), clock
    )
    fresh.caller(header)
    clock.advance(timedelta(minutes=4))
    fresh.caller(header)


def test_a_header_that_was_refused_is_refused_again(signer: Signer) -> None:
    clock = FixedClock(datetime.now(UTC))
    tokens = AccessTokens(
        ISSUER, [CLIENT], KeySet("https://x/.well-known/jwks.json", clock, Issuer(signer)), clock
    )
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            tokens.caller(f"Bearer {signer.token(token_use='id')}")
        with pytest.raises(Unauthenticated):
            tokens.caller(f"Bearer {signer.token(expires_in=timedelta(seconds=-5))}")
