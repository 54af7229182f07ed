"""The shapes that values of a definition may have. One description serves twice: `read` checks a value and
gives it in Python's types, `schema` says the same in JSON Schema (2020-12)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from services.workflow.domain import durations
from services.workflow.domain.expressions.budget import MAX_TEXT
from services.workflow.domain.names import hint
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.source import Node

BAD: Any = object()
"""Stands for a value of which a finding was made."""


class Shape(Protocol):
    """`expects` finishes the sentence "... is expected"."""

    @property
    def expects(self) -> str: ...

    def read(self, node: Node, findings: Findings) -> Any: ...

    def schema(self) -> dict[str, Any]: ...


class Item(dict[str, Any]):
    """A record that was read, and where it stands; keys whose values are wrong are left out."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.wrong: set[str] = set()
        """The keys whose values are wrong."""
        self.kind = ""
        """Of a `OneOf`: the key that told which."""

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def wrong(node: Node, findings: Findings, expects: str, code: str = "WRONG_TYPE") -> Any:
    """Note that something else was expected here."""
    findings.add(node.path, code, f"{name_of(node)}: {expects} is expected, found {_said(node.value)}")
    return BAD


def name_of(node: Node) -> str:
    return node.path.rpartition(".")[2] or "the workflow"


def _said(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text '{value[:40]}'" if len(value) <= 40 else f"the text '{value[:37]}...'"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"the number {value}"


@dataclass(frozen=True)
class Text:
    """A text; `pattern` is a regular expression that `expects` puts into words."""

    longest: int = 200
    pattern: str | None = None
    expects: str = "a text"

    def read(self, node: Node, findings: Findings) -> Any:
        value = node.value
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return wrong(node, findings, f"{self.expects} (a number is put in quotes)")
        if not isinstance(value, str):
            return wrong(node, findings, self.expects)
        if not 1 <= len(value) <= self.longest:
            return wrong(node, findings, f"{self.expects} of 1 to {self.longest} characters", "OUT_OF_RANGE")
        if self.pattern and not re.search(self.pattern, value):
            return wrong(node, findings, self.expects, "BAD_VALUE")
        return value

    def schema(self) -> dict[str, Any]:
        pattern = {"pattern": self.pattern.replace(r"\Z", "$")} if self.pattern else {}
        return {"type": "string", "minLength": 1, "maxLength": self.longest} | pattern


@dataclass(frozen=True)
class Whole:
    """An integer within bounds."""

    least: int
    most: int

    @property
    def expects(self) -> str:
        return f"a whole number from {self.least:,} to {self.most:,}"

    def read(self, node: Node, findings: Findings) -> Any:
        value = node.value
        if not isinstance(value, int) or isinstance(value, bool):
            return wrong(node, findings, self.expects)
        if not self.least <= value <= self.most:
            return wrong(node, findings, self.expects, "OUT_OF_RANGE")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Flag:
    """`true` or `false`; `only` where one of them alone makes sense."""

    only: bool | None = None

    @property
    def expects(self) -> str:
        return "true or false" if self.only is None else str(self.only).lower()

    def read(self, node: Node, findings: Findings) -> Any:
        if not isinstance(node.value, bool) or self.only not in (None, node.value):
            return wrong(node, findings, self.expects)
        return node.value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"} if self.only is None else {"const": self.only}


@dataclass(frozen=True)
class Choice:
    """One of some texts."""

    of: Sequence[str]

    @property
    def expects(self) -> str:
        return "one of " + ", ".join(self.of)

    def read(self, node: Node, findings: Findings) -> Any:
        if node.value in self.of and isinstance(node.value, str):
            return node.value
        near = hint(node.value, self.of) if isinstance(node.value, str) else ""
        findings.add(
            node.path,
            "BAD_VALUE",
            f"{name_of(node)}: {self.expects} is expected, found {_said(node.value)}{near}",
        )
        return BAD

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.of)}


@dataclass(frozen=True)
class Duration:
    """`30s`, `10m`, `2h`, `1d`; read as whole seconds."""

    least: int
    most: int

    @property
    def expects(self) -> str:
        least, most = durations.text(self.least), durations.text(self.most)
        return f"a duration from {least} to {most}, such as 30s, 10m, 2h"

    def read(self, node: Node, findings: Findings) -> Any:
        if not isinstance(node.value, str):
            return wrong(node, findings, self.expects)
        try:
            value = durations.seconds(node.value)
        except ValueError:
            return wrong(node, findings, self.expects, "BAD_VALUE")
        if not self.least <= value <= self.most:
            return wrong(node, findings, self.expects, "OUT_OF_RANGE")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": durations.PATTERN, "description": self.expects}


@dataclass(frozen=True)
class Expr:
    """A bare expression. Its syntax and names are checked with the rest of the workflow."""

    expects: str = "an expression"

    def read(self, node: Node, findings: Findings) -> Any:
        if isinstance(node.value, bool | int | Decimal):
            return wrong(node, findings, f"{self.expects} (a constant in it is written in backticks)")
        if not isinstance(node.value, str) or not node.value.strip():
            return wrong(node, findings, self.expects)
        return node.value.strip()

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "minLength": 1,
            "description": f"{self.expects}; at most {MAX_TEXT} characters",
        }


@dataclass(frozen=True)
class Anything:
    """Any JSON value; its texts may be templates where the key's description says so."""

    expects: str = "a value"

    def read(self, node: Node, findings: Findings) -> Any:
        return node.plain()

    def schema(self) -> dict[str, Any]:
        return {}
