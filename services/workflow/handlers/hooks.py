"""What others post: a webhook's address takes what is signed with its secret."""

import base64
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel

from services.workflow.application.webhooks import Post
from services.workflow.handlers.start_wiring import webhooks
from shared.http import api, lambda_handler, public, respond

app = api("workflow-hooks", title="Webhooks")


class Received(BaseModel):
    """The runs that were asked for: none where the trigger's condition does not hold."""

    runs: list[str]


@app.post(
    "/v1/workflows/hooks/<hook>",
    summary="Post to a webhook",
    description="Signed as Standard Webhooks says (webhook-id, webhook-timestamp, webhook-signature). The "
    "same webhook-id again is the same run.",
    status_code=202,
    openapi_extensions={"x-onyx-errors": ["WEBHOOK_REFUSED", "WEBHOOK_BODY"]},
)
@public
def receive(hook: Annotated[str, Path(description="The webhook's id.")]) -> Response[Received]:
    event = app.current_event
    text = event.body or ""
    body = base64.b64decode(text) if event.is_base64_encoded else text.encode()
    headers = {name.lower(): value for name, value in event.headers.items()}
    return respond(Received(runs=webhooks().receive(Post(hook, headers, body))), status=202)


handler = lambda_handler(app)
