"""`python app.py`: every environment, with no account, no network and nothing left unanswered."""

import json
from pathlib import Path

import pytest

import app
from infra import environments
from tests.infra.assembly import PARTS
from tests.infra.conftest import ON_AWS, run_app


@pytest.mark.parametrize(("fixture", "names"), [("assembly", ON_AWS), ("local_assembly", ("local",))])
def test_synthesizes_every_stack_and_nag_is_clean(
    request: pytest.FixtureRequest, fixture: str, names: tuple[str, ...]
) -> None:
    folder: Path = request.getfixturevalue(fixture)
    said = (folder / "said.txt").read_text()
    assert (folder / "exit.txt").read_text() == "0", said[-4000:]
    manifest = json.loads((folder / "manifest.json").read_text())
    stacks = {
        id for id, artifact in manifest["artifacts"].items() if artifact["type"] == "aws:cloudformation:stack"
    }
    assert stacks == {f"onyx-{name}-{part}" for name in names for part in PARTS}
    assert not manifest.get("missing"), "a context look-up would call AWS"


def test_nag_finds_what_is_careless_and_nothing_else(careless: Path) -> None:
    """Clean because there is nothing to find, not because nobody looked; and clean in private subnets too."""
    assert (careless / "exit.txt").read_text() == "1"
    report = json.loads((careless / "validation-report.json").read_text())
    found = {
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    }
    assert {rule for rule, _ in found} == {"AwsSolutions-S1", "AwsSolutions-S10"}
    assert {path for _, path in found} == {"onyx-local-lake/Careless/Resource"}


def test_two_syntheses_are_the_same(local_assembly: Path, tmp_path: Path) -> None:
    done = run_app(tmp_path, ONYX_ENV="local")
    assert done.returncode == 0, done.stderr[-4000:]

    def content(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
            # Where in the source each construct was made, and the report's own wording: not deployed.
            and not path.name.endswith((".metadata.json", ".txt", ".done"))
            and path.name not in ("tree.json", "validation-report.json", "manifest.json")
        }

    assert content(tmp_path) == content(local_assembly)


def test_the_command_line_named_for_deploys_reads_the_assembly(assembly: Path) -> None:
    needed = json.loads((assembly / "manifest.json").read_text())["minimumCliVersion"]
    assert [int(part) for part in app.CDK_CLI.split(".")] >= [int(part) for part in needed.split(".")]


def test_an_unknown_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONYX_ENV", "production")
    with pytest.raises(ValueError, match=r"production.*dev, staging, prod, local"):
        environments.selected()


def test_an_account_is_used_where_the_cli_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONYX_ENV", raising=False)
    monkeypatch.setenv("CDK_DEFAULT_ACCOUNT", "111122223333")
    assert [each.account for each in environments.selected()] == ["111122223333"] * 3
    monkeypatch.delenv("CDK_DEFAULT_ACCOUNT")
    assert [each.account for each in environments.selected()] == [None] * 3


def test_production_is_guarded() -> None:
    prod = environments.environment("prod")
    assert prod.retain_data
    assert prod.deletion_protection
    assert prod.log_retention_days >= 365
