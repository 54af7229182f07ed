"""HTTP API of what workflows need to reach others: channels and credentials."""

import re
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from services.workflow.domain.runtime_ports import Channel
from services.workflow.handlers.api_wiring import services
from services.workflow.handlers.definitions_api import BASE, errors
from services.workflow.handlers.models import ChannelGiven, ChannelList, ChannelView, CredentialGiven
from services.workflow.handlers.views import channel_view
from shared.errors import NotFound, Unprocessable
from shared.http import principal, requires
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
Name = Annotated[str, Path(description="A name of lower case letters, digits and hyphens.", examples=["ops"])]


@router.get(f"{BASE}/channels", summary="Where `notify` sends to")
@requires(Role.VIEWER)
def channels() -> ChannelList:
    found = services().settings.channels(principal(router).tenant)
    return ChannelList(rows=[channel_view(each) for each in found])


@router.put(
    f"{BASE}/channels/<name>", summary="Make or replace a channel", openapi_extensions=errors("CHANNEL")
)
@requires(Role.ADMIN)
def set_channel(name: Name, body: ChannelGiven) -> ChannelView:
    channel = _channel(_named(name), body)
    services().settings.save_channel(principal(router).tenant, channel)
    return channel_view(channel)


@router.delete(f"{BASE}/channels/<name>", summary="Delete a channel", status_code=204)
@requires(Role.ADMIN)
def delete_channel(name: Name) -> Response[Any]:
    tenant, settings = principal(router).tenant, services().settings
    if settings.get(tenant, _named(name)) is None:
        raise NotFound(f"there is no channel {_named(name)}")
    settings.remove_channel(tenant, _named(name))
    return Response(status_code=204, body="")


@router.put(
    f"{BASE}/credentials/<name>",
    summary="Write a credential",
    description="It is shown to its host only, and to no reader of this API.",
    status_code=204,
    openapi_extensions=errors("CREDENTIAL"),
)
@requires(Role.ADMIN)
def set_credential(name: Name, body: CredentialGiven) -> Response[Any]:
    if (body.headers is None) == (body.url is None):
        raise Unprocessable("a credential has headers or a url, one of them", code="CREDENTIAL")
    content: dict[str, object] = {"host": body.host}
    content |= {"headers": body.headers} if body.headers is not None else {"url": body.url}
    services().credentials.put(principal(router).tenant, _named(name), content)
    return Response(status_code=204, body="")


@router.delete(f"{BASE}/credentials/<name>", summary="Delete a credential", status_code=204)
@requires(Role.ADMIN)
def delete_credential(name: Name) -> Response[Any]:
    services().credentials.delete(principal(router).tenant, _named(name))
    return Response(status_code=204, body="")


def _named(name: str) -> str:
    if not _NAME.fullmatch(unquote(name)):
        raise Unprocessable("a name is up to 63 lower case letters, digits and hyphens", code="NAME")
    return unquote(name)


def _channel(name: str, body: ChannelGiven) -> Channel:
    if body.kind == "email":
        if not body.addresses or body.url or body.credential:
            raise Unprocessable("an email channel has addresses, and nothing else", code="CHANNEL")
        return Channel(name, "email", addresses=tuple(body.addresses))
    if (body.url is None) == (body.credential is None) or body.addresses:
        raise Unprocessable("a webhook channel has a url or a credential, one of them", code="CHANNEL")
    return Channel(name, "webhook", url=body.url, credential=body.credential)
