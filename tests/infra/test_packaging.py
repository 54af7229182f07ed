"""What is packaged works: built by the deploy's own recipe, imported from nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from infra import packaging
from tests.infra.assembly import Environment
from tests.infra.test_functions import asset, variables

_IMPORT = """
import importlib, json, os, sys
paths, modules = json.loads(sys.argv[1])
sys.path[:0] = paths
for module in modules:
    handler = getattr(importlib.import_module(module), "handler")
    assert callable(handler), module
# Whatever was imported came from the zip, the layer or the standard library.
standard = [os.path.dirname(os.__file__)]
for name, module in list(sys.modules.items()):
    file = getattr(module, "__file__", None)
    file = file and os.path.realpath(file)
    if file and not any(file.startswith(os.path.realpath(root) + os.sep) for root in paths + standard):
        raise SystemExit(f"{name} came from {file}")
print("imported", len(modules))
"""


@pytest.fixture(scope="session")
def machine_layer(once: Callable[..., Path]) -> Path:
    """The layer for this machine's platform and Python, by the recipe that builds Lambda's."""
    folder = once(
        "layer",
        lambda made: shutil.copytree(packaging.layer(packaging.THIS_MACHINE), made, dirs_exist_ok=True),
    )
    return folder / "python"


def test_every_handler_imports_from_its_zip_and_the_layer_alone(
    local_assembly: Path, machine_layer: Path, tmp_path: Path
) -> None:
    environment = Environment(local_assembly, "local")
    zips: dict[Path, list[str]] = {}
    settings: dict[str, str] = {}
    for function in environment.resources("AWS::Lambda::Function"):
        module = function.properties["Handler"].removesuffix(".handler")
        zips.setdefault(asset(environment, function), []).append(module)
        settings |= variables(environment, function)
    assert len(zips) == 5, "one zip per domain"
    for folder, modules in zips.items():
        shipped = tmp_path / folder.name
        shutil.copytree(folder, shipped)
        request = json.dumps([[str(shipped), str(machine_layer)], modules])
        # -I: no environment, no user site, no current folder; -S: no site-packages.
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", _IMPORT, request],
            cwd=tmp_path,
            env={**settings, "AWS_REGION": "us-east-1", "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{modules}\n{done.stderr[-3000:]}"
        assert done.stdout.split() == ["imported", str(len(modules))]


def test_a_clean_interpreter_has_nothing_else(tmp_path: Path) -> None:
    """The check above can fail: without the layer, the same interpreter knows no pydantic."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import pydantic"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ModuleNotFoundError" in done.stderr


def test_the_layer_is_built_for_arm64_and_fits() -> None:
    """Lambda takes 250 MB of code and layers, unpacked."""
    folder = packaging.layer()
    native = [path.name for path in folder.rglob("*.so")]
    assert any("pydantic_core" in name and "313-aarch64" in name for name in native), native
    assert not [name for name in native if "x86_64" in name]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 100 * 1024 * 1024
    packages = {path.name for path in (folder / "python").iterdir()}
    assert not packages & {"polars", "pyarrow", "duckdb", "pyiceberg", "aws_cdk", "pytest", "moto"}


def pinned(requirements: str) -> dict[str, str]:
    """Name -> version of what a list of requirements pins."""
    lines = (line.split(";")[0].split() for line in requirements.splitlines() if "==" in line)
    return dict(line[0].split("==") for line in lines if line and line[0][0].isalpha())


def without_wheel(wanted: dict[str, str], locked: dict[str, list[str]], tags: frozenset[Tag]) -> set[str]:
    """Which of the pinned packages have no wheel in the lock that runs on one of `tags`."""
    return {
        name for name in wanted if not any(parse_wheel_filename(wheel)[3] & tags for wheel in locked[name])
    }


