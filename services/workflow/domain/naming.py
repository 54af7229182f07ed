"""Names that are derived, so that whoever needs one finds the same: runs, machines, schedules, hooks.

An underscore parts tenant and workflow, which neither id may hold: `a-b` with `c` and `a` with `b-c` would
else be one state machine of two tenants.
"""

import re
from typing import Any

from services.workflow.domain.definition import CronTrigger
from shared.errors import BadRequest
from shared.ids import deterministic_id
from shared.tenancy import TenantId, tenant_id

WORKFLOW_ID = re.compile(r"[a-z][a-z0-9-]{1,30}[a-z0-9]")
RUN_ID = re.compile(r"r-[0-9a-f]{32}")
CLEANUP = ".cleanup"
MANUAL = "manual"
"""The trigger of a run that a person or a program asked for."""

_LONGEST_MACHINE = 80


def run_id(tenant: TenantId, workflow: str, trigger: str, cause: str) -> str:
    """The run of a cause: the same cause is the same run, however often it is told."""
    return "r-" + deterministic_id(tenant, workflow, trigger, cause)


def run_of_execution(name: str) -> str | None:
    """The run that an execution of this name belongs to; None where it is none of ours."""
    run = name.removesuffix(CLEANUP)
    return run if RUN_ID.fullmatch(run) else None


def execution_input(run: str, mode: str = "run") -> dict[str, Any]:
    """What an execution is started with: all data is in the tables."""
    return {"run": run, "mode": mode, "at": ""}


def machine_name(prefix: str, tenant: TenantId, workflow: str) -> str:
    """`<prefix><tenant>_<workflow>`; `prefix` is `onyx-<env>-`. Raises ValueError above 80 characters."""
    name = f"{prefix}{tenant}_{workflow}"
    if len(name) > _LONGEST_MACHINE:
        raise ValueError(f"{name} has {len(name)} characters; a state machine's name has at most 80")
    return name


def owner_of_machine(prefix: str, name: str) -> tuple[TenantId, str] | None:
    """Tenant and workflow of a state machine; None for one that is not ours."""
    tenant, parted, workflow = name.removeprefix(prefix).partition("_")
    if not (name.startswith(prefix) and parted and WORKFLOW_ID.fullmatch(workflow)):
        return None
    try:
        return tenant_id(tenant), workflow
    except BadRequest:
        return None


def schedule_name(tenant: TenantId, workflow: str, trigger: CronTrigger) -> str:
    """A schedule's name (64 characters at most) begins with its tenant and holds what it says: another
    expression is another schedule, so that none is ever changed."""
    said = deterministic_id(tenant, workflow, trigger.name, trigger.cron, trigger.timezone)
    return f"{schedule_prefix(tenant)}{said[:24]}"


def schedule_prefix(tenant: TenantId) -> str:
    """All schedules of the tenant begin with it, and no other tenant's do."""
    return f"{tenant}_"


def hook_id(tenant: TenantId, workflow: str, trigger: str) -> str:
    """The id in a webhook's address. It tells the tenant, and is no secret: the signature is."""
    return f"{tenant}.{deterministic_id('hook', tenant, workflow, trigger)}"


def owner_of_hook(hook: str) -> TenantId | None:
    """The tenant of a hook's id; None for what cannot be one."""
    tenant, parted, rest = hook.partition(".")
    if not parted or not re.fullmatch(r"[0-9a-f]{32}", rest):
        return None
    try:
        return tenant_id(tenant)
    except BadRequest:
        return None
