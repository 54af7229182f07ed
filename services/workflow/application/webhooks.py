"""Posts to a webhook's address, verified as Standard Webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

Whoever cannot show a good signature learns nothing: an address that is not there, one without a secret and a
bad signature are answered alike, after the same work. The webhook's id makes a repetition the same run.
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.workflow.application.requesting import Cause, Requesting
from services.workflow.domain.definition import WebhookTrigger
from services.workflow.domain.naming import hook_id, owner_of_hook
from services.workflow.domain.start_ports import Hooks, Triggers
from services.workflow.domain.workflow import Hook, HookSecret, TriggerSet
from shared.clock import Clock
from shared.errors import BadRequest, NotFound, PayloadTooLarge, Unauthenticated
from shared.tenancy import Principal, TenantId

TOLERANCE = timedelta(minutes=5)
OVERLAP = timedelta(hours=24)
"""How long the secret before the newest one is still good."""
LARGEST = 128 * 1024
"""Bytes of a body: it travels in an event, beside the inputs that are made of it."""
PREFIX = "whsec_"
SECRET_BYTES = 32
_LONGEST_ID = 100
_MOST_SIGNATURES = 10
_NOBODYS = base64.b64encode(bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True)
class Post:
    """A request as it came: `headers` in lower case, the body's very bytes."""

    hook: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Webhooks:
    """The use cases and their ports. `random_bytes` makes secrets."""

    hooks: Hooks
    triggers: Triggers
    requesting: Requesting
    clock: Clock
    random_bytes: Callable[[int], bytes]

    def receive(self, post: Post) -> list[str]:
        """The runs that it asks for: one, or none where the trigger's condition does not hold.

        Raises PayloadTooLarge, Unauthenticated (WEBHOOK_REFUSED: whatever is wrong with address, time or
        signature), and BadRequest (WEBHOOK_BODY) for a body that is no JSON object.
        """
        if len(post.body) > LARGEST:
            raise PayloadTooLarge(f"a webhook's body has at most {LARGEST // 1024} KiB")
        tenant, hook, id = self._verified(post)
        found = self.triggers.get(tenant, hook.workflow)
        trigger = None if found is None else found.webhook(hook.trigger)
        if found is None or trigger is None or not found.active:
            raise refused()
        body = parsed(post.body)
        return self.requesting([_cause(tenant, found, trigger, id, body)])

    def rotate(self, who: Principal, workflow: str, trigger: str) -> tuple[str, str]:
        """The webhook's id and a new secret, which is shown this once. The one before stays good for
        `OVERLAP`, all others end. Raises NotFound."""
        found = self.triggers.get(who.tenant, workflow)
        if found is None or found.webhook(trigger) is None:
            raise NotFound(f"{workflow} has no webhook {trigger}")
        now = self.clock.now()
        id = hook_id(who.tenant, workflow, trigger)
        hook = self.hooks.get(who.tenant, id) or Hook(id, workflow, trigger, ())
        secret = PREFIX + base64.b64encode(self.random_bytes(SECRET_BYTES)).decode()
        before = tuple(
            HookSecret(each.secret, each.created_at, now + OVERLAP)
            for each in hook.secrets
            if each.expires_at is None
        )
        secrets = (HookSecret(secret, now), *before)
        self.hooks.save(who.tenant, Hook(id, workflow, trigger, secrets, hook.rowversion))
        return id, secret

    def _verified(self, post: Post) -> tuple[TenantId, Hook, str]:
        now = self.clock.now()
        tenant = owner_of_hook(post.hook)
        hook = None if tenant is None else self.hooks.get(tenant, post.hook)
        id, sent = post.headers.get("webhook-id", ""), post.headers.get("webhook-timestamp", "")
        good = [] if hook is None else [s for s in hook.secrets if s.expires_at is None or now < s.expires_at]
        # An address that is not there is checked against a secret that nobody has.
        secrets = [each.secret for each in good] or [PREFIX + _NOBODYS]
        signatures = post.headers.get("webhook-signature", "")
        # Summed up, not `any`: how long it takes tells nothing of which one was good.
        signed = sum(verified(each, id, sent, post.body, signatures) for each in secrets) > 0
        in_time = abs(now - _moment(sent)) <= TOLERANCE
        if not (signed and good and in_time and 0 < len(id) <= _LONGEST_ID) or tenant is None or hook is None:
            raise refused()
        return tenant, hook, id


def verified(secret: str, id: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Whether one of the signatures (`v1,<base64>`, parted by spaces) is of this secret. All of them are
    compared, each in constant time."""
    expected = sign(secret, id, timestamp, body)
    given = signatures.split(" ")[:_MOST_SIGNATURES]
    return sum(hmac.compare_digest(expected.encode(), each.encode()) for each in given) > 0


def sign(secret: str, id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object, its numbers exact. Raises BadRequest (WEBHOOK_BODY)."""
    try:
        found = json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON", code="WEBHOOK_BODY") from error
    if not isinstance(found, dict):
        raise BadRequest("the body is not a JSON object", code="WEBHOOK_BODY")
    return found


def refused() -> Unauthenticated:
    """The one answer to whoever cannot show a good signature."""
    return Unauthenticated("no webhook of this address and signature", code="WEBHOOK_REFUSED")


def _cause(tenant: TenantId, found: TriggerSet, trigger: WebhookTrigger, id: str, body: Any) -> Cause:
    return Cause(
        tenant,
        found,
        trigger.name,
        id=f"webhook:{id}",
        by=found.by,
        event=body,
        inputs=trigger.inputs,
        when=trigger.when,
    )


def _moment(text: str) -> datetime:
    """Seconds since 1970; what is none is far away from any time."""
    far = datetime.min.replace(tzinfo=UTC)
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return far
    return datetime.fromtimestamp(int(text), UTC)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
