"""Verifies the caller's Cognito access token: the server trusts no header that a gateway may have set."""

import json
import os
import threading
import urllib.request
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import jwt

from shared.clock import Clock, SystemClock
from shared.errors import Forbidden, Unauthenticated, Unavailable
from shared.tenancy import API_SCOPE, Principal, principal_from_claims

_FRESH = timedelta(hours=1)
_FETCH_AGAIN = timedelta(seconds=10)
"""An unknown key id asks for the keys again, but not more often than this."""
_FETCH_SECONDS = 3
_LARGEST_DOCUMENT = 256 * 1024
_KNOWN = 1024
_KNOWN_FOR = timedelta(minutes=5)
"""How long a token that was verified is not verified again; so long it outlives a key that is withdrawn."""

Fetch = Callable[[str], Mapping[str, Any]]


def keys_url(issuer: str) -> str:
    """Where the issuer's keys are: its well-known path, on the endpoint of AWS if one is set."""
    parts = urlsplit(f"{issuer.rstrip('/')}/.well-known/jwks.json")
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        other = urlsplit(endpoint)
        parts = parts._replace(scheme=other.scheme, netloc=other.netloc)
    return urlunsplit(parts)


def fetch_json(url: str) -> Mapping[str, Any]:
    """The JSON object at an http(s) address. Raises OSError or ValueError."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("keys are fetched over http or https")
    with urllib.request.urlopen(url, timeout=_FETCH_SECONDS) as answer:  # noqa: S310 - checked above
        document = json.loads(answer.read(_LARGEST_DOCUMENT))
    if not isinstance(document, dict):
        raise ValueError("the keys are no JSON object")
    return document


class KeySet:
    """The issuer's signing keys by key id, fetched when first needed and when an id is not known."""

    def __init__(self, url: str, clock: Clock, fetch: Fetch = fetch_json) -> None:
        self._url = url
        self._clock = clock
        self._fetch = fetch
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None

    def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key, or None. Raises Unavailable (KEYS_UNAVAILABLE) when no keys can be had at all."""
        with self._lock:
            age = None if self._fetched_at is None else self._clock.now() - self._fetched_at
            if age is None or age > _FRESH or (key_id not in self._keys and age > _FETCH_AGAIN):
                self._refresh()
            return self._keys.get(key_id)

    def _refresh(self) -> None:
        try:
            document = self._fetch(self._url)
            self._keys = {
                each["kid"]: jwt.PyJWK.from_dict(each, algorithm="RS256")
                for each in document["keys"]
                if each.get("kty") == "RSA" and each.get("use", "sig") == "sig"
            }
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            if not self._keys:
                raise Unavailable(
                    "the token issuer's keys cannot be fetched", code="KEYS_UNAVAILABLE"
                ) from error
        self._fetched_at = self._clock.now()


class AccessTokens:
    """Turns an Authorization header into the caller."""

    def __init__(
        self, issuer: str, client_ids: Collection[str], keys: KeySet, clock: Clock | None = None
    ) -> None:
        self._issuer = issuer
        self._client_ids = frozenset(client_ids)
        self._keys = keys
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Principal, datetime]] = {}

    def caller(self, authorization: str | None) -> Principal:
        """Who is calling. Raises Unauthenticated, Forbidden (no scope) or Unavailable."""
        if (found := self.known(authorization)) is not None:
            return found
        token = _token(authorization)
        if not token:
            raise Unauthenticated("an access token is needed: Authorization: Bearer <token>")
        claims = self._claims(token)
        if claims.get("token_use") != "access":
            raise Unauthenticated("the token is not an access token")
        if claims.get("client_id") not in self._client_ids:
            raise Unauthenticated("the token is of another client")
        if API_SCOPE not in str(claims.get("scope", "")).split():
            raise Forbidden(f"the token lacks the scope {API_SCOPE}")
        caller = principal_from_claims(claims)
        now = self._clock.now()
        with self._lock:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[token] = (caller, min(now + _KNOWN_FOR, datetime.fromtimestamp(claims["exp"], UTC)))
        return caller

    def known(self, authorization: str | None) -> Principal | None:
        """Who is calling, where that was verified lately. Waits for nothing."""
        with self._lock:
            found = self._known.get(_token(authorization))
        return found[0] if found is not None and self._clock.now() < found[1] else None

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.PyJWTError as error:
            raise Unauthenticated("the token cannot be read") from error
        key = self._keys.key(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise Unauthenticated("the token is signed with a key that is not the issuer's")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                # Cognito's access tokens have a client_id and no audience.
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the token has expired") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated("the token is not valid") from error
        return claims


def _token(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
