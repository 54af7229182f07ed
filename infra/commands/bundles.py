"""Folders of files that belong together: what a provider's manifest names, and the manifest."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.commands.errors import CommandError, usage
from infra.commands.landing import bill_files, source_of

MANIFEST = "-Manifest.json"
AZURE_MANIFEST = "manifest.json"
_LISTS = ("reportKeys", "dataFiles", "blobs")


@dataclass(frozen=True)
class Bundle:
    """Files of one delivery, or of several months' of one export. Paths are below `folder`."""

    folder: Path
    files: Sequence[Path]
    manifests: Sequence[Path]
    source: str


def bundles(paths: Sequence[Path], source: str | None) -> tuple[list[Bundle], list[Path]]:
    """(the folders with a manifest, all other files as `bill_files` has them)."""
    found: list[Bundle] = []
    single: list[Path] = []
    for path in paths:
        manifests = _manifests(path) if path.is_dir() else []
        if not manifests:
            single += bill_files([path])
            continue
        names = sorted({_export(each) for each in manifests})
        if source is None and len(names) > 1:
            raise usage(
                f"{path} has manifests of several exports ({', '.join(names)}): ingest each one's folder by "
                "itself, or say of which --source they all are."
            )
        named = {name for each in manifests for name in _named(each)}
        below = [each for each in path.rglob("*") if each.is_file() and each not in manifests]
        files = sorted(each for each in below if each.name in named)
        others = [each for each in below if each.name not in named and _is_bill(each)]
        single += bill_files(sorted(others))
        found.append(Bundle(path, files, manifests, source or report_source(manifests[0])))
    return found, list(dict.fromkeys(single))


def report_source(manifest: Path) -> str:
    """acme-cur-Manifest.json -> acme-cur; of Azure's the export's name, which stands in it."""
    return source_of(Path(_export(manifest).removesuffix(MANIFEST)))


def _manifests(folder: Path) -> list[Path]:
    azures = [each for each in folder.rglob(AZURE_MANIFEST) if "blobs" in _read(each)]
    return sorted([*folder.rglob(f"*{MANIFEST}"), *azures], key=_depth)


def _export(manifest: Path) -> str:
    """What tells manifests of several exports apart: AWS calls them so, Azure calls all the same."""
    if manifest.name != AZURE_MANIFEST:
        return manifest.name
    config = _read(manifest).get("exportConfig")
    name = config.get("exportName") if isinstance(config, dict) else None
    return name if isinstance(name, str) and name else "azure"


def _depth(path: Path) -> tuple[int, str]:
    """AWS's copy beside the files comes before the one that names the newest."""
    return -len(path.parts), str(path)


def _named(manifest: Path) -> list[str]:
    """The base names of what it names; Onyx says what is wrong with one that cannot be read."""
    read = _read(manifest)
    lists = [read.get(name) for name in _LISTS]
    named = [each for names in lists if isinstance(names, list) for each in names]
    paths = [each.get("blobName") if isinstance(each, dict) else each for each in named]
    return [path.rsplit("/", 1)[-1] for path in paths if isinstance(path, str)]


def _read(manifest: Path) -> dict[str, Any]:
    """What stands in it; nothing of one that is no JSON object."""
    try:
        read = json.loads(manifest.read_bytes())
    except OSError as error:
        raise CommandError(f"{manifest}: it cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _is_bill(path: Path) -> bool:
    try:
        return bool(bill_files([path])) and path.suffix in {".csv", ".gz", ".parquet", ".zip"}
    except CommandError:
        return False
