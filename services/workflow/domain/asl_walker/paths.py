"""The parts of JSONPath, payload templates and intrinsic functions that the compiler writes."""

import copy
import re
from collections.abc import Mapping
from typing import Any

_CALL = re.compile(r"States\.Format\((.*)\)")
_ARGUMENT = re.compile(r"'([^']*)'|(\$\$?(?:\.\w+)+)")


class StatesError(Exception):
    """What a state fails with: `name` is what Retry and Catch match."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


def resolve(path: str, data: Any, context: Mapping[str, Any]) -> Any:
    """`$.a.b` of the data, `$$.a.b` of the context, or States.Format over both. Raises StatesError
    (States.ParameterPathFailure), which is an error of the machine."""
    if called := _CALL.fullmatch(path):
        template, *values = (
            text if path is None else resolve(path, data, context)
            for text, path in ((each[1], each[2]) for each in _ARGUMENT.finditer(called[1]))
        )
        return template.format(*values)
    found = context if path.startswith("$$") else data
    for name in path.lstrip("$").split(".")[1:]:
        if not isinstance(found, Mapping) or name not in found:
            raise StatesError("States.ParameterPathFailure", f"there is nothing at {path}")
        found = found[name]
    return copy.deepcopy(found)


def fill(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """A payload template: fields whose names end in `.$` are paths."""
    match template:
        case Mapping():
            return {
                name.removesuffix(".$"): (
                    resolve(each, data, context) if name.endswith(".$") else fill(each, data, context)
                )
                for name, each in template.items()
            }
        case list():
            return [fill(each, data, context) for each in template]
        case _:
            return template


def put(data: Mapping[str, Any], path: str | None, value: Any) -> dict[str, Any]:
    """ResultPath: null drops the value, `$.name` sets it."""
    return dict(data) if path is None else {**data, path.removeprefix("$."): value}
