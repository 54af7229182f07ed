"""The queries that this server runs: their leases, and how each is ended."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.query_engine.domain.answers import QueryLog
from shared.clock import Clock
from shared.observability import logger
from shared.tenancy import TenantId

LEASE = timedelta(seconds=45)
"""How long a record is believed that says `running`, from when its server last said so."""
BEAT = timedelta(seconds=5)
"""How often it says so of what runs longer; then it also looks whether somebody asked for the end."""


@dataclass(frozen=True)
class _Flight:
    stop: threading.Event
    since: datetime


class Running:
    """For many threads. Call `beat` every BEAT."""

    def __init__(self, log: QueryLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._flights: dict[tuple[TenantId, str], _Flight] = {}

    def add(self, tenant: TenantId, query_id: str, stop: threading.Event) -> None:
        with self._lock:
            self._flights[tenant, query_id] = _Flight(stop, self._clock.now())

    def remove(self, tenant: TenantId, query_id: str) -> None:
        with self._lock:
            self._flights.pop((tenant, query_id), None)

    def cancel(self, tenant: TenantId, query_id: str) -> bool:
        """End it at once; False when it does not run here."""
        with self._lock:
            found = self._flights.get((tenant, query_id))
        if found is not None:
            found.stop.set()
        return found is not None

    def cancel_all(self) -> None:
        with self._lock:
            found = list(self._flights.values())
        for each in found:
            each.stop.set()

    def beat(self) -> None:
        """Put off the leases of what runs for a while, and end what somebody asked to end elsewhere."""
        now = self._clock.now()
        with self._lock:
            found = [(key, each) for key, each in self._flights.items() if now - each.since >= BEAT]
        for (tenant, query_id), flight in found:
            try:
                if self._log.renew(tenant, query_id, now + LEASE):
                    flight.stop.set()
            except Exception:  # noqa: BLE001 - whatever it is, the other queries' turns come
                # The next beat is soon; a lease holds for several.
                logger.exception("the lease of a query was not put off", query_id=query_id)
