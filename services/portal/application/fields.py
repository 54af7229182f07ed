"""Schemas of the OpenAPI document as flat lists of fields, and an example of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
_DEEPEST = 4
_EXAMPLES: dict[str, Any] = {"string": "string", "integer": 0, "number": 0, "boolean": False}


@dataclass(frozen=True)
class Field:
    """One field of an object; `path` has dots for nesting and [] for the items of a list."""

    path: str
    type: str
    required: bool
    description: str


class Schemas:
    """Resolves references into the document's components."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._named: Mapping[str, Schema] = document.get("components", {}).get("schemas", {})

    def resolve(self, schema: Schema) -> Schema:
        """Follows references, and takes the one real choice of "this or null"."""
        while True:
            if "$ref" in schema:
                target = self._named[str(schema["$ref"]).rsplit("/", 1)[-1]]
            else:
                choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
                if len(choices) != 1:
                    return schema
                target = choices[0]
            # What stands beside a reference is about this use of it.
            own = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
            schema = {**target, **own}

    def type_name(self, schema: Schema) -> str:
        null = any(one.get("type") == "null" for one in schema.get("anyOf", ()))
        found = self.resolve(schema)
        if "const" in found:
            name = str(found["const"])
        elif "enum" in found:
            name = " | ".join(str(value) for value in found["enum"])
        elif found.get("type") == "array":
            name = f"list of {self.type_name(found.get('items', {}))}"
        elif "anyOf" in found or "oneOf" in found:
            name = " | ".join(self.type_name(one) for one in found.get("anyOf", found.get("oneOf", ())))
        else:
            kind = found.get("type", "any")
            name = str(found.get("format", kind)) if isinstance(kind, str) else " | ".join(kind)
        return f"{name} or null" if null else name

    def fields(self, schema: Schema) -> list[Field]:
        """The fields of an object, or of the objects in a list, nested ones below their parent."""
        return list(self._walk(self.resolve(schema), "", ()))

    def _walk(self, schema: Schema, prefix: str, above: tuple[str, ...]) -> Iterator[Field]:
        """`above`: titles of the objects around this one; what holds itself is not told twice."""
        if schema.get("type") == "array":
            yield from self._walk(self.resolve(schema.get("items", {})), f"{prefix}[]", above)
            return
        title = str(schema.get("title", ""))
        if len(above) == _DEEPEST or (title and title in above):
            return
        required = schema.get("required", ())
        for name, value in schema.get("properties", {}).items():
            path = f"{prefix}.{name}" if prefix else name
            found = self.resolve(value)
            yield Field(path, self.type_name(value), name in required, str(found.get("description", "")))
            if found.get("type") in ("object", "array"):
                yield from self._walk(found, path, (*above, title))

    def example(self, schema: Schema, depth: int = _DEEPEST) -> Any:
        """What a value may look like: the schema's own example where it has one."""
        found = self.resolve(schema)
        if found.get("examples"):
            return found["examples"][0]
        for key in ("example", "default", "const"):
            if found.get(key) is not None:
                return found[key]
        if "enum" in found:
            return found["enum"][0]
        kind = found.get("type")
        if kind == "array":
            return [self.example(found.get("items", {}), depth - 1)] if depth else []
        if kind == "object" or "properties" in found:
            if depth == 0:
                return {}
            properties = found.get("properties", {})
            return {name: self.example(value, depth - 1) for name, value in properties.items()}
        return _EXAMPLES.get(str(kind))
