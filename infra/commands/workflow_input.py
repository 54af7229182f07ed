"""What the commands about workflows read: files, and NAME=VALUE."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from infra.commands.errors import CommandError, usage

PATH = "/v1/workflows"


def path_of(workflow: str) -> str:
    return f"{PATH}/{quote(workflow, safe='')}"


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """NAME=VALUE; a value that is JSON is what it says, any other is text."""
    found: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not name or not sign:
            raise usage(f"{option} {each!r} is no NAME=VALUE.")
        try:
            # A number with a point stays text: the API takes decimals as text.
            found[name] = json.loads(value, parse_float=str)
        except ValueError:
            found[name] = value
    return found


def read(file: Path) -> str:
    """A definition's text. Raises CommandError."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file}: {error}") from error
