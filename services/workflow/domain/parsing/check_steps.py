"""What is wrong with steps beyond their shape: actions and their inputs, retries, times, expressions."""

from services.workflow.domain import durations
from services.workflow.domain.definition import ApprovalStep, Definition, Retry
from services.workflow.domain.errors import UnknownAction
from services.workflow.domain.expressions import is_template
from services.workflow.domain.fields import check_fields
from services.workflow.domain.parsing.check_expressions import Expressions, Sight
from services.workflow.domain.parsing.check_kinds import Kinds
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.places import Place, Places
from services.workflow.domain.parsing.shapes import Item
from services.workflow.domain.registry import IDEMPOTENT_FIELD, Registry
from shared.actions import Action, Idempotency, Mode


def check_steps(
    workflow: Item, places: Places, expressions: Expressions, registry: Registry, findings: Findings
) -> None:
    kinds = Kinds(workflow, places, registry)
    run_timeout = workflow.get("timeout", Definition.timeout)
    for place in places:
        item, sight = place.item, expressions.step(place)
        expressions.expression(item.get("when"), item.at("when"), sight)
        match item.kind:
            case "action":
                _action(place, expressions, sight, kinds, registry, findings)
            case "wait" if item.get("wait", 0) > run_timeout:
                findings.add(item.at("wait"), "OUT_OF_RANGE", "it waits longer than the run's timeout")
            case "wait_until":
                expressions.expression(item.get("wait_until"), item.at("wait_until"), sight)
            case "approval":
                _approval(item.get("approval"), expressions, sight, run_timeout, findings)
            case "choice":
                for each in item.get("choice", ()):
                    expressions.expression(each.get("when"), each.at("when"), sight)
            case "for_each":
                expressions.expression(item.get("for_each"), item.at("for_each"), sight)


def _approval(
    item: Item | None, expressions: Expressions, sight: Sight, run_timeout: int, findings: Findings
) -> None:
    if item is None:
        return
    expressions.template(item.get("message"), item.at("message"), sight)
    expires = item.get("expires", ApprovalStep.expires)
    if expires > run_timeout:
        message = "it may be decided longer than the run's timeout: raise the workflow's timeout"
        findings.add(item.at("expires"), "OUT_OF_RANGE", message)
    if item.get("reminders", 0) >= expires:
        message = "a reminder comes only after the approval has expired"
        findings.add(item.at("reminders"), "OUT_OF_RANGE", message)
    if item.get("roles") == [] and not item.get("subjects"):
        findings.add(item.at("roles"), "BAD_VALUE", "nobody may decide: name roles or subjects")
    subjects, roles = item.get("subjects", ()), item.get("roles", () if "subjects" in item else ("approver",))
    if not roles and subjects and item.get("count", 1) > len(set(subjects)):
        message = f"count: {item['count']} people must approve, and {len(set(subjects))} may"
        findings.add(item.at("count"), "OUT_OF_RANGE", message)


def _action(
    place: Place,
    expressions: Expressions,
    sight: Sight,
    kinds: Kinds,
    registry: Registry,
    findings: Findings,
) -> None:
    item = place.item
    input, path = item.get("with", {}), item.at("with")
    expressions.template(input, path, sight)
    try:
        action = registry.get(item["action"]) if "action" in item else None
    except UnknownAction as error:
        findings.add(item.at("action"), error.code, error.detail)
        return
    if action is None or "with" in item.wrong:
        return
    for found in check_fields(action.input, input, open=action.open, templates=True):
        findings.add(f"{path}.{found.path}", found.code, f"{action.name}: {found.message}")
    kinds.check(action, input, path, findings)
    if isinstance(said := input.get(IDEMPOTENT_FIELD), str) and is_template(said):
        message = "it is a constant, true or false: it decides what happens when an answer is lost"
        findings.add(f"{path}.{IDEMPOTENT_FIELD}", "NOT_CONSTANT", message)
    _attempts(item, action, registry.idempotency(action, input), findings)


def _attempts(item: Item, action: Action, idempotency: Idempotency, findings: Findings) -> None:
    retry = item.get("retry", Item(item.at("retry")))
    if idempotency is Idempotency.NEITHER and retry.get("attempts", 1) > 1:
        advice = (
            "; with `idempotent: true`, if that is so, it may" if IDEMPOTENT_FIELD in action.input else ""
        )
        message = f"{action.name} is neither idempotent nor searchable: it has 1 attempt{advice}"
        findings.add(retry.at("attempts"), "RETRY_NOT_SAFE", message)
    if retry.get("delay", Retry.delay) > retry.get("max_delay", Retry.max_delay):
        findings.add(retry.at("delay"), "OUT_OF_RANGE", "the first delay is longer than max_delay")
    timeout = item.get("timeout", action.timeout_seconds)
    if action.mode is Mode.INLINE:
        if timeout > action.timeout_seconds:
            message = f"{action.name} runs within one call: at most {durations.text(action.timeout_seconds)}"
            findings.add(item.at("timeout"), "OUT_OF_RANGE", message)
        if "heartbeat" in item:
            message = f"{action.name} runs within one call and sends no heartbeat: leave it out"
            findings.add(item.at("heartbeat"), "BAD_VALUE", message)
    elif item.get("heartbeat", 0) >= timeout:
        findings.add(item.at("heartbeat"), "OUT_OF_RANGE", "the heartbeat is shorter than the timeout")
