"""From a workflow's text, YAML 1.2 or JSON, to its definition; or to all that is wrong with it, at once."""

from typing import Any

from services.workflow.domain.definition import Definition
from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.parsing import build
from services.workflow.domain.parsing.check_expressions import Expressions
from services.workflow.domain.parsing.check_steps import check_steps
from services.workflow.domain.parsing.check_triggers import check_inputs, check_triggers
from services.workflow.domain.parsing.findings import MAX_FINDINGS, Finding, Findings, Stop
from services.workflow.domain.parsing.language import WORKFLOW
from services.workflow.domain.parsing.places import Places
from services.workflow.domain.parsing.shapes import BAD, Item
from services.workflow.domain.parsing.source import MAX_BYTES, read
from services.workflow.domain.registry import Registry

__all__ = ["MAX_BYTES", "MAX_FINDINGS", "Finding", "parse"]


def parse(source: str | bytes, registry: Registry | None = None) -> Definition:
    """The workflow that `source` describes, by the actions of `registry` (None: all of the platform).

    Raises DefinitionInvalid, whose `errors` hold up to MAX_FINDINGS findings, each with a stable code, a
    message, the path, and the line and column.
    """
    known = registry if registry is not None else Registry.load()
    findings = Findings()
    item = _checked(source, known, findings)
    if findings or item is None:
        told = list(findings)
        first = told[0]
        more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        raise DefinitionInvalid(
            f"line {first.line}, column {first.column}: {first.message}{more}", errors=findings.documents()
        )
    return build.definition(item, known)


def _checked(source: str | bytes, registry: Registry, findings: Findings) -> Item | None:
    try:
        item: Item | Any = WORKFLOW.read(read(source, findings), findings)
        if item is BAD:
            return None
        places = Places(item, findings)
        expressions = Expressions(item, places, registry, findings)
        check_triggers(item, check_inputs(item, findings), expressions, findings)
        check_steps(item, places, expressions, registry, findings)
        expressions.template(item.get("outputs"), "outputs", expressions.end())
    except Stop:
        return None
    return item
