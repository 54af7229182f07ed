"""Ingesting with its attempts on record: who asks for a delivery learns that it fails, and why."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from services.cost_center.domain.bill import Outcome
from services.cost_center.domain.landing import LandedObject, LandingPlace, parse_key
from services.cost_center.domain.trouble import Attempt, Trouble, Troubles, began, failed
from shared.clock import Clock
from shared.errors import Conflict, OnyxError
from shared.observability import logger
from shared.tenancy import TenantId

_RACES = 5


@dataclass(frozen=True)
class Attempts:
    """Runs `ingest` and keeps the delivery's trouble, where there is any (see `domain.trouble`).

    `receives` is how often a message is handed out before it is given up; `silence` is how long a worker may
    show no sign of life before its message is another's. No row that cannot be written keeps a bill back.
    """

    ingest: Callable[[LandedObject], list[Outcome]]
    troubles: Troubles
    clock: Clock
    receives: int
    silence: timedelta
    _in_hand: dict[str, tuple[TenantId, Trouble]] = field(default_factory=dict)

    def __call__(self, landed: LandedObject, message_id: str, receive: int) -> list[Outcome]:
        """The outcomes of `ingest`; whatever it raises is raised again, after it was noted."""
        if landed.is_folder:
            return self.ingest(landed)
        place = parse_key(landed.key)
        attempt = Attempt(message_id, receive, self.receives, self.clock.now() + self.silence)
        begun = self._noted(place.tenant, lambda: self._begin(attempt, landed, place))
        if begun is not None and begun.last_receive:
            self._in_hand[message_id] = (place.tenant, begun)
        try:
            outcomes = self.ingest(landed)
        except Exception as error:
            self._in_hand.pop(message_id, None)
            code, reason = _told(error)
            self._noted(place.tenant, lambda: self._fail(begun, attempt, landed, place, code, reason))
            raise
        self._in_hand.pop(message_id, None)
        if begun is not None:
            self._noted(place.tenant, lambda: self._resolve(place.tenant, begun))
        return outcomes

    def beat(self, message_id: str) -> None:
        """A sign of life. It is kept at a message's last receive alone: earlier ones are told of by the
        next."""
        if (held := self._in_hand.get(message_id)) is None:
            return
        tenant, trouble = held
        alive = replace(trouble, alive_until=self.clock.now() + self.silence)
        # Somebody else's row by now, or this attempt's own end: the sign came too late to matter.
        saved = self._noted(tenant, lambda: self.troubles.save_trouble(tenant, alive), races=1)
        if saved is not None and message_id in self._in_hand:
            self._in_hand[message_id] = (tenant, saved)

    def _begin(self, attempt: Attempt, landed: LandedObject, place: LandingPlace) -> Trouble | None:
        before = self.troubles.trouble(place.tenant, landed.delivery_id)
        trouble = began(before, attempt, landed, place, self.clock.now())
        return None if trouble is None else self.troubles.save_trouble(place.tenant, trouble)

    def _fail(
        self,
        begun: Trouble | None,
        attempt: Attempt,
        landed: LandedObject,
        place: LandingPlace,
        code: str,
        reason: str,
    ) -> Trouble:
        stored = self.troubles.trouble(place.tenant, landed.delivery_id)
        version = None if stored is None else stored.version
        trouble = failed(begun, attempt, landed, place, self.clock.now(), code=code, reason=reason)
        return self.troubles.save_trouble(place.tenant, replace(trouble, version=version))

    def _resolve(self, tenant: TenantId, begun: Trouble) -> Trouble | None:
        stored = self.troubles.trouble(tenant, begun.delivery_id)
        if stored is None:
            return None
        now = self.clock.now()
        return self.troubles.save_trouble(tenant, replace(stored, ended=now, resolved=now))

    def _noted(
        self, tenant: TenantId, write: Callable[[], Trouble | None], *, races: int = _RACES
    ) -> Trouble | None:
        """What was written; None where nothing was, or where it could not be, which is logged."""
        for _ in range(races):
            try:
                return write()
            except Conflict:
                continue
            except Exception:  # noqa: BLE001 - a bill is worth more than the note of its attempts
                logger.exception("the attempts of a delivery are not on record", tenant=tenant)
                return None
        return None


def _told(error: Exception) -> tuple[str, str]:
    if isinstance(error, OnyxError):
        return error.code, error.detail
    # Its text is for operators, who have it in the failure row (`onyx dlq show`) and the log: it may name
    # buckets, roles and lines of ours, and the reason is shown to the tenant's viewers.
    return "UNHANDLED", f"something went wrong in Onyx ({type(error).__name__}); its operators can see what"
