"""Node for jsii: the machine's own first, else the wheel's."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infra.local import node


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)


def test_node_on_the_path_is_used(tmp_path: Path) -> None:
    own = tmp_path / "node"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    found = node.node_environment(str(tmp_path))
    assert (found["JSII_NODE"], found["PATH"]) == (str(own), str(tmp_path))


def test_without_one_the_wheel_is_put_on_the_path_and_runs(tmp_path: Path) -> None:
    found = node.node_environment(str(tmp_path))
    assert shutil.which("node", path=found["PATH"]) == found["JSII_NODE"]
    said = subprocess.run(
        [found["JSII_NODE"], "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert int(said.removeprefix("v").split(".")[0]) >= 20


def test_the_users_own_choice_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSII_NODE", "/opt/node")
    assert node.node_environment(str(tmp_path))["JSII_NODE"] == "/opt/node"


def test_neither_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "wheel_node", lambda: None)
    with pytest.raises(node.NodeMissingError, match="Node is needed"):
        node.node_environment(str(tmp_path))
