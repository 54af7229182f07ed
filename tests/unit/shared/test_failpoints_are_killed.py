"""Each failpoint in the code is one that an end-to-end test kills a process at."""

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from services.cost_center.domain.tables import Tier

ROOT = Path(__file__).resolve().parents[3]
PREFIXES = {"run_export": "export: "}
"""Modules that are handed failpoints of another prefix than the ingester's."""


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def failpoints() -> set[str]:
    """The names with their prefixes, as ONYX_FAILPOINT takes them."""
    found = set()
    for path, tree in modules("services", "shared"):
        prefix = "" if path.is_relative_to(ROOT / "shared") else PREFIXES.get(path.stem, "ingest: ")
        if path.is_relative_to(ROOT / "services/workflow"):
            prefix = "workflow dispatcher: "
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or path.stem == "failpoints":
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "failpoint":
                # Publishing and starting call theirs by their whole names.
                found |= {name if ": " in name else prefix + name for name in texts(node.args[0])}
    return found


def texts(node: ast.expr) -> Iterator[str]:
    """A literal, or an f-string of a table's tier with each tier in it."""
    if isinstance(node, ast.JoinedStr):
        parts = [list(texts(each)) for each in node.values]
        yield from ("".join(each) for each in product(*parts))
    elif isinstance(node, ast.FormattedValue):
        assert ast.unparse(node.value) == "table.tier.value", "tell this test what the name is made of"
        yield from (tier.value for tier in Tier)
    else:
        assert isinstance(node, ast.Constant), ast.unparse(node)
        yield node.value


def killed() -> set[str]:
    return {
        node.value
        for _, tree in modules("tests/e2e")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_failpoint_is_killed_at() -> None:
    found = failpoints()
    assert {"ingest: curated committed", "relay: published", "poller: handled", "export: done"} <= found
    assert found - killed() == set(), "add it to a table in tests/e2e: test_crashes, test_killed_deliveries"


def test_every_failpoint_that_is_killed_at_is_there() -> None:
    prefixes = tuple({each.partition(" ")[0] + " " for each in failpoints()})
    assert {each for each in killed() if each.startswith(prefixes)} <= failpoints()
