"""What an expression reads of the scope, found in its syntax tree: `steps.costs.output.rows[0]` reads
`("steps", "costs", "output", "rows")`."""

from collections.abc import Iterator
from enum import Enum

from services.workflow.domain.expressions.syntax import Node

Reference = tuple[str, ...]


class _Value(Enum):
    OTHER = "a value of which no path is known"


Path = Reference | _Value


def references(tree: Node) -> Iterator[Reference]:
    """Each path from the scope's root, as long as it is known; `()` where all of the scope is read."""
    found: list[Reference] = []
    last = _read(tree, (), found)
    if last is not _Value.OTHER:
        found.append(last)
    yield from dict.fromkeys(found)


def _read(node: Node, at: Path, found: list[Reference]) -> Path:
    """Where the node's value lies when `@` is at `at`; paths that are read on the way go to `found`."""
    children = node["children"]
    match node["type"]:
        case "root":
            return ()
        case "current" | "identity":
            return at
        case "field":
            return _Value.OTHER if at is _Value.OTHER else (*at, node["value"])
        case "subexpression" | "pipe":
            for child in children:
                at = _read(child, at, found)
            return at
        case "index_expression":
            base = _read(children[0], at, found)
            _note(base, found)
            return _Value.OTHER
        case "projection" | "value_projection" | "filter_projection" | "flatten":
            _note(_read(children[0], at, found), found)
            for child in children[1:]:
                _note(_read(child, _Value.OTHER, found), found)
            return _Value.OTHER
        case "expref":
            _note(_read(children[0], _Value.OTHER, found), found)
            return _Value.OTHER
        case "slice" | "literal" | "index":
            return _Value.OTHER
        case _:
            for child in children:
                _note(_read(child, at, found), found)
            return _Value.OTHER


def _note(path: Path, found: list[Reference]) -> None:
    if path is not _Value.OTHER:
        found.append(path)
