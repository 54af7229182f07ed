"""One expression, compiled once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget, exceeded
from services.workflow.domain.expressions.interpreter import Interpreter
from services.workflow.domain.expressions.references import Reference, references
from services.workflow.domain.expressions.syntax import Node, parse
from services.workflow.domain.expressions.values import settled, truth


@dataclass(frozen=True)
class Expression:
    """`references` are the paths from the scope's root that it reads; `reads_everything` where it reads the
    scope as a whole as well."""

    text: str
    tree: Node = field(repr=False, compare=False)
    references: tuple[Reference, ...] = field(repr=False, compare=False)
    reads_everything: bool = field(default=False, repr=False, compare=False)

    @property
    def path(self) -> Reference | None:
        """Where it is nothing but a path (`inputs.top`): that path."""
        parts = self.text.split(".")
        return tuple(parts) if self.references == (tuple(parts),) else None

    def evaluate(self, scope: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """Its value over `scope`: JSON's types, with int and Decimal for numbers; a copy. What is missing is
        null. Raises ExpressionError (EXPRESSION_BUDGET, EXPRESSION_TYPE)."""
        spent = budget if budget is not None else Budget()
        try:
            return settled(Interpreter(scope, spent).visit(self.tree, scope), spent)
        except RecursionError:
            exceeded("it is nested too deeply")
        except ExpressionError as error:
            raise ExpressionError(f"{error.detail} [{_short(self.text)}]", code=error.code) from error

    def holds(self, scope: Mapping[str, Any]) -> bool:
        """Whether its value is true: not null, false, or empty."""
        return truth(self.evaluate(scope))


# The largest expressions take 100 KB each: what strangers write must not fill the memory.
@lru_cache(maxsize=256)
def compile_expression(text: str) -> Expression:
    """Raises ExpressionError (EXPRESSION_SYNTAX with `position`, EXPRESSION_BUDGET)."""
    tree = parse(text)
    found = tuple(references(tree))
    return Expression(text, tree, tuple(each for each in found if each), reads_everything=() in found)


def evaluate(text: str, scope: Mapping[str, Any]) -> Any:
    return compile_expression(text).evaluate(scope)


def holds(text: str, scope: Mapping[str, Any]) -> bool:
    return compile_expression(text).holds(scope)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
