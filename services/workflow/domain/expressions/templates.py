"""Texts with `${expression}` in them, and any JSON value with such texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget
from services.workflow.domain.expressions.expression import Expression, compile_expression
from services.workflow.domain.expressions.texts import to_string

_OPEN, _ESCAPED = "${", "$${"
_QUOTES = "'\"`"


@dataclass(frozen=True)
class Template:
    """A text's parts, in order: literal texts and expressions."""

    parts: tuple[str | Expression, ...]

    @property
    def expression(self) -> Expression | None:
        """Where the text is exactly one expression, whose value keeps its type: that expression."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Expression) else None

    def render(self, scope: Mapping[str, Any], budget: Budget) -> Any:
        """The value: of its own type where the text is exactly one expression, else a text (null is
        empty, arrays and objects are JSON)."""
        if self.expression is not None:
            return self.expression.evaluate(scope, budget)
        written = [
            each if isinstance(each, str) else _text(each.evaluate(scope, budget), budget)
            for each in self.parts
        ]
        budget.characters(sum(map(len, written)))
        return "".join(written)


def _text(value: Any, budget: Budget) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return to_string(budget, value)


def compile_template(text: str) -> Template:
    """Raises ExpressionError; the position of a fault is counted in the whole text."""
    parts: list[str | Expression] = []
    literal = ""
    at = 0
    while at < len(text):
        if text.startswith(_ESCAPED, at):
            literal, at = literal + _OPEN, at + len(_ESCAPED)
        elif text.startswith(_OPEN, at):
            end = _end(text, at + len(_OPEN))
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(_expression(text, at + len(_OPEN), end))
            at = end + 1
        else:
            following = text.find("$", at + 1)
            following = len(text) if following < 0 else following
            literal, at = literal + text[at:following], following
    if literal or not parts:
        parts.append(literal)
    return Template(tuple(parts))


def _expression(text: str, start: int, end: int) -> Expression:
    try:
        return compile_expression(text[start:end].strip())
    except ExpressionError as error:
        skipped = start + len(text[start:end]) - len(text[start:end].lstrip())
        position = None if error.position is None else error.position + skipped
        raise ExpressionError(error.detail, code=error.code, position=position) from error


def _end(text: str, start: int) -> int:
    """Where the `}` is that ends the expression: not one inside quotes or inner braces."""
    depth, quote, at = 0, "", start
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif character == quote:
                quote = ""
        elif character in _QUOTES:
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    raise ExpressionError(
        f"the ${{ at character {start - 1} is not closed by a }} (a literal ${{ is written $${{)",
        code="EXPRESSION_SYNTAX",
        position=start - 1,
    )


def is_template(text: str) -> bool:
    """Whether anything in the text is evaluated or unescaped."""
    return _OPEN in text


def render(template: Any, scope: Mapping[str, Any]) -> Any:
    """Any JSON value with its texts rendered over `scope`; all of it shares one budget. Keys are not
    rendered. Raises ExpressionError."""
    return _render(template, scope, Budget())


def _render(template: Any, scope: Mapping[str, Any], budget: Budget) -> Any:
    match template:
        case str():
            return compile_template(template).render(scope, budget) if is_template(template) else template
        case Mapping():
            return {key: _render(each, scope, budget) for key, each in template.items()}
        case list() | tuple():
            return [_render(each, scope, budget) for each in template]
        case _:
            return template


def expressions_of(template: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the value that is a template, with its path below (`.body.items[0]`)."""
    match template:
        case str() if is_template(template):
            yield path, template
        case Mapping():
            for key, each in template.items():
                yield from expressions_of(each, f"{path}.{key}")
        case list() | tuple():
            for index, each in enumerate(template):
                yield from expressions_of(each, f"{path}[{index}]")
