"""A synthesized cloud assembly, read as data: what the tests of infra/ ask their questions of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PARTS = ("platform", "lake", "network", "identity", "cost-center", "query-engine", "workflow", "portal")
PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "000000000000", "AWS::Partition": "aws"}


@dataclass(frozen=True)
class Resource:
    """One resource of a template. `name` is how `Template.text` writes a reference to it."""

    stack: str
    id: str
    type: str
    properties: dict[str, Any]
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.stack}.{self.id}"


class Environment:
    """The stacks of one environment in an assembly."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.templates = {
            part: json.loads((folder / f"onyx-{name}-{part}.template.json").read_text()) for part in PARTS
        }

    @cached_property
    def _exports(self) -> dict[str, tuple[str, Any]]:
        return {
            output["Export"]["Name"]: (part, output["Value"])
            for part, template in self.templates.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def resources(self, *types: str, part: str | None = None) -> Iterator[Resource]:
        for stack, template in self.templates.items():
            if part not in (None, stack):
                continue
            for id, body in template["Resources"].items():
                if not types or body["Type"] in types:
                    yield Resource(stack, id, body["Type"], body.get("Properties", {}), body)

    def one(self, type: str, name: str) -> Resource:
        """The resource of `type` that `name` (as `text` writes it) is, or an attribute of."""
        found = [r for r in self.resources(type) if name in (r.name, f"{r.name}.Arn", f"{r.name}.StreamArn")]
        assert len(found) == 1, f"{name} is not one {type}"
        return found[0]

    def text(self, stack: str, value: Any) -> str:
        """`value` with each reference written as `<stack>.<logical id>[.<attribute>]`, imports followed."""
        match value:
            case str() | int() | float():
                return str(value)
            case {"Ref": id}:
                return PSEUDO.get(id, f"{stack}.{id}")
            case {"Fn::GetAtt": [id, attribute]}:
                return f"{stack}.{id}.{attribute}"
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.text(stack, part) for part in parts)
            case {"Fn::ImportValue": name}:
                return self.text(*self._exports[name])
            case {"Fn::Sub": pattern}:
                return str(pattern)
        raise ValueError(f"cannot read {value}")

    def plain(self, stack: str, value: Any) -> Any:
        """`value` with its references written out, its shape kept."""
        if isinstance(value, list):
            return [self.plain(stack, item) for item in value]
        if isinstance(value, dict) and not any(k == "Ref" or k.startswith("Fn::") for k in value):
            return {key: self.plain(stack, item) for key, item in value.items()}
        return self.text(stack, value) if isinstance(value, dict) else value

    def statements(self, role: str) -> Iterator[dict[str, Any]]:
        """What a role (by its name) may do: {"actions": [...], "resources": [...]} per statement."""
        for policy in self.resources("AWS::IAM::Policy"):
            if role in [self.text(policy.stack, each) for each in policy.properties["Roles"]]:
                for statement in policy.properties["PolicyDocument"]["Statement"]:
                    assert statement["Effect"] == "Allow"
                    resources = listed(statement["Resource"])
                    yield {
                        "actions": listed(statement["Action"]),
                        "resources": [self.text(policy.stack, each) for each in resources],
                    }


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
