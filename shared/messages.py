"""One SQS message, whether Lambda or a poller received it; and what is done with one that failed."""

import hashlib
import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.backoff import Backoff
from shared.errors import Conflict, OnyxError, PoisonMessage
from shared.inbox import Inbox
from shared.observability import clear_context, flush_metrics, logger
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Message:
    """A received message; `receive_count` is 1 at its first delivery."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int

    @classmethod
    def from_lambda(cls, record: Mapping[str, Any]) -> "Message":
        """From a record of Lambda's SQS event."""
        received = record.get("attributes", {}).get("ApproximateReceiveCount", "1")
        return cls(record["messageId"], record["body"], record.get("receiptHandle", ""), int(received))

    @classmethod
    def from_sqs(cls, message: Mapping[str, Any]) -> "Message":
        """From an answer of ReceiveMessage."""
        received = message.get("Attributes", {}).get("ApproximateReceiveCount", "1")
        return cls(message["MessageId"], message["Body"], message["ReceiptHandle"], int(received))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises PoisonMessage when it is none."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise PoisonMessage("the body is not JSON") from error
        if not isinstance(parsed, dict):
            raise PoisonMessage("the body is not a JSON object")
        return parsed


class InProgress(Conflict):
    """Another worker holds what the message is about: no failure, only too early (see `retry_after`)."""

    code = "IN_PROGRESS"
    title = "In progress"


def no_tenant(message: Message) -> TenantId | None:
    """For messages that tell no tenant: their failures are filed under "unknown"."""
    return None


@dataclass(frozen=True)
class Attempts:
    """Tries to handle a message, and files what went wrong before anybody else is told of it."""

    consumer: str
    inbox: Inbox
    backoff: Backoff = field(default_factory=Backoff)
    tenant_of: Callable[[Message], TenantId | None] = no_tenant

    def attempt(self, message: Message, handle: Callable[[Message], None]) -> int | None:
        """None when the message is handled; else the seconds after which it should be seen again.

        By then its failure row is written (not for InProgress, which is no failure).
        """
        clear_context()
        try:
            handle(message)
            self._resolve(message)
        except InProgress as busy:
            logger.info("message is in progress elsewhere", message_id=message.message_id)
            return busy.retry_after or self.backoff.seconds(message.receive_count)
        except Exception as error:  # noqa: BLE001 - whatever it is, its row comes first
            logger.exception("message failed", message_id=message.message_id, consumer=self.consumer)
            self._record(message, error)
            return self.backoff.seconds(message.receive_count, poison=isinstance(error, PoisonMessage))
        finally:
            flush_metrics()
            clear_context()
        return None

    def _resolve(self, message: Message) -> None:
        """Close the failure row of an earlier delivery; a message is no less handled if this fails."""
        if message.receive_count == 1:
            return
        try:
            self.inbox.resolve_failure(self.consumer, message.message_id, tenant=self.tenant_of(message))
        except (ClientError, BotoCoreError):
            logger.warning("failure row not closed", exc_info=True, message_id=message.message_id)

    def _record(self, message: Message, error: Exception) -> None:
        code, detail = "UNHANDLED", f"{type(error).__name__}: {error}"
        if isinstance(error, OnyxError):
            code, detail = error.code, error.detail
        try:
            self.inbox.record_failure(
                self.consumer,
                message.message_id,
                tenant=self.tenant_of(message),
                code=code,
                detail=detail,
                trace="".join(traceback.format_exception(error)),
                body_sha=hashlib.sha256(message.body.encode()).hexdigest(),
                receive_count=message.receive_count,
            )
        except (ClientError, BotoCoreError):
            # The message fails either way, and the log line above is all that is left to say why.
            logger.exception("failure row not written", message_id=message.message_id)


def set_visibility(sqs: "SQSClient", queue_url: str, message: Message, seconds: int) -> bool:
    """Hide the message for `seconds` from now (0: give it back). False where SQS refused, which is logged."""
    try:
        sqs.change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=seconds
        )
    except (ClientError, BotoCoreError):
        # The message is somebody else's by now, or the queue is out of reach: its old timeout still runs.
        logger.warning("visibility not changed", exc_info=True, message_id=message.message_id)
        return False
    return True
