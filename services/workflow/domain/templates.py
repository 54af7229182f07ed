"""The product's own workflows, to copy and change: one YAML text per use case."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

_SUFFIX = ".yaml"


@lru_cache(maxsize=1)
def templates() -> Mapping[str, str]:
    """The texts by the workflow's id, in order."""
    folder = files("services.workflow").joinpath("templates")
    found = [each for each in folder.iterdir() if each.name.endswith(_SUFFIX)]
    return {
        each.name.removesuffix(_SUFFIX): each.read_text(encoding="utf-8")
        for each in sorted(found, key=lambda one: one.name)
    }
