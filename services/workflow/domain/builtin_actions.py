"""The workflow service's own actions: they run within the dispatcher's call."""

from shared.actions import Action, Field, Idempotency, Kind, Mode
from shared.tenancy import Role

_ANSWER = {
    "status": Field(Kind.INTEGER, "The HTTP status."),
    "headers": Field(Kind.OBJECT, "The answer's headers, their names in lower case."),
    "body": Field(Kind.ANY, "The answer's JSON, or its text."),
}
_URL = Field(Kind.STRING, "An https address; inner addresses are refused.", required=True)
_HEADERS = Field(Kind.OBJECT, "Further headers; the credential's own come by themselves.")
_QUERY = Field(Kind.OBJECT, "Query parameters; they are escaped.")

SET = Action(
    name="set",
    title="Set values",
    description="Gives its input as its output: names for what later steps use.",
    mode=Mode.INLINE,
    idempotency=Idempotency.IDEMPOTENT,
    role=Role.ANALYST,
    timeout_seconds=30,
    open=True,
)
HTTP_GET = Action(
    name="http.get",
    title="Read over HTTP",
    description=(
        "A GET request. Any status but 2xx and 304 fails the step; 408, 425, 429 and 5xx may be retried."
    ),
    mode=Mode.INLINE,
    idempotency=Idempotency.IDEMPOTENT,
    role=Role.OPERATOR,
    timeout_seconds=30,
    input={"url": _URL, "headers": _HEADERS, "query": _QUERY},
    output=_ANSWER,
)
HTTP_SEND = Action(
    name="http.send",
    title="Write over HTTP",
    description=(
        "A request with a JSON body and the header Idempotency-Key. Say `idempotent: true` only where the "
        "receiver honours that key, or the request may be repeated anyway; else an attempt whose answer was "
        "lost waits for a person."
    ),
    mode=Mode.INLINE,
    idempotency=Idempotency.NEITHER,
    role=Role.OPERATOR,
    timeout_seconds=30,
    input={
        "url": _URL,
        "method": Field(
            Kind.STRING, "The request's method.", default="POST", one_of=("POST", "PUT", "PATCH", "DELETE")
        ),
        "headers": _HEADERS,
        "query": _QUERY,
        "body": Field(Kind.ANY, "Sent as JSON."),
        "idempotent": Field(Kind.BOOLEAN, "A constant: repeating it has no second effect.", default=False),
    },
    output=_ANSWER,
)
NOTIFY = Action(
    name="notify",
    title="Notify people",
    description="A message over a channel of the tenant's settings (mail, chat, webhook).",
    mode=Mode.INLINE,
    idempotency=Idempotency.NEITHER,
    role=Role.ANALYST,
    timeout_seconds=30,
    input={
        "channel": Field(Kind.STRING, "The channel's name in the tenant's settings.", required=True),
        "subject": Field(Kind.STRING, "One line.", required=True),
        "text": Field(Kind.STRING, "The message, as plain text."),
        "facts": Field(Kind.OBJECT, "Names and values, shown as a list."),
        "idempotent": Field(
            Kind.BOOLEAN,
            "A constant. false: rather no message than two; an unknown outcome waits for a person.",
            default=True,
        ),
    },
    output={
        "channel": Field(Kind.STRING, "The channel that took it."),
        "message_id": Field(Kind.STRING, "The channel's own id of the message, where it gives one."),
    },
)

BUILTIN = (SET, HTTP_GET, HTTP_SEND, NOTIFY)
