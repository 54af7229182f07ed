"""The recipe of what is deployed: a function's zip, the layer under it, the lock of the image.

One recipe for every target: the platform and interpreter are arguments, so that a test builds for the
machine it runs on what a deploy builds for Lambda. Results lie in `build/`, named by their content: they
are built once, and two builds at the same time cannot disturb each other.
"""

import ast
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"


@dataclass(frozen=True)
class Target:
    """Where wheels must run: uv's platform name (None: this machine) and the Python version."""

    platform: str | None
    python: str


LAMBDA = Target("aarch64-manylinux2014", "3.13")
"""Lambda's arm64 runtime."""
IMAGE = Target("aarch64-manylinux_2_28", "3.13")
"""Fargate's image: python:3.13-slim is newer than Lambda's oldest system, and some wheels need that."""
THIS_MACHINE = Target(None, f"{sys.version_info.major}.{sys.version_info.minor}")


def uv() -> str:
    """The uv that stands beside this interpreter (it is a development dependency), else the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise FileNotFoundError("uv is needed to build the Lambda layer: `pip install uv`")
    return found


def requirements(*groups: str) -> str:
    """The lock's exact versions with hashes: the control plane's, and those of the dependency `groups`."""
    chosen = [argument for group in groups for argument in ("--group", group)]
    return _run(
        [
            uv(),
            "export",
            "--quiet",
            "--frozen",
            "--no-default-groups",
            *chosen,
            "--no-emit-project",
            "--no-annotate",
            "--no-header",
            "--project",
            str(ROOT),
        ]
    )


def layer(target: Target = LAMBDA) -> Path:
    """The Lambda layer's folder (`python/` inside): the control plane's dependencies for `target`.

    Built once per lock and target. Needs the package index only when it has to build.
    """
    locked = requirements()
    name = _digest(locked, str(target.platform), target.python)
    return _once(BUILD / "layer" / name, lambda folder: _install(locked, target, folder / "python"))


def function_source(domain: str) -> Path:
    """The source of a function's zip: `services/<domain>`, the contracts of peers that it imports, `shared`.

    `domain` is the package's name (`cost_center`). Source only: no dependency and no test is in it.
    """
    files = sorted({*_tree("shared"), *_domain_files(domain)})
    name = f"{domain}-{_digest(*_contents(files))}"
    return _once(BUILD / "functions" / name, lambda folder: _copy(files, folder))


def image_context() -> Path:
    """The build context of the Fargate image: Dockerfile, locked requirements, `services` and `shared`.

    A context of its own rather than the checkout: the image's hash then depends on nothing else.
    """
    locked = requirements("data")
    files = sorted({*_tree("shared"), *_tree("services")})
    dockerfile = ROOT / "infra" / "image" / "Dockerfile"

    def copy(folder: Path) -> None:
        shutil.copyfile(dockerfile, folder / "Dockerfile")
        (folder / "requirements.txt").write_text(locked)
        _copy(files, folder)

    return _once(BUILD / "image" / _digest(locked, dockerfile.read_text(), *_contents(files)), copy)


def _contents(files: Sequence[str]) -> Iterator[str]:
    for file in files:
        yield file
        yield hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def _copy(files: Sequence[str], folder: Path) -> None:
    for file in files:
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, target)


def _domain_files(domain: str) -> Iterator[str]:
    yield "services/__init__.py"
    yield from _tree(f"services/{domain}")
    for peer in sorted(peers(domain)):
        yield f"services/{peer}/__init__.py"
        yield from _contract(peer)


def peers(domain: str) -> set[str]:
    """The domains whose contracts `services/<domain>` imports, and what those contracts import in turn."""
    found: set[str] = set()
    waiting = [f for f in _tree(f"services/{domain}") if f.endswith(".py")]
    while waiting:
        tree = ast.parse((ROOT / waiting.pop()).read_text())
        for module in _imported_services(tree):
            peer = module.split(".")[1]
            if peer != domain and peer not in found:
                found.add(peer)
                waiting += [f for f in _contract(peer) if f.endswith(".py")]
    return found


def _contract(domain: str) -> list[str]:
    """The files of what a domain publishes: its `events.py`, or the package of that name."""
    module = f"services/{domain}/events.py"
    return [module] if (ROOT / module).is_file() else _tree(f"services/{domain}/events")


def _imported_services(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "services":
                yield from (f"services.{alias.name}" for alias in node.names)
            elif node.module.startswith("services."):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("services."))


def _tree(folder: str) -> list[str]:
    """Files of a source folder, relative to the checkout, in a stable order."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def resolve(locked: str, target: Target, folder: Path) -> str:
    """What an installation of `locked` for `target` would take, as uv says it; nothing is downloaded.

    RuntimeError where a pinned version has no wheel for the target. (Hashes are compared only on download.)
    """
    return _pip_install(locked, target, folder, "--dry-run")


def _install(locked: str, target: Target, folder: Path) -> None:
    _pip_install(locked, target, folder, "--quiet")


def _pip_install(locked: str, target: Target, folder: Path, *options: str) -> str:
    platform = ["--python-platform", target.platform] if target.platform else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(locked)
        file.flush()
        return _run_for_stderr(
            [
                uv(),
                "pip",
                "install",
                "--python",
                sys.executable,
                "--target",
                str(folder),
                *platform,
                "--python-version",
                target.python,
                "--only-binary",
                ":all:",
                "--require-hashes",
                "--no-deps",
                *options,
                "--requirement",
                file.name,
            ]
        )


def _once(folder: Path, build: Callable[[Path], None]) -> Path:
    """`folder`, built beside itself and renamed, so that it is whole or absent."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as scratch:
        made = Path(scratch) / "content"
        made.mkdir()
        build(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process was first; what it built has the same content.
            if not folder.is_dir():
                raise
    return folder


def _run(command: list[str]) -> str:
    return _finished(command).stdout


def _run_for_stderr(command: list[str]) -> str:
    """Where uv says what it would do."""
    return _finished(command).stderr


def _finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{done.stderr.strip()}")
    return done


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}\0{part}".encode())
    return digest.hexdigest()[:16]


def main() -> None:
    """Build what a deploy needs and say where it is."""
    for made in (layer(), *(function_source(domain) for domain in _domains()), image_context()):
        size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
        sys.stdout.write(f"{made.relative_to(ROOT)}  {size / 1e6:.1f} MB\n")


def _domains() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "services").glob("*/handlers"))


if __name__ == "__main__":
    main()
