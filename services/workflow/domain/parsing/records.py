"""The shapes that hold others: lists, mappings and records."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.workflow.domain.names import hint
from services.workflow.domain.parsing.findings import Findings
from services.workflow.domain.parsing.shapes import BAD, Item, Shape, name_of, wrong
from services.workflow.domain.parsing.source import Node


@dataclass(frozen=True)
class ListOf:
    each: Shape
    most: int
    least: int = 0

    @property
    def expects(self) -> str:
        return f"a list of {self.least} to {self.most:,}"

    def read(self, node: Node, findings: Findings) -> Any:
        if not isinstance(node.value, list):
            return wrong(node, findings, self.expects)
        if not self.least <= len(node.value) <= self.most:
            found = f"{name_of(node)}: {self.expects} is expected, found {len(node.value):,}"
            findings.add(node.path, "OUT_OF_RANGE", found)
            if len(node.value) > self.most:
                return BAD
        read = [self.each.read(each, findings) for each in node.value]
        good = [each for each in read if each is not BAD]
        # Records are looked at further beside a wrong one; a list of plain values is right or wrong.
        return good if len(good) == len(read) or any(isinstance(each, Item) for each in good) else BAD

    def schema(self) -> dict[str, Any]:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.each.schema(), "maxItems": self.most} | least


@dataclass(frozen=True)
class MapOf:
    """A mapping with names of the author's choice."""

    each: Shape
    most: int
    name: str | None = None
    """A regular expression of its names."""
    expects: str = "a mapping"

    def read(self, node: Node, findings: Findings) -> Any:
        if not isinstance(node.value, dict):
            return wrong(node, findings, self.expects)
        if len(node.value) > self.most:
            most = f"{self.expects} of at most {self.most}"
            message = f"{name_of(node)}: {most} is expected, found {len(node.value):,}"
            findings.add(node.path, "OUT_OF_RANGE", message)
            return BAD
        found = Item(node.path)
        for key, value in node.value.items():
            if self.name and not re.search(self.name, key):
                message = f"'{key[:40]}' is no name: lower case letters, digits and _ , a letter first"
                findings.add(value.path, "BAD_NAME", message)
            read = self.each.read(value, findings)
            if read is not BAD:
                found[key] = read
        return found

    def schema(self) -> dict[str, Any]:
        names = {"propertyNames": {"pattern": self.name.replace(r"\Z", "$")}} if self.name else {}
        each = self.each.schema()
        return {"type": "object", "maxProperties": self.most, "additionalProperties": each or True} | names


@dataclass(frozen=True)
class Key:
    """One key of a record."""

    name: str
    shape: Shape
    description: str
    required: bool = False

    def schema(self) -> dict[str, Any]:
        schema = self.shape.schema()
        if "$ref" in schema:
            return schema | {"description": self.description}
        said = schema.get("description")
        return schema | {"description": f"{self.description} ({said})" if said else self.description}


@dataclass(frozen=True)
class Record:
    """A mapping with keys of the language."""

    title: str
    keys: tuple[Key, ...]

    @property
    def expects(self) -> str:
        return f"a mapping ({self.title})"

    def read(self, node: Node, findings: Findings) -> Any:
        if not isinstance(node.value, dict):
            return wrong(node, findings, self.expects)
        known = {key.name: key for key in self.keys}
        found = Item(node.path)
        for name, value in node.value.items():
            key = known.get(name)
            if key is None:
                near = hint(name, known) or f"; there are {', '.join(known)}"
                message = f"there is no key '{name}' in {a(self.title)}{near}"
                findings.add(value.path, "UNKNOWN_KEY", message)
            elif (read := key.shape.read(value, findings)) is BAD:
                found.wrong.add(name)
            else:
                found[name] = read
        for key in self.keys:
            if key.required and key.name not in node.value:
                message = f"{a(self.title)} needs '{key.name}': {key.shape.expects}"
                findings.add(node.path, "MISSING_KEY", message)
        return found

    def schema(self) -> dict[str, Any]:
        required = [key.name for key in self.keys if key.required]
        return {
            "type": "object",
            "title": self.title,
            "properties": {key.name: key.schema() for key in self.keys},
            "additionalProperties": False,
        } | ({"required": required} if required else {})


def a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@dataclass(frozen=True)
class OneOf:
    """One of several records, told apart by the key that each alone has."""

    title: str
    records: Mapping[str, Record]

    @property
    def expects(self) -> str:
        return f"a mapping ({self.title}) with one of the keys {', '.join(self.records)}"

    def read(self, node: Node, findings: Findings) -> Any:
        if not isinstance(node.value, dict):
            return wrong(node, findings, self.expects)
        told = [name for name in self.records if name in node.value]
        if len(told) == 1:
            found = self.records[told[0]].read(node, findings)
            found.kind = told[0]
            return found
        if told:
            message = f"{a(self.title)} has one of {', '.join(self.records)}, not {' and '.join(told)}"
            findings.add(node.path, "AMBIGUOUS", message)
            return BAD
        common = {key.name for key in next(iter(self.records.values())).keys}
        near = next(
            (found for key in node.value if key not in common and (found := hint(key, self.records))), ""
        )
        message = f"{a(self.title)} needs one of {', '.join(self.records)}{near}"
        findings.add(node.path, "MISSING_KEY", message)
        return BAD

    def schema(self) -> dict[str, Any]:
        return {"oneOf": [each.schema() for each in self.records.values()]}


@dataclass(frozen=True)
class Named:
    """A shape of the schema's `$defs`, which may contain itself."""

    name: str
    shape: Callable[[], Shape]

    @property
    def expects(self) -> str:
        return self.shape().expects

    def read(self, node: Node, findings: Findings) -> Any:
        return self.shape().read(node, findings)

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.name}"}
