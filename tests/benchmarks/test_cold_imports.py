"""What a cold start pays for our code: imports in fresh interpreters, and the size of the zips."""

import io
import shutil
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from infra import packaging
from tests.benchmarks.report import Report, verdict
from tests.e2e.conftest import Platform

BARE = "boto3, pydantic, aws_lambda_powertools.event_handler"
TIMED = "import time; began = time.process_time(); import {what}; print(time.process_time() - began)"
TRACED = "services.query_engine.handlers.on_bill_ingested"
LISTENING = {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000"}
ROUNDS = 7
MOST_TIMES, MOST_MIB = 2.5, 2.0


def seconds(what: str, folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> float:
    """Processor time of an import in a fresh interpreter: what else the machine does is not in it.

    -B: a zip has no compiled files of ours, so none may be left.
    """
    done = subprocess.run(
        [sys.executable, "-B", "-c", TIMED.format(what=what)],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "AWS_REGION": "us-east-1",
            "POWERTOOLS_SERVICE_NAME": "bench",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def handlers(platform: Platform) -> dict[str, str]:
    """Handler module -> package of its domain, of every function that is deployed."""
    functions = platform.client("lambda").get_paginator("list_functions").paginate()
    return {
        one["Handler"].rpartition(".")[0]: one["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for page in functions
        for one in page["Functions"]
        if one["FunctionName"].startswith("onyx-")
    }


def zipped_mib(folder: Path) -> float:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    return len(packed.getvalue()) / 2**20


def test_import_time_and_zip_size_of_each_function(
    platform: Platform, report: Report, tmp_path: Path
) -> None:
    found = handlers(platform)
    assert found
    zips = {}
    for domain in set(found.values()):
        shutil.copytree(packaging.function_source(domain), tmp_path / domain)
        zips[domain] = zipped_mib(tmp_path / domain)
    times: dict[str, list[float]] = {name: [] for name in (BARE, *found)}
    for _ in range(ROUNDS):  # in turns, so that a busy moment touches all alike
        for name in times:
            times[name].append(seconds(name, tmp_path / found.get(name, next(iter(zips)))))
    bare = statistics.median(times[BARE])
    with_traces = [seconds(TRACED, tmp_path / found[TRACED], LISTENING) for _ in range(ROUNDS)]
    tracing = statistics.median(with_traces) - statistics.median(times[TRACED])
    section = report.section(
        "Import time of each control function",
        f"Processor time, median of {ROUNDS} fresh interpreters, our own source uncompiled as in a zip, "
        f"against a bare `import {BARE}` ({bare * 1000:.0f} ms here). Target: at most "
        f"{MOST_TIMES} times, zips at most {MOST_MIB:g} MiB. Traces are off, as on one machine; where the "
        f"Lambda service listens for them, the X-Ray SDK is loaded too: {tracing * 1000:.0f} ms more for "
        f"`{TRACED}`. A function that makes its first client at its first call loads boto3 then.",
        *("handler", "ms", "times bare", "", "zip MiB", ""),
    )
    for name, domain in sorted(found.items()):
        middle = statistics.median(times[name])
        section.add(
            f"`{name}`",
            f"{middle * 1000:.0f}",
            f"{middle / bare:.2f}",
            verdict(middle / bare, at_most=MOST_TIMES),
            f"{zips[domain]:.2f}",
            verdict(zips[domain], at_most=MOST_MIB),
        )
