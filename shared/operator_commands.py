"""A domain's operator function: commands that only IAM lets anybody invoke, and no HTTP route leads to.

{"command": <name>, ...fields} -> {"ok": true, ...} or, refused, {"ok": false, "problem": {...RFC 9457...}}
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import BadRequest, OnyxError, Unprocessable
from shared.events import findings
from shared.observability import bind_context, clear_context, logger

Answer = dict[str, Any]
Route = Callable[[dict[str, Any]], Answer]


class Command(BaseModel):
    """A command's fields: one that is not known is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str


C = TypeVar("C", bound=Command)


def route(kind: type[C], act: Callable[[C], Answer]) -> Route:
    """`act` for a command of `kind`."""
    return lambda event: act(kind.model_validate(event))


def answer(routes: Mapping[str, Route], event: dict[str, Any]) -> Answer:
    """What the function gives back. Faults of the platform itself are raised."""
    clear_context()
    tenant = event.get("tenant")
    bind_context(tenant=tenant if isinstance(tenant, str) else None, correlation_id=None)
    try:
        return {"ok": True, **_run(routes, event)}
    except OnyxError as error:
        logger.warning(
            "operator command refused", extra={"command": event.get("command"), "code": error.code}
        )
        return {"ok": False, "problem": error.to_problem()}


def _run(routes: Mapping[str, Route], event: dict[str, Any]) -> Answer:
    act = routes.get(str(event.get("command")))
    if act is None:
        raise BadRequest(f"commands are {', '.join(routes)}", code="UNKNOWN_COMMAND")
    try:
        return act(event)
    except ValidationError as error:
        raise Unprocessable("the command's fields are not right", errors=findings(error)) from error
