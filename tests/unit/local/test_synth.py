"""The synthesis cache: what is in its key, what is not, and that half a synthesis is never read."""

import os
from pathlib import Path

import pytest

from infra.local import synth

APP = """
import os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
(out / "env").write_text(os.environ["ONYX_ENV"])
(out / "manifest.json").write_text("{}")
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for path, text in {
        "app.py": APP,
        "cdk.json": "{}",
        "infra/stacks/a.py": "a",
        "infra/local/b.py": "b",
        "infra/commands/c.py": "c",
        "services/x/d.py": "d",
        "shared/e.py": "e",
        "README.md": "r",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize(
    "path", ["app.py", "cdk.json", "infra/stacks/a.py", "services/x/d.py", "shared/e.py"]
)
def test_a_change_of_what_is_synthesized_changes_the_key(repository: Path, path: str) -> None:
    before = synth.source_hash(repository)
    (repository / path).write_text("changed")
    assert synth.source_hash(repository) != before


@pytest.mark.parametrize(
    "path", ["infra/local/b.py", "infra/commands/c.py", "README.md", "services/x/__pycache__/d.pyc"]
)
def test_a_change_of_anything_else_does_not(repository: Path, path: str) -> None:
    before = synth.source_hash(repository)
    (repository / path).parent.mkdir(exist_ok=True)
    (repository / path).write_text("changed")
    assert synth.source_hash(repository) == before


def test_a_moved_line_between_two_files_changes_the_key(repository: Path) -> None:
    (repository / "shared/e.py").write_text("ab")
    (repository / "shared/f.py").write_text("")
    before = synth.source_hash(repository)
    (repository / "shared/e.py").write_text("a")
    (repository / "shared/f.py").write_text("b")
    assert synth.source_hash(repository) != before


def test_it_synthesizes_once_per_content(repository: Path, tmp_path: Path) -> None:
    first, cached = synth.synthesize(repository, tmp_path / "cache")
    assert not cached
    assert (first / "env").read_text() == "local"
    again, cached = synth.synthesize(repository, tmp_path / "cache")
    assert (again, cached) == (first, True)
    (repository / "shared/e.py").write_text("other")
    other, cached = synth.synthesize(repository, tmp_path / "cache")
    assert other != first
    assert not cached


def test_a_failed_synthesis_shows_its_end_and_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    (repository / "app.py").write_text(APP + "\nraise SystemExit('AwsSolutions-XYZ1: no')")
    with pytest.raises(synth.SynthesisError, match="AwsSolutions-XYZ1: no"):
        synth.synthesize(repository, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_pruning_keeps_the_newest_and_what_is_in_use(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / f"cdk.out-{number}"
        folder.mkdir()
        os.utime(folder, (number, number))
    synth.prune(tmp_path, {tmp_path / "cdk.out-0"})
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"cdk.out-{n}" for n in (0, 3, 4, 5)]
