"""asl-validator (npm): what Step Functions would refuse of a definition. Its pinned packages are installed by
`make setup` into `.venv/asl` from `tests/contract/asl/package-lock.json`."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.local.node import node_environment

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tests" / "contract" / "asl" / "validate.cjs"
MODULES = ROOT / ".venv" / "asl" / "node_modules"


def findings(definitions: Sequence[str]) -> list[list[dict[str, Any]]]:
    """What is wrong with each definition (a text without line breaks), all in one Node process, for its start
    is slow."""
    if not MODULES.is_dir():
        raise RuntimeError("asl-validator is not installed: run `make setup`")
    found = node_environment()
    environment = {**os.environ, **found, "NODE_PATH": str(MODULES)}
    run = subprocess.run(
        [found["JSII_NODE"], str(SCRIPT)],
        input="".join(f"{each}\n" for each in definitions),
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=True,
    )
    return [json.loads(line) for line in run.stdout.splitlines()]
