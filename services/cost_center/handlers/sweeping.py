"""What both sweeps' functions do: tenant after tenant until time is up; the next run goes on from there."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import OnyxError, Unavailable
from shared.observability import bind_context, clear_context, logger
from shared.sweeps import measure
from shared.tenancy import TenantId
from shared.tenant_list import TenantList

_RESERVE_MILLIS = 5_000
"""Kept for writing down what was done."""


def time_is_up(context: Any) -> Callable[[], bool]:
    """Whether the function is about to be ended by Lambda."""
    return lambda: context.get_remaining_time_in_millis() < _RESERVE_MILLIS


def sweep_all(
    name: str, metric: str, tenants: TenantList, sweep: Callable[[TenantId], int], over: Callable[[], bool]
) -> dict[str, int]:
    """Sweep each tenant in turn; returns {"tenants", "healed", "failed"}.

    A tenant whose sweep fails holds up no other. Raises Unavailable at the end if there was one, so that the
    alarm sees it.
    """
    clear_context()
    swept = healed = failed = 0
    last: TenantId | None = None
    for tenant in tenants.turns(name):
        if over():
            break
        bind_context(tenant=tenant, correlation_id=None)
        try:
            healed += sweep(tenant)
        except (OnyxError, ClientError, BotoCoreError):
            logger.exception("the sweep of a tenant failed", sweep=name)
            failed += 1
        swept, last = swept + 1, tenant
    clear_context()
    if last is not None:
        tenants.ended(name, last)
    logger.info("swept", sweep=name, tenants=swept, healed=healed, failed=failed)
    measure(metric, healed)
    if failed:
        raise Unavailable(f"the {name} sweep failed for {failed} of {swept} tenants")
    return {"tenants": swept, "healed": healed, "failed": failed}
