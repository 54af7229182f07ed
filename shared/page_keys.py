"""Page tokens that can be neither forged nor moved: to another tenant, table, partition or prefix.

A token is base64url(mac + last key), where the mac is HMAC-SHA256 over the key and all of its scope. The
key itself is readable: it is a sort key of the caller's own tenant.
"""

import base64
import binascii
import hmac
import json
import threading
from collections.abc import Callable, Sequence

from shared.errors import BadRequest, ConfigurationError

_MAC_BYTES = 32
_SHORTEST_SECRET = 16
_LONGEST_TOKEN = 4096


class PageKeys:
    """Signs and verifies page tokens with one secret, which is read when first needed."""

    def __init__(self, secret: bytes | Callable[[], bytes]) -> None:
        self._lock = threading.Lock()
        self._load = secret if callable(secret) else None
        self._secret = None if callable(secret) else _checked(secret)

    @classmethod
    def from_secret(cls, secret_arn: str) -> "PageKeys":
        """Keys from Secrets Manager (SecretString JSON {"key": "..."}), fetched at the first use and kept."""
        return cls(lambda: _fetch(secret_arn))

    def sign(
        self, table: str, tenant: str, prefix: str, last_key: str, *, partition: str = "", order: str = ""
    ) -> str:
        """The token that continues after `last_key` in exactly this listing."""
        key = last_key.encode()
        mac = self._mac((table, tenant, partition, prefix, order), key)
        return base64.urlsafe_b64encode(mac + key).rstrip(b"=").decode()

    def verify(
        self, table: str, tenant: str, prefix: str, token: str, *, partition: str = "", order: str = ""
    ) -> str:
        """The last key in `token`. Raises BadRequest (INVALID_CURSOR) unless signed for this listing."""
        raw = _decoded(token)
        mac, key = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        expected = self._mac((table, tenant, partition, prefix, order), key)
        if not key or not hmac.compare_digest(mac, expected):
            raise invalid_cursor()
        return key.decode()

    def _mac(self, scope: Sequence[str], key: bytes) -> bytes:
        # JSON with hex keeps the parts apart: ("a", "bc") and ("ab", "c") must not sign alike.
        message = json.dumps(["onyx-page-1", *scope, key.hex()]).encode()
        return hmac.digest(self._secret_bytes(), message, "sha256")

    def _secret_bytes(self) -> bytes:
        with self._lock:
            if self._secret is None:
                assert self._load is not None  # noqa: S101 - one of the two is always there
                self._secret = _checked(self._load())
            return self._secret


def invalid_cursor() -> BadRequest:
    """The one answer to every bad token, whatever is wrong with it."""
    return BadRequest("the cursor is not one of this listing", code="INVALID_CURSOR")


def _decoded(token: str) -> bytes:
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        raise invalid_cursor()
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_cursor() from error
    # Unused bits of the last character would let two texts stand for the same bytes.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise invalid_cursor()
    return raw


def _checked(secret: bytes) -> bytes:
    if len(secret) < _SHORTEST_SECRET:
        raise ConfigurationError(f"PAGE_TOKEN_SECRET_ARN: the key has fewer than {_SHORTEST_SECRET} bytes")
    return secret


def _fetch(secret_arn: str) -> bytes:
    from shared.aws import secretsmanager

    text = secretsmanager().get_secret_value(SecretId=secret_arn).get("SecretString", "")
    try:
        key = json.loads(text)["key"]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError('PAGE_TOKEN_SECRET_ARN: the secret is not JSON {"key": "..."}') from error
    if not isinstance(key, str):
        raise ConfigurationError('PAGE_TOKEN_SECRET_ARN: the secret is not JSON {"key": "..."}')
    return key.encode()
