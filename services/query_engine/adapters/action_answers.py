"""Answers to actions, on their way to the bus: one per request, however often it is made."""

from contextlib import suppress
from typing import TYPE_CHECKING

from shared.actions import ActionFinished
from shared.clock import Clock
from shared.errors import Conflict
from shared.events import envelope
from shared.ids import deterministic_id
from shared.outbox import Outbox
from shared.tenancy import TenantId
from shared.transactions import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ActionAnswers:
    """Into the outbox, under an id made from the request: the first answer stands."""

    def __init__(self, outbox: Outbox, clock: Clock, client: "DynamoDBClient | None" = None) -> None:
        self._outbox = outbox
        self._clock = clock
        self._client = client

    def tell(self, tenant: TenantId, answer: ActionFinished) -> None:
        id = deterministic_id(f"answer/{tenant}/{answer.effect_key}/{answer.attempt}")
        told = envelope(answer, tenant=tenant, id=id, time=self._clock.now())
        with suppress(Conflict):
            transact(self._client, [self._outbox.item(told)])
