"""Requests for runs in the outbox: up to a hundred in one transaction."""

from collections.abc import Sequence
from contextlib import suppress

from shared.errors import Conflict
from shared.events import Envelope
from shared.outbox import Outbox
from shared.transactions import MAX_ITEMS, transact


class RunRequests:
    """One environment's requests. A request's id is that of its run, so that a repetition is known."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def send(self, envelopes: Sequence[Envelope]) -> None:
        for at in range(0, len(envelopes), MAX_ITEMS):
            self._send(envelopes[at : at + MAX_ITEMS])

    def _send(self, envelopes: Sequence[Envelope]) -> None:
        items = [self._outbox.item(each) for each in envelopes]
        try:
            transact(self._outbox.client, items)
        except Conflict:
            if len(items) == 1:
                return
            for each in items:
                # Some were sent before: these are in the table, and the others go alone.
                with suppress(Conflict):
                    transact(self._outbox.client, [each])
