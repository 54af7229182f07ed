"""Reading a cloud assembly."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.local.assembly import FileAsset, read_assembly


def write(folder: Path, stacks: dict[str, list[str]], nested: str | None = None) -> None:
    """An assembly with {stack: [stacks it depends on]}."""
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: dict[str, Any] = {}
    for name, needed in stacks.items():
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "dependencies": [*needed, f"{name}.assets"],
            "properties": {"templateFile": f"{name}.template.json", "stackName": f"onyx-{name}"},
        }
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest"}
        template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"Name": name}}}}
        (folder / f"{name}.template.json").write_text(json.dumps(template))
        destination = {"bucketName": "assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "key"}
        assets = {
            "files": {
                "template": {
                    "source": {"path": f"{name}.template.json", "packaging": "file"},
                    "destinations": {"x": destination},
                },
                "code": {
                    "source": {"path": "asset.1", "packaging": "zip"},
                    "destinations": {"x": destination},
                },
            },
            "dockerImages": {
                "i": {
                    "source": {"directory": "asset.2"},
                    "destinations": {"x": {"repositoryName": "r", "imageTag": "t"}},
                }
            },
        }
        (folder / f"{name}.assets.json").write_text(json.dumps(assets))
    if nested:
        artifacts["stage"] = {"type": "cdk:cloud-assembly", "properties": {"directoryName": nested}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))


def test_stacks_come_after_those_they_depend_on(tmp_path: Path) -> None:
    write(tmp_path, {"c": ["b", "a"], "b": ["a"], "a": [], "d": ["c"]})
    assert [stack.artifact for stack in read_assembly(tmp_path, "1", "r")] == ["a", "b", "c", "d"]


def test_a_stage_is_read_too(tmp_path: Path) -> None:
    write(tmp_path, {"a": []}, nested="assembly-local")
    write(tmp_path / "assembly-local", {"b": []})
    assert [stack.name for stack in read_assembly(tmp_path, "1", "r")] == ["onyx-a", "onyx-b"]


def test_assets_are_read_with_their_places(tmp_path: Path) -> None:
    write(tmp_path, {"a": []})
    (stack,) = read_assembly(tmp_path, "000000000000", "us-east-1")
    assert stack.template_asset.source == tmp_path / "a.template.json"
    (code,) = stack.files
    assert (code.bucket, code.key) == ("assets-000000000000-us-east-1", "key")
    assert stack.images[0].context == (tmp_path / "asset.2").resolve()
    assert list(stack.resources("AWS::SQS::Queue")) == [("Q", {"Name": "a"})]
    assert list(stack.resources("AWS::SNS::Topic")) == []


def test_a_folder_is_zipped_with_paths_from_its_root(tmp_path: Path) -> None:
    (tmp_path / "code" / "package").mkdir(parents=True)
    (tmp_path / "code" / "package" / "module.py").write_text("x = 1")
    body = FileAsset(tmp_path / "code", "zip", "b", "k").body()
    assert zipfile.ZipFile(io.BytesIO(body)).read("package/module.py") == b"x = 1"


def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(b"zip")
    assert FileAsset(tmp_path / "layer.zip", "file", "b", "k").body() == b"zip"


def test_no_assembly_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_assembly(tmp_path, "1", "r")
