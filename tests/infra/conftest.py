import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import packaging
from infra.local.node import node_environment
from tests.infra.assembly import Environment

ROOT = Path(__file__).resolve().parents[2]
ON_AWS = ("dev", "staging", "prod")
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: a synthesis that calls anything over the network fails."""


def run_app(outdir: Path, program: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python app.py` (or `program` in its place) without credentials, account or network."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_", "ONYX_"))}
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    environment = {**kept, **nowhere, **node_environment(), "CDK_OUTDIR": str(outdir), **variables}
    return subprocess.run(
        [sys.executable, *(["-c", program] if program else ["app.py"])],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """A folder that is made once for the whole run, whichever worker of it asks first."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def make(name: str, build: Callable[[Path], None]) -> Path:
        folder = shared / f"infra-{name}"
        with (shared / f"infra-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / ".done").exists():
                folder.mkdir(exist_ok=True)
                build(folder)
                (folder / ".done").touch()
        return folder

    return make


def synthesized(outdir: Path, program: str | None = None, **variables: str) -> None:
    """An assembly, with what was said beside it and the exit code."""
    done = run_app(outdir, program, **variables)
    (outdir / "said.txt").write_text(done.stdout + done.stderr)
    (outdir / "exit.txt").write_text(str(done.returncode))


@pytest.fixture(scope="session")
def assembly(once: Callable[..., Path]) -> Path:
    """What `python app.py` writes when no environment is named: every environment on AWS."""
    # The one step that needs the package index, and only the first time.
    packaging.layer()
    return once("aws", synthesized)


@pytest.fixture(scope="session")
def local_assembly(once: Callable[..., Path]) -> Path:
    return once("local", lambda folder: synthesized(folder, ONYX_ENV="local"))


_CARELESS = """
import dataclasses
import app
from infra import environments
engine = dataclasses.replace(
    environments.LOCAL.query_engine, athena=environments.Athena(enabled=True, above_mib=512, cutoff_gib=3)
)
environments.LOCAL = dataclasses.replace(
    environments.LOCAL, subnets=environments.Subnets.PRIVATE, query_engine=engine
)
from infra.local.node import node_environment
import os
os.environ.update(node_environment())
from aws_cdk import aws_s3
from infra.stacks.lake import LakeStack
made = LakeStack.__init__
def make(self, *args, **kwargs):
    made(self, *args, **kwargs)
    aws_s3.Bucket(self, "Careless")
LakeStack.__init__ = make
app.main()
"""


@pytest.fixture(scope="session")
def careless(once: Callable[..., Path]) -> Path:
    """The local environment in private subnets and with Athena, and one bucket that nobody thought about."""
    return once("careless", lambda folder: synthesized(folder, _CARELESS, ONYX_ENV="local"))


@pytest.fixture(scope="session")
def private(careless: Path) -> Environment:
    """The local environment with the other choices: of subnets, and of Athena."""
    return Environment(careless, "local")


@pytest.fixture(scope="session", params=[*ON_AWS, "local"])
def environment(request: pytest.FixtureRequest) -> Environment:
    """Each environment in turn, as synthesized."""
    folder = request.getfixturevalue("local_assembly" if request.param == "local" else "assembly")
    return Environment(folder, request.param)


@pytest.fixture(scope="session")
def prod(assembly: Path) -> Environment:
    return Environment(assembly, "prod")
