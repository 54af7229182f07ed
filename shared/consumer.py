"""Consumers of events: at least once, in any order, and whole even when a process dies half way.

`Consumer` turns messages into calls of one handler: parse, claim, handle, complete. The claim makes a
duplicate harmless; a lease that ends gives a dead worker's event to the next one. A handler that is one
conditional write is idempotent by itself and claims nothing. What fails gets its failure row *before* it is
reported, so a message in the DLQ without a row was killed or timed out.
"""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.backoff import Backoff
from shared.errors import PoisonMessage
from shared.events import Envelope, Event, parse_bridge
from shared.failpoints import failpoint
from shared.inbox import Claim, Inbox
from shared.messages import Attempts, InProgress, Message, set_visibility
from shared.observability import bind_context, clear_context, logger
from shared.poller import Poller, stop_on_signals
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["Attempts", "Backoff", "Consumer", "InProgress", "Message", "Poller", "stop_on_signals"]


class Consumer:
    """Handles the events of one queue.

    `handle` gets the envelope and the event. It may be called again for an event that it handled (a crash
    before `complete`), so its effects carry deterministic keys or conditional writes. `lease` is longer than
    the function's timeout: until then a dead worker's event is not taken over.

    `claims=False` is for a handler whose only effect is one conditional write that keeps the newest state
    whatever comes, however often and in which order: the row it keeps says that the event was handled, and
    a claim would only add three calls per event to it. Its inbox then holds failure rows alone. Such a
    consumer may also bring `handle_together`: what `handle` does, for several events in one call, or nothing
    and an error, whatever it is; then each is handled alone, and what fails alone is told of.
    """

    def __init__(
        self,
        name: str,
        accept: Sequence[type[Event]],
        handle: Callable[[Envelope, Event], None],
        inbox: Inbox,
        sqs: "SQSClient | None" = None,
        queue_url: str | None = None,
        backoff: Backoff | None = None,
        lease: timedelta = timedelta(minutes=2),
        claims: bool = True,
        handle_together: Callable[[Sequence[tuple[Envelope, Event]]], None] | None = None,
    ) -> None:
        if not accept:
            raise ValueError("a consumer accepts at least one event")
        if claims and handle_together:
            raise ValueError("events are claimed one by one")
        self.name = name
        self._accept = tuple(accept)
        self._handle = handle
        self._inbox = inbox
        self._given_sqs = sqs
        self._queue_url = queue_url
        self._lease = lease
        self._claims = claims
        self._handle_together = handle_together
        self._attempts = Attempts(name, inbox, backoff or Backoff(), self.tenant_of)

    def consume(self, message: Message) -> None:
        """Handle one message, or raise: InProgress, PoisonMessage, or whatever the handler raised.

        This is what a `Poller` takes as its `handle_message`; `process` is the same for Lambda.
        """
        env, event = parse_bridge(message.body, *self._accept)
        bind_context(tenant=env.tenant, correlation_id=env.correlationid or env.id)
        if self._claims:
            self._handle_once(env, event)
        else:
            failpoint("consumer: taken")
            self._handle(env, event)
            failpoint("consumer: handled")

    def process(self, records: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, str]]]:
        """Handle a Lambda SQS batch; returns the messages that failed, for Lambda to leave in the queue."""
        if len(records) > 1 and self._handled_together(records):
            return {"batchItemFailures": []}
        failed = [record["messageId"] for record in records if not self._handled(record)]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def tenant_of(self, message: Message) -> TenantId | None:
        """The tenant of a message that can be read, else None: for failure rows."""
        try:
            return parse_bridge(message.body, *self._accept)[0].tenant
        except PoisonMessage:
            return None

    def _handle_once(self, env: Envelope, event: Event) -> None:
        owner = uuid.uuid4().hex
        claim = self._inbox.claim(env.tenant, self.name, env.id, lease=self._lease, owner=owner)
        if claim is Claim.DONE:
            logger.info("event was handled before", event_id=env.id, event_type=env.type)
            return
        if claim is Claim.IN_PROGRESS:
            raise InProgress(
                f"{env.type} {env.id} is being handled elsewhere",
                retry_after=math.ceil(self._lease.total_seconds()),
            )
        failpoint("consumer: claimed")
        try:
            self._handle(env, event)
        except BaseException:
            self._give_back(env, owner)
            raise
        failpoint("consumer: handled")
        self._inbox.complete(env.tenant, self.name, env.id)
        failpoint("consumer: completed")

    def _handled_together(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Whether all were handled in one call. A message that has failed before has a row to be closed."""
        messages = [Message.from_lambda(record) for record in records]
        if self._handle_together is None or any(each.receive_count > 1 for each in messages):
            return False
        clear_context()
        try:
            found = [parse_bridge(each.body, *self._accept) for each in messages]
            failpoint("consumer: taken")
            self._handle_together(found)
            failpoint("consumer: handled")
        except Exception as error:  # noqa: BLE001 - whatever it is, those that it is not about go on
            logger.info("handled one by one", because=f"{type(error).__name__}: {error}")
            return False
        return True

    def _handled(self, record: Mapping[str, Any]) -> bool:
        return _handled(record, self._attempts, self.consume, self._given_sqs, self._queue_url)

    def _give_back(self, env: Envelope, owner: str) -> None:
        try:
            self._inbox.release(env.tenant, self.name, env.id, owner=owner)
        except (ClientError, BotoCoreError):
            # The handler's error is the one to report; the claim ends with its lease.
            logger.exception("claim not released", event_id=env.id)


def process_each(
    attempts: Attempts,
    handle: Callable[[Message], None],
    records: Sequence[Mapping[str, Any]],
    sqs: "SQSClient | None" = None,
    queue_url: str | None = None,
) -> dict[str, list[dict[str, str]]]:
    """A Lambda SQS batch of messages that hold no event of ours (AWS's own), each handled by `handle`, which
    may be called again for the same one. Returns what `Consumer.process` does."""
    failed = [each["messageId"] for each in records if not _handled(each, attempts, handle, sqs, queue_url)]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _handled(
    record: Mapping[str, Any],
    attempts: Attempts,
    handle: Callable[[Message], None],
    given: "SQSClient | None",
    queue_url: str | None,
) -> bool:
    message = Message.from_lambda(record)
    delay = attempts.attempt(message, handle)
    if delay is None:
        return True
    sqs = given or aws.sqs()
    set_visibility(sqs, queue_url or _queue_url(sqs, record["eventSourceARN"]), message, delay)
    return False


@cache
def _queue_url(sqs: "SQSClient", arn: str) -> str:
    account, name = arn.split(":")[4:6]
    return sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
