"""Evaluates a syntax tree: the library's interpreter, paid for by step, with exact numbers."""

from collections.abc import Mapping
from typing import Any

from jmespath.visitor import TreeInterpreter

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget
from services.workflow.domain.expressions.functions import call
from services.workflow.domain.expressions.syntax import Node
from services.workflow.domain.expressions.values import is_number, number, same, truth, type_name

_ORDER = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


class Interpreter(TreeInterpreter):
    """One evaluation over `scope`, within `budget`."""

    def __init__(self, scope: Any, budget: Budget) -> None:
        super().__init__()
        self._scope = scope
        self._budget = budget

    def visit(self, node: Node, *args: Any, **kwargs: Any) -> Any:
        self._budget.steps()
        return super().visit(node, *args, **kwargs)

    def visit_root(self, node: Node, value: Any) -> Any:
        return self._scope

    def visit_field(self, node: Node, value: Any) -> Any:
        return value.get(node["value"]) if isinstance(value, Mapping) else None

    def visit_comparator(self, node: Node, value: Any) -> Any:
        left, right = (self.visit(each, value) for each in node["children"])
        operator = node["value"]
        if operator in ("eq", "ne"):
            return same(left, right, self._budget) is (operator == "eq")
        if left is None or right is None:
            return None
        if is_number(left) and is_number(right):
            return _ORDER[operator](number(left), number(right))
        if isinstance(left, str) and isinstance(right, str):
            self._budget.characters(min(len(left), len(right)))
            return _ORDER[operator](left, right)
        raise ExpressionError(
            f"cannot order {type_name(left)} and {type_name(right)}: compare two numbers or two texts"
            " (decimal(text) makes a number)"
        )

    def visit_not_expression(self, node: Node, value: Any) -> bool:
        return not truth(self.visit(node["children"][0], value))

    def visit_flatten(self, node: Node, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        merged: list[Any] = []
        for element in base:
            inner = element if isinstance(element, list) else [element]
            self._budget.steps(1 + len(inner))
            merged.extend(inner)
        return merged

    def visit_slice(self, node: Node, value: Any) -> Any:
        if isinstance(value, list):
            self._budget.steps(len(value))
        return super().visit_slice(node, value)

    def visit_function_expression(self, node: Node, value: Any) -> Any:
        return call(node["value"], [self.visit(each, value) for each in node["children"]], self._budget)
