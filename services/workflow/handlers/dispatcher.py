"""What every state machine calls: a step of a run is done, or word is given of it."""

from collections.abc import Mapping
from typing import Any

from services.workflow.application.dispatch import reply_json
from services.workflow.domain.dispatch import Op, Request
from services.workflow.domain.naming import run_of_execution
from services.workflow.handlers.runtime_wiring import dispatch
from shared.errors import BadRequest
from shared.observability import bind_context, clear_context, flush_metrics, logger, traced
from shared.tenancy import tenant_id


def request_of(event: Mapping[str, Any]) -> Request:
    """Raises BadRequest for what no state machine of ours asks."""
    try:
        request = Request(**{**event, "op": Op(event["op"])})
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"not a request of a state machine: {type(error).__name__}") from error
    tenant_id(request.tenant)
    if run_of_execution(request.execution) != request.run:
        raise BadRequest(f"execution {request.execution} is not of run {request.run}")
    return request


@traced
def handler(event: Mapping[str, Any], context: object) -> Mapping[str, Any]:
    request = request_of(event)
    bind_context(tenant=request.tenant, correlation_id=request.run)
    try:
        reply = dispatch()(request)
        logger.info("step", op=request.op, step=request.step, at=request.at, outcome=reply.outcome)
        return reply_json(reply)
    finally:
        flush_metrics()
        clear_context()