def platform_tags(machine: str) -> frozenset[Tag]:
    """What CPython 3.13 runs on a Linux with glibc 2.28."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 16, -1)]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    native = cpython_tags((3, 13), abis=["cp313"], platforms=platforms)
    return frozenset([*native, *compatible_tags((3, 13), "cp313", platforms)])


@pytest.fixture(scope="module")
def locked() -> dict[str, list[str]]:
    """Package -> file names of its wheels, as uv.lock lists them (with their hashes)."""
    lock = tomllib.loads((packaging.ROOT / "uv.lock").read_text())
    return {
        package["name"]: [wheel["url"].rsplit("/", 1)[1] for wheel in package.get("wheels", [])]
        for package in lock["package"]
    }


def test_the_lock_has_an_arm64_wheel_of_everything_in_the_image(locked: dict[str, list[str]]) -> None:
    wanted = pinned(packaging.requirements("data"))
    assert {"polars", "pyarrow", "duckdb", "pyiceberg", "sqlglot", "boto3", "pydantic"} <= set(wanted)
    assert without_wheel(wanted, locked, platform_tags("aarch64")) == set()


def test_the_lock_has_an_arm64_wheel_of_everything_in_the_layer(locked: dict[str, list[str]]) -> None:
    assert without_wheel(pinned(packaging.requirements()), locked, platform_tags("aarch64")) == set()


def test_a_missing_wheel_is_found_out(locked: dict[str, list[str]]) -> None:
    wanted = pinned(packaging.requirements("data"))
    thinned = {**locked, "polars-runtime-32": [w for w in locked["polars-runtime-32"] if "aarch64" not in w]}
    assert without_wheel(wanted, thinned, platform_tags("aarch64")) == {"polars-runtime-32"}
    assert {"duckdb", "pyarrow"} <= without_wheel(wanted, locked, platform_tags("riscv64"))


def test_the_index_offers_the_image_for_arm64(tmp_path: Path) -> None:
    """The second witness: what uv would install there, by the index itself; nothing is downloaded."""
    requirements = packaging.requirements("data")
    said = packaging.resolve(requirements, packaging.IMAGE, tmp_path / "target")
    chosen = dict(line[3:].split("==") for line in said.splitlines() if line.startswith(" + "))
    assert chosen == pinned(requirements)
    with pytest.raises(RuntimeError, match="no usable wheels"):
        packaging.resolve(requirements, packaging.Target("i686-pc-windows-msvc", "3.13"), tmp_path / "target")


def test_the_images_context_is_source_and_lock_and_nothing_else() -> None:
    context = packaging.image_context()
    assert {path.name for path in context.iterdir()} == {
        "Dockerfile",
        "requirements.txt",
        "services",
        "shared",
    }
    files = [path for path in context.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5 * 1024 * 1024
    kinds = {path.suffix for path in files if path.parent != context}
    assert kinds <= {".py", ".json", ".html", ".css", ".js", ".svg", ".sql", ".typed", ".yaml"}
    dockerfile = (context / "Dockerfile").read_text()
    assert "FROM python:3.13-slim" in dockerfile
    assert "--require-hashes" in dockerfile
    assert dockerfile.index("USER 10001") > dockerfile.index("RUN pip install")
    assert 'VOLUME ["/tmp"]' in dockerfile


def test_what_is_not_shipped_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hash of a zip or of the image follows what is in it: not tests, documents or another domain."""
    copy = tmp_path / "checkout"
    for name in ("services", "shared", "infra/image", "tests/infra"):
        shutil.copytree(packaging.ROOT / name, copy / name)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copyfile(packaging.ROOT / name, copy / name)
    monkeypatch.setattr(packaging, "ROOT", copy)
    monkeypatch.setattr(packaging, "BUILD", copy / "build")

    def built() -> tuple[str, str, str]:
        portal, identity = packaging.function_source("portal"), packaging.function_source("identity")
        return portal.name, identity.name, packaging.image_context().name

    before = built()
    (copy / "tests/infra/conftest.py").write_text("")
    (copy / "README.md").write_text("changed")
    (copy / "services/identity/__pycache__").mkdir(exist_ok=True)
    (copy / "services/identity/__pycache__/events.pyc").write_bytes(b"x")
    assert built() == before
    (copy / "services/identity/__init__.py").write_text("# changed\n")
    after = built()
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert after[2] != before[2]


def test_a_zip_holds_the_contracts_of_peers_that_it_imports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources = {
        "services/a/handlers.py": "from services.b.events import Made\nimport services.a.other",
        "services/a/other.py": "from services import c",
        "services/b/events.py": "import services.d.events",
        "services/c/events.py": "",
        "services/d/events/__init__.py": "from services.d.events.facts import Fact",
        "services/d/events/facts.py": "import services.f.events",
        "services/e/events.py": "",
        "services/f/events.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    assert packaging.peers("a") == {"b", "c", "d", "f"}
    carried = {file for file in packaging._domain_files("a") if not file.endswith("/__init__.py")}
    assert carried == {name for name in sources if "/e/" not in name and not name.endswith("__init__.py")}


def test_two_builds_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    target = tmp_path / "made"

    def slow(folder: Path) -> None:
        (folder / "file").write_text("first")
        # Meanwhile another build finishes.
        packaging._once(target, lambda other: (other / "file").write_text("second") and None)

    assert packaging._once(target, slow) == target
    assert (target / "file").read_text() == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]
