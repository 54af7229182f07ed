"""`set`: names for values."""

from collections.abc import Mapping
from typing import Any

from services.workflow.domain.runtime_ports import ActionCall


class SetValues:
    """Gives its input as its output."""

    def do(self, call: ActionCall) -> Mapping[str, Any]:
        return call.input

    def search(self, call: ActionCall) -> Mapping[str, Any] | None:
        return None
