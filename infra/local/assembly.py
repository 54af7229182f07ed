"""Reading a CDK cloud assembly (`cdk.out`): stacks in dependency order, their templates and assets."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FileAsset:
    """One file or folder to be put into the bootstrap bucket."""

    source: Path
    packaging: str  # "file" or "zip"
    bucket: str
    key: str

    def body(self) -> bytes:
        """The object's bytes; a folder is zipped, in a stable order."""
        if self.packaging == "file":
            return self.source.read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self.source.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(self.source))
        return packed.getvalue()


@dataclass(frozen=True)
class ImageAsset:
    """One container image: its tag and the build context it is made from."""

    repository: str
    tag: str
    context: Path


@dataclass(frozen=True)
class StackArtifact:
    """One stack of the assembly."""

    artifact: str
    name: str
    template: dict[str, Any]
    template_asset: FileAsset
    files: tuple[FileAsset, ...]
    images: tuple[ImageAsset, ...]
    tags: dict[str, str] = field(default_factory=dict)

    def resources(self, resource_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(logical id, properties) of each resource of one type."""
        for logical_id, resource in self.template.get("Resources", {}).items():
            if resource["Type"] == resource_type:
                yield logical_id, resource.get("Properties", {})


def _placeholders(text: str, account: str, region: str) -> str:
    return (
        text.replace("${AWS::AccountId}", account)
        .replace("${AWS::Region}", region)
        .replace("${AWS::Partition}", "aws")
    )


def _stack(folder: Path, artifact: str, entry: dict[str, Any], account: str, region: str) -> StackArtifact:
    template_path = folder / entry["properties"]["templateFile"]
    assets = json.loads((folder / f"{artifact}.assets.json").read_text())
    files = [
        FileAsset(
            source=folder / asset["source"]["path"],
            packaging=asset["source"].get("packaging", "file"),
            bucket=_placeholders(destination["bucketName"], account, region),
            key=destination["objectKey"],
        )
        for asset in assets.get("files", {}).values()
        for destination in asset["destinations"].values()
    ]
    images = [
        ImageAsset(
            repository=_placeholders(destination["repositoryName"], account, region),
            tag=destination["imageTag"],
            context=(folder / asset["source"]["directory"]).resolve(),
        )
        for asset in assets.get("dockerImages", {}).values()
        for destination in asset["destinations"].values()
    ]
    return StackArtifact(
        artifact=artifact,
        name=entry["properties"].get("stackName", artifact),
        template=json.loads(template_path.read_text()),
        template_asset=next(asset for asset in files if asset.source == template_path),
        files=tuple(asset for asset in files if asset.source != template_path),
        images=tuple(images),
        tags=dict(entry["properties"].get("tags", {})),
    )


def read_assembly(folder: Path, account: str, region: str) -> list[StackArtifact]:
    """The stacks of `folder` and of its nested stages, each after the stacks it depends on."""
    manifest = json.loads((folder / "manifest.json").read_text())["artifacts"]
    stacks = {name: entry for name, entry in manifest.items() if entry["type"] == "aws:cloudformation:stack"}
    ordered: list[str] = []

    def visit(name: str) -> None:
        for needed in stacks[name].get("dependencies", []):
            if needed in stacks and needed not in ordered:
                visit(needed)
        if name not in ordered:
            ordered.append(name)

    for name in stacks:
        visit(name)
    found = [_stack(folder, name, stacks[name], account, region) for name in ordered]
    for entry in manifest.values():
        if entry["type"] == "cdk:cloud-assembly":
            found += read_assembly(folder / entry["properties"]["directoryName"], account, region)
    return found
