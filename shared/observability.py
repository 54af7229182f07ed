"""Logger, tracer and metrics, with tenant and correlation id in every line.

The context lives in context variables: threads and asyncio tasks do not see each other's.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics, Tracer

H = TypeVar("H", bound=Callable[..., Any])


class _NoTracer:
    """What a `Tracer` is to its callers, where nobody listens."""

    disabled = True

    def capture_lambda_handler(self, handler: H | None = None, **_: object) -> Any:
        return handler or (lambda decorated: decorated)

    def capture_method(self, method: H) -> H:
        return method

    def put_annotation(self, key: str, value: object) -> None:
        pass


logger = Logger()
metrics = Metrics(namespace="Onyx")
# X-Ray needs its daemon, which the Lambda service provides and announces; elsewhere each segment would
# be a lost datagram and an error line. A disabled Tracer would still load the SDK, which makes a client of
# its own at import: more than half of what boto3 costs.
tracer: Tracer | _NoTracer = Tracer() if os.environ.get("AWS_XRAY_DAEMON_ADDRESS") else _NoTracer()


def traced(handler: H) -> H:
    """Opens a subsegment round a function's entry point. Its answer is the tenant's: it stays out of it."""
    return cast(H, tracer.capture_lambda_handler(handler, capture_response=False))


_KEYS = ("tenant", "correlation_id")


def bind_context(*, tenant: str | None, correlation_id: str | None) -> None:
    """Put tenant and correlation id on every log line, trace and metric from here on (in this context)."""
    logger.thread_safe_append_keys(tenant=tenant, correlation_id=correlation_id)
    # Metadata, not a dimension: a dimension per tenant would be a metric (and a price) per tenant.
    metrics.add_metadata("tenant", tenant)
    metrics.add_metadata("correlation_id", correlation_id)
    if not tracer.disabled:
        _annotate({"tenant": tenant, "correlation_id": correlation_id})


def clear_context() -> None:
    """Forget tenant and correlation id: the next piece of work is somebody else's."""
    # A new dict: contexts that were copied from this one share the old.
    logger.thread_safe_clear_keys()
    for key in _KEYS:
        metrics.metadata_set.pop(key, None)


def flush_metrics() -> None:
    """Write out what was measured since the last time, if anything was."""
    if metrics.metric_set:
        metrics.flush_metrics()


def _annotate(values: dict[str, str | None]) -> None:
    from aws_xray_sdk.core.exceptions import exceptions as xray

    try:
        for key, value in values.items():
            if value is not None:
                tracer.put_annotation(key=key, value=value)
    except (xray.FacadeSegmentMutationException, xray.SegmentNotFoundException, xray.AlreadyEndedException):
        # Lambda's own segment cannot be written to; only a function that opened a subsegment can annotate.
        logger.debug("no open subsegment to annotate")
