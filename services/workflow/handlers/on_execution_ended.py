"""Step Functions: an execution failed, timed out or was stopped -> its run ends, if it has not."""

from functools import lru_cache
from typing import Any

from services.workflow.adapters.executions import StepFunctionsExecutions
from services.workflow.adapters.start_settings import EndedJobSettings
from services.workflow.application.ended import EndedExecutions
from services.workflow.domain.naming import owner_of_machine, run_of_execution
from services.workflow.handlers.runtime_wiring import cancel, runtime
from shared.config import load_settings
from shared.consumer import Attempts, process_each
from shared.errors import PoisonMessage
from shared.inbox import Inbox
from shared.messages import Message
from shared.observability import bind_context, traced
from shared.tenancy import TenantId


@lru_cache(maxsize=1)
def use_case() -> EndedExecutions:
    made = runtime(load_settings(EndedJobSettings))
    return EndedExecutions(
        made.runs, made.versions, StepFunctionsExecutions(), cancel(made).advance, made.clock
    )


def on_ended(message: Message) -> None:
    tenant, run, status = told(message)
    bind_context(tenant=tenant, correlation_id=run)
    use_case().ended(tenant, run, status)


def told(message: Message) -> tuple[TenantId, str, str]:
    """Tenant, run and the execution's status. Raises PoisonMessage for an event of no run."""
    detail = message.json().get("detail")
    if not isinstance(detail, dict) or not {"stateMachineArn", "name", "status"} <= detail.keys():
        raise PoisonMessage("no status change of an execution")
    machine, name, status = (str(detail[key]) for key in ("stateMachineArn", "name", "status"))
    prefix = load_settings(EndedJobSettings).machine_prefix
    owner = owner_of_machine(prefix, machine.rpartition(":")[2])
    run = run_of_execution(name)
    if owner is None or run is None:
        raise PoisonMessage(f"{name} of {machine} is no execution of a workflow's run")
    return owner[0], run, status


def tenant_of(message: Message) -> TenantId | None:
    try:
        return told(message)[0]
    except PoisonMessage:
        return None


@traced
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    inbox = Inbox(load_settings(EndedJobSettings).inbox_table)
    attempts = Attempts("workflow.on-execution-ended", inbox, tenant_of=tenant_of)
    return process_each(attempts, on_ended, event["Records"])
