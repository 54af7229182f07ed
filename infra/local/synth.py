"""`python app.py` for the local environment, cached by the content of all that it reads."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.local.node import node_environment

# What a template or an asset can depend on. The emulator's side of infra/ is not among it, so that
# work on the wrapper does not cost a synthesis.
_FILES = ("app.py", "cdk.json", "pyproject.toml", "uv.lock")
_FOLDERS = ("infra", "services", "shared")
_NOT_SYNTHESIZED = ("infra/local", "infra/commands")
_KEPT = 3


class SynthesisError(RuntimeError):
    """`app.py` failed; the message holds the end of what it printed."""


def _sources(repository: Path) -> Iterator[Path]:
    for name in _FILES:
        if (repository / name).is_file():
            yield repository / name
    skipped = tuple(repository / folder for folder in _NOT_SYNTHESIZED)
    for folder in _FOLDERS:
        for path in sorted((repository / folder).rglob("*")):
            if (
                path.is_file()
                and "__pycache__" not in path.parts
                and not any(path.is_relative_to(skip) for skip in skipped)
            ):
                yield path


def content_hash(paths: Iterator[Path], root: Path) -> str:
    """16 hex characters over the names and bytes of `paths`."""
    digest = hashlib.sha256()
    for path in paths:
        body = path.read_bytes()
        digest.update(f"{path.relative_to(root)}\0{len(body)}\0".encode())
        digest.update(body)
    return digest.hexdigest()[:16]


def source_hash(repository: Path) -> str:
    """The cache key of a synthesis of `repository`."""
    return content_hash(_sources(repository), repository)


def synthesize(repository: Path, cache: Path, environment: str = "local") -> tuple[Path, bool]:
    """The cloud assembly of `repository` for `environment`, and whether it was already there.

    Written beside its final name and renamed, so that an interrupted synthesis is never read.
    Raises SynthesisError.
    """
    target = cache / f"cdk.out-{source_hash(repository)}"
    if (target / "manifest.json").is_file():
        os.utime(target)
        return target, True
    draft = cache / f".{target.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _run_app(repository, draft, environment)
        shutil.rmtree(target, ignore_errors=True)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target, False


def _run_app(repository: Path, output: Path, environment: str) -> None:
    variables = {
        **os.environ,
        **node_environment(),
        "ONYX_ENV": environment,
        "CDK_OUTDIR": str(output),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=repository, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode or not (output / "manifest.json").is_file():
        said = (done.stdout + done.stderr).strip().splitlines()
        raise SynthesisError("`python app.py` failed:\n" + "\n".join(said[-30:]))


def prune(cache: Path, in_use: set[Path]) -> None:
    """Remove all but the newest few assemblies; never `in_use`, from which tasks run."""
    kept = sorted(cache.glob("cdk.out-*"), key=lambda path: path.stat().st_mtime, reverse=True)[:_KEPT]
    for path in cache.glob("cdk.out-*"):
        if path not in kept and path not in in_use:
            shutil.rmtree(path, ignore_errors=True)
