"""Requests for runs in the outbox: up to a hundred in one transaction."""

from collections.abc import Sequence

from shared.errors import Conflict, VersionConflict
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
        except Conflict as error:
            if len(items) > 1:
                # Some were sent before: these are in the table, and the others go alone.
                for each in envelopes:
                    self._send([each])
            elif isinstance(error, VersionConflict):
                raise  # somebody writes it at this moment, and may not succeed
