"""What the runtime of a run needs of the world, beside `domain/ports.py`."""
# ruff: noqa: N818 - the names say what is wrong

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.tenancy import TenantId


class ActionFailed(Exception):
    """An inline action did not succeed.

    `retryable`: the same again may succeed. `unknown`: nobody can tell whether the effect happened (the
    answer was lost after the request was sent). `retry_after`: seconds for which the provider asked.
    The message is journaled and shown: it never holds a credential.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        unknown: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.unknown = unknown
        self.retry_after = retry_after


@dataclass(frozen=True)
class ActionCall:
    """One attempt. `effect_key` is what a provider sees as the idempotency key; `seconds` is how long it may
    take."""

    tenant: TenantId
    effect_key: str
    attempt: int
    input: Mapping[str, Any]
    credential: str | None
    seconds: float


class InlineAction(Protocol):
    """An action that runs within the dispatcher's own call."""

    def do(self, call: ActionCall) -> Mapping[str, Any]:
        """Its output. Raises ActionFailed."""
        ...

    def search(self, call: ActionCall) -> Mapping[str, Any] | None:
        """Of a searchable action: the output of the effect of this key if it happened, else None. Raises
        ActionFailed where that cannot be found out now."""
        ...


@dataclass(frozen=True, repr=False)
class Credential:
    """What a provider wants to see, and the only host (`name` or `name:port`) that may see it. `url` where
    the address itself is the secret (incoming webhooks)."""

    host: str
    headers: Mapping[str, str]
    url: str | None = None

    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be stored; of `Bearer abc` also `abc`."""
        found = list(self.headers.values())
        found += [part for value in self.headers.values() for part in value.split()[1:]]
        if self.url is not None:
            found.append(self.url)
        # Short parts are no secrets, and would black out innocent text.
        return tuple(sorted({each for each in found if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True))


_SHORTEST_SECRET = 6


class Credentials(Protocol):
    """Credentials by reference: read when an action needs one, kept nowhere."""

    def get(self, tenant: TenantId, name: str) -> Credential:
        """Raises ActionFailed (CREDENTIAL_UNKNOWN; retryable where the store does not answer)."""
        ...


@dataclass(frozen=True)
class Channel:
    """Where `notify` sends: `webhook` (an address, or a credential that holds it) or `email`."""

    name: str
    kind: str
    url: str | None = None
    credential: str | None = None
    addresses: tuple[str, ...] = ()


class Channels(Protocol):
    """The tenant's channels."""

    def get(self, tenant: TenantId, name: str) -> Channel | None: ...


class Artifacts(Protocol):
    """Documents of runs in S3, under the tenant's prefix."""

    def put_output(self, tenant: TenantId, run: str, at: str, step: str, text: str) -> str:
        """Keeps a JSON text; its s3:// address. The same text again is the same object."""
        ...

    def get_output(self, tenant: TenantId, location: str) -> str:
        """Raises NotFound, also for an address outside the tenant's prefix."""
        ...

    def put_history(self, tenant: TenantId, run: str, document: Mapping[str, Any]) -> str:
        """Keeps a run's history; the s3:// address of the folder that holds it."""
        ...


class FailPoint(Protocol):
    """Called with the name of each boundary between two writes. Tests crash there."""

    def __call__(self, step: str) -> None: ...


def no_failpoint(step: str) -> None:
    """The fail point of production: nothing happens."""
