"""The consumer's loop for a container: one message at a time, for as long as it takes.

While a message is handled a heartbeat keeps it out of sight of other tasks; when the task is told to stop,
the message in hand is finished and none is taken any more.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.backoff import Backoff
from shared.failpoints import failpoint
from shared.inbox import Inbox
from shared.messages import Attempts, Message, no_tenant, set_visibility
from shared.observability import logger
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BEATS_PER_TIMEOUT = 3
"""A message stays hidden for three heartbeats: two may be lost before it is delivered again."""


def _unheard(message: Message) -> None:
    """Nobody listens to heartbeats."""


class Poller:
    """Receives from one queue and calls `handle_message` until `stop` is set.

    `guard` is entered round each message (ECS task protection, for example); `tenant_of` names the tenant
    for a failure row where the message tells it. `on_beat` is told of each message that a heartbeat keeps
    hidden, on the heartbeat's own thread. Where the queue's `receives` are told, a message that has none left
    is given back at once: nobody waits for what is only on its way to the dead-letter queue.
    """

    def __init__(
        self,
        queue_url: str,
        handle_message: Callable[[Message], None],
        sqs: "SQSClient | None" = None,
        stop: threading.Event | None = None,
        heartbeat_seconds: float = 20,
        *,
        name: str,
        inbox: Inbox,
        backoff: Backoff | None = None,
        wait_seconds: int = 1,
        batch_size: int = 1,
        tenant_of: Callable[[Message], TenantId | None] = no_tenant,
        guard: Callable[[], AbstractContextManager[Any]] = nullcontext,
        on_beat: Callable[[Message], None] = _unheard,
        receives: int | None = None,
    ) -> None:
        if not 1 <= batch_size <= 10 or not 0 <= wait_seconds <= 20:
            raise ValueError("SQS hands out 1 to 10 messages after at most 20 seconds")
        self._queue_url = queue_url
        self._handle = handle_message
        self._sqs = sqs or aws.sqs()
        self.stop = stop or threading.Event()
        self._heartbeat_seconds = heartbeat_seconds
        self._visibility_seconds = max(1, round(heartbeat_seconds * _BEATS_PER_TIMEOUT))
        self._name = name
        self._backoff = backoff or Backoff()
        self._wait_seconds = wait_seconds
        self._batch_size = batch_size
        self._guard = guard
        self._on_beat = on_beat
        self._receives = receives
        self._attempts = Attempts(name, inbox, self._backoff, tenant_of)

    def run(self) -> None:
        """Poll until `stop` is set; returns when the message in hand is finished."""
        logger.info("poller started", consumer=self._name)
        failures = 0
        while not self.stop.is_set():
            try:
                self.poll_once()
                failures = 0
            except (ClientError, BotoCoreError):
                failures += 1
                logger.exception("the queue could not be read", consumer=self._name)
                self.stop.wait(self._backoff.seconds(failures))
        logger.info("poller stopped", consumer=self._name)

    def poll_once(self) -> int:
        """Receive once (waiting at most `wait_seconds`) and handle what came; returns how many went well."""
        received = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=self._batch_size,
            WaitTimeSeconds=self._wait_seconds,
            VisibilityTimeout=self._visibility_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        messages = [Message.from_sqs(each) for each in received]
        with self._heartbeat(messages) as waiting:
            return sum(self._work(message, waiting) for message in messages)

    def _work(self, message: Message, waiting: "_Held") -> bool:
        if self.stop.is_set():
            waiting.let_go(message)
            set_visibility(self._sqs, self._queue_url, message, 0)
            return False
        with self._guard():
            delay = self._attempts.attempt(message, self._handle)
        # The heartbeat must not hide again what is about to be given back or deleted.
        waiting.let_go(message)
        if delay is not None:
            given_up = self._receives is not None and message.receive_count >= self._receives
            set_visibility(self._sqs, self._queue_url, message, 0 if given_up else delay)
            return False
        failpoint("poller: handled")
        # If this fails the message comes again, and what handles it knows it by its key.
        self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message.receipt_handle)
        return True

    @contextmanager
    def _heartbeat(self, messages: list[Message]) -> "Iterator[_Held]":
        held = _Held(messages)
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self._heartbeat_seconds):
                held.each(self._beat)

        thread = threading.Thread(target=beat, name=f"{self._name}-heartbeat", daemon=True)
        if messages:
            thread.start()
        try:
            yield held
        finally:
            done.set()
            if messages:
                thread.join()

    def _beat(self, message: Message) -> None:
        set_visibility(self._sqs, self._queue_url, message, self._visibility_seconds)
        try:
            self._on_beat(message)
        except Exception:  # noqa: BLE001 - the next beat must come, whoever listens
            logger.exception("a sign of life was not heard", message_id=message.message_id)


class _Held:
    """The messages that this task keeps hidden."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = list(messages)
        self._lock = threading.Lock()

    def let_go(self, message: Message) -> None:
        """No heartbeat reaches the message after this returns."""
        with self._lock:
            self._messages.remove(message)

    def each(self, extend: Callable[[Message], object]) -> None:
        with self._lock:
            for message in self._messages:
                extend(message)


def stop_on_signals(*signals: signal.Signals) -> threading.Event:
    """An event that SIGTERM and SIGINT (or `signals`) set: what ECS and a terminal send to stop a task."""
    stop = threading.Event()
    for each in signals or (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, frame: stop.set())
    return stop
