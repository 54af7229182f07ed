"""From YAML 1.2 or JSON text to a tree of values with their places.

The library reads YAML 1.1; only its events are used, and plain scalars are typed here by YAML 1.2's core
schema: `on`, `no` and `12:30` are texts. Numbers with a point are Decimal. Anchors, aliases and tags are no
part of the language, so that no text is more than it looks like.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from services.workflow.domain.parsing.findings import Findings, Stop
from shared.money import parse_decimal

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_KEY = 128

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_HALVES = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_ADVICE = (
    ("scanning an alias", "a text that begins with * is written in quotes"),
    ("scanning an anchor", "a text that begins with & is written in quotes"),
    (
        "cannot start any token",
        "a text that begins with ` @ or % is written in quotes, and nothing is indented by tabs",
    ),
    ("',' or", "inside of { } and [ ] a text with ${...} is written in quotes"),
    ("did not find expected key", "a text that goes on after a quoted part is put in quotes as a whole"),
    ("mapping values are not allowed", "a text with a colon and a space in it is written in quotes"),
    ("expected node content", "a text that begins with } ] or , is written in quotes"),
)

Scalar = None | bool | int | Decimal | str


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the text: a scalar, a list, or a mapping; `path` is from the root."""

    value: "Scalar | list[Node] | dict[str, Node]"
    path: str

    def plain(self) -> Any:
        """In JSON's types (and Decimal)."""
        match self.value:
            case list():
                return [each.plain() for each in self.value]
            case dict():
                return {key: each.plain() for key, each in self.value.items()}
            case _:
                return self.value


def read(source: str | bytes, findings: Findings) -> Node:
    """The tree. Raises Stop where the text cannot be read on; what is wrong is in `findings` then."""
    text = _text(source, findings)
    try:
        return _Reader(text, findings).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _stop(findings, "YAML_SYNTAX", f"no YAML: {_reason(error)}", place) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _stop(findings, "YAML_SYNTAX", "no YAML: a character that text cannot hold", place) from error
    except yaml.YAMLError:
        raise _stop(findings, "YAML_SYNTAX", "no YAML", (1, 1)) from None


def _text(source: str | bytes, findings: Findings) -> str:
    size = len(source) if isinstance(source, bytes) else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _stop(findings, "TOO_LARGE", f"a workflow is at most {MAX_BYTES // 1024} KB of text", (1, 1))
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
        text.encode("utf-8")
    except UnicodeError:
        raise _stop(findings, "YAML_SYNTAX", "the text is not UTF-8", (1, 1)) from None
    return _json_as_yaml(text) if text.lstrip().startswith("{") else text


def _json_as_yaml(text: str) -> str:
    """What JSON may hold and YAML refuses: tabs between values (inside a text a tab is written \\t), and a
    character beyond the first plane written as two halves."""
    return _HALVES.sub(lambda found: found[1] + json.loads(f'"{found[2]}"'), text.replace("\t", " "))


def _stop(findings: Findings, code: str, message: str, place: tuple[int, int]) -> Stop:
    """To be raised."""
    findings.add("", code, message, place=place)
    return Stop()


def _reason(error: yaml.MarkedYAMLError) -> str:
    """What the library says, and what to do about the slips that expressions invite."""
    said = " ".join(part for part in (error.context, error.problem) if part) or "it cannot be read"
    return said + next((f"; {advice}" for part, advice in _ADVICE if part in said), "")


class _Reader:
    def __init__(self, text: str, findings: Findings) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self._findings = findings

    def document(self) -> Node:
        next(self._events)
        first = next(self._events)
        if not isinstance(first, DocumentStartEvent):
            raise _stop(self._findings, "YAML_SYNTAX", "the text is empty", (1, 1))
        root = self._node(next(self._events), "", 0)
        next(self._events)
        more = next(self._events)
        if isinstance(more, DocumentStartEvent):
            message = "one text holds one workflow: a second begins"
            raise _stop(self._findings, "YAML_SYNTAX", message, _place(more))
        return root

    def _node(self, event: Event, path: str, depth: int) -> Node:
        self._findings.places.setdefault(path, _place(event))
        if depth > MAX_DEPTH:
            message = f"it is nested deeper than {MAX_DEPTH} levels"
            raise _stop(self._findings, "TOO_DEEP", message, _place(event))
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            message = "anchors (&) and aliases (*) are not part of the language: write it out"
            self._findings.add(path, "YAML_ALIAS", message, place=_place(event))
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            message = f"the tag {tag[:40]} is not part of the language: leave it out, or quote the text"
            self._findings.add(path, "YAML_TAG", message, place=_place(event))
        match event:
            case SequenceStartEvent():
                return Node(self._list(path, depth), path)
            case MappingStartEvent():
                return Node(self._mapping(path, depth), path)
            case ScalarEvent():
                return Node(self._scalar(event, path), path)
            case _:
                return Node(None, path)

    def _list(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Node]:
        items: dict[str, Node] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent) or len(event.value) > MAX_KEY:
                raise _stop(
                    self._findings,
                    "BAD_KEY",
                    f"a key is a text of at most {MAX_KEY} characters"
                    " (a text that begins with { or [ is written in quotes)",
                    _place(event),
                )
            key = event.value
            inner = f"{path}.{key}" if path else key
            place = _place(event)
            self._findings.places.setdefault(inner, place)
            value = self._node(next(self._events), inner, depth + 1)
            if key in items:
                message = f"the key '{key}' is written twice"
                self._findings.add(inner, "DUPLICATE_KEY", message, place=place)
            items[key] = value
        return items

    def _scalar(self, event: ScalarEvent, path: str) -> Scalar:
        text = event.value
        if event.style:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text) and len(text) <= 40:
            if text.lstrip("+-")[0] == "0" and len(text.lstrip("+-")) > 1:
                return self._refused(text, path, "begins with a zero: put it in quotes if it is a text")
            return int(text)
        if _OTHER_BASE.fullmatch(text) and len(text) <= 40:
            return int(text, 0)
        if _NOT_FINITE.fullmatch(text):
            return self._refused(text, path, "is no number that JSON knows")
        if _FLOAT.fullmatch(text):
            try:
                return parse_decimal(text)
            except ValueError:
                return self._refused(
                    text, path, "is too large for a number: put it in quotes if it is a text"
                )
        return text

    def _refused(self, text: str, path: str, why: str) -> str:
        self._findings.add(path, "BAD_NUMBER", f"{text[:40]} {why}")
        return text


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
