"""`notify`: a message over a channel of the tenant's settings.

A webhook gets JSON `{"text": ...}`, which Slack, Teams' workflows and most others read. Mail goes by SES from
the environment's sender.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from services.workflow.adapters.actions.addresses import target
from services.workflow.adapters.actions.http_client import HttpClient
from services.workflow.adapters.actions.http_requests import credential_headers, judged, with_defaults
from services.workflow.domain.runtime_ports import (
    ActionCall,
    ActionFailed,
    Channel,
    Channels,
    Credentials,
)
from shared.json_text import dumps

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_BUSY = frozenset({"TooManyRequestsException", "LimitExceededException", "SendingPausedException"})


@dataclass(frozen=True)
class Notify:
    """`sender` is the address that mail comes from; empty: this environment sends none."""

    channels: Channels
    credentials: Credentials
    client: HttpClient
    ses: "Callable[[], SESV2Client]"
    sender: str = ""

    def do(self, call: ActionCall) -> Mapping[str, Any]:
        name = str(call.input["channel"])
        channel = self.channels.get(call.tenant, name)
        if channel is None:
            raise ActionFailed("CHANNEL_UNKNOWN", f"the tenant's settings have no channel {name[:60]!r}")
        if channel.kind == "webhook":
            return self._post(call, channel)
        if channel.kind == "email":
            return self._mail(call, channel)
        raise ActionFailed("CHANNEL_INVALID", f"channel {name} is of an unknown kind: {channel.kind[:40]}")

    def search(self, call: ActionCall) -> Mapping[str, Any] | None:
        return None  # a chat or mailbox cannot be searched from here

    def _post(self, call: ActionCall, channel: Channel) -> Mapping[str, Any]:
        ends = time.monotonic() + call.seconds
        name = channel.credential or call.credential
        credential = None if name is None else self.credentials.get(call.tenant, name)
        url = channel.url or (None if credential is None else credential.url)
        if url is None:
            raise ActionFailed("CHANNEL_INVALID", f"channel {channel.name} has no address")
        to = target(url, None, self.client.allowed)
        headers = with_defaults({"Content-Type": "application/json", "Idempotency-Key": call.effect_key})
        secrets: tuple[str, ...] = ()
        if credential is not None:
            headers |= credential_headers(credential, to)
            secrets = credential.secrets()
        body = dumps({"text": text_of(call.input)}).encode()
        judged(self.client.request("POST", to, headers, body, ends), to, secrets)
        return {"channel": channel.name}

    def _mail(self, call: ActionCall, channel: Channel) -> Mapping[str, Any]:
        if not self.sender or not channel.addresses:
            raise ActionFailed("CHANNEL_INVALID", f"channel {channel.name}: no sender or nobody to send to")
        subject, rest = str(call.input["subject"]).splitlines()[:1], text_of(call.input, subject=False)
        try:
            sent = self.ses().send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": list(channel.addresses)},
                Content={
                    "Simple": {
                        "Subject": {"Data": (subject or [""])[0][:200], "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": rest or " ", "Charset": "UTF-8"}},
                    }
                },
                EmailTags=[{"Name": "onyx-effect-key", "Value": call.effect_key}],
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise ActionFailed("MAIL_REFUSED", f"SES: {code}", retryable=code in _BUSY) from error
        except EndpointConnectionError as error:
            raise ActionFailed("MAIL_UNREACHABLE", "SES cannot be reached", retryable=True) from error
        except BotoCoreError as error:
            raise ActionFailed("MAIL_LOST", "SES did not answer", retryable=True, unknown=True) from error
        return {"channel": channel.name, "message_id": sent["MessageId"]}


def text_of(given: Mapping[str, Any], *, subject: bool = True) -> str:
    """Subject, text and facts, as plain text."""
    facts = "\n".join(f"{name}: {_shown(value)}" for name, value in (given.get("facts") or {}).items())
    parts = [str(given["subject"]) if subject else "", str(given.get("text") or ""), facts]
    return "\n\n".join(each for each in parts if each)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)
