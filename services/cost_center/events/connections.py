"""Connections to AWS accounts."""

from typing import ClassVar, Literal

from shared.events import Event


class ConnectionEvent(Event):
    """What the acts on a connection tell: which (it is the source of its bills), the AWS account, and who
    did it."""

    source: ClassVar[str] = "onyx.cost-center"
    subject_field: ClassVar[str | None] = "connection"

    connection: str
    account_id: str
    by: str


class ConnectionCreated(ConnectionEvent):
    """A template was made for an AWS account; nothing is read from it yet."""

    type: ClassVar[str] = "ConnectionCreated"

    kind: Literal["cur", "cur2", "focus"]


class ConnectionVerified(ConnectionEvent):
    """The account's role lets Onyx in, and nobody without the external id: bills are pulled from now on."""

    type: ClassVar[str] = "ConnectionVerified"

    role_arn: str
    bucket: str


class ConnectionRefused(ConnectionEvent):
    """The account's role is open to who does not know the external id: nothing is pulled."""

    type: ClassVar[str] = "ConnectionRefused"

    role_arn: str
    reason: str


class ConnectionFailed(ConnectionEvent):
    """A connection that worked does no longer; it is tried again at every run, and this is told once."""

    type: ClassVar[str] = "ConnectionFailed"

    reason: str
    code: str


class ConnectionRemoved(ConnectionEvent):
    """Nothing is pulled from the account any more. What was pulled stays."""

    type: ClassVar[str] = "ConnectionRemoved"
