"""Reading a bill, against Polars alone over the same file, each time in a fresh process.

A million rows. With ONYX_BENCH_ROWS=1000000,10000000 ten million, too, and whether time grows in proportion.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.demo.generate import Order, generate
from infra.demo.presets import PRESETS
from infra.demo.spec import BillFormat, Container, Month
from tests.benchmarks.report import Report, verdict

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "docs" / "benchmarks" / "ingest.md"
ROWS = [int(rows) for rows in os.environ.get("ONYX_BENCH_ROWS", "1000000").split(",")]
ROUNDS = 3
LARGE = 5_000_000
"""From so many rows on one round is enough."""
AT_MOST, AIM = 3.0, 1.5
PEAK = 3 << 30


@pytest.fixture(scope="module")
def ingest_report(pytestconfig: pytest.Config) -> Iterator[Report]:
    made = Report(title="What reading a bill costs")
    yield made
    sys.stdout.write("\n" + made.markdown())
    if pytestconfig.getoption("--write-report"):
        made.write(WRITTEN)


def bill(folder: Path, rows: int) -> Path:
    """A legacy CUR of one month in one csv.gz."""
    spec = replace(PRESETS["startup"].usual, rows=rows, months=1, start=Month.parse("2026-08"), seed=7)
    order = Order("startup", spec, format=BillFormat.CUR, container=Container.GZ, single=True)
    [file] = generate(order, folder).files
    return file


def measured(what: str, file: Path, folder: Path) -> dict[str, float]:
    """One reading in a process of its own."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.ingest_once", what, str(file), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for left in folder.rglob("*.parquet"):
        left.unlink()
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(7200)
def test_reading_a_bill(ingest_report: Report, tmp_path: Path) -> None:
    sizes = [one_size(ingest_report, tmp_path, rows) for rows in ROWS]
    if len(sizes) > 1:
        section = ingest_report.section(
            "Time by size",
            "Processor seconds per million rows, first and last size. Target: in proportion (within 20%).",
            *("rows", "seconds per million rows", ""),
        )
        each = [cpu / rows * 1e6 for cpu, rows in sizes]
        for rate, rows in zip(each, ROWS, strict=True):
            section.add(f"{rows:,}", f"{rate:.1f}", verdict(rate / each[0], at_most=1.2))


def one_size(report: Report, folder: Path, rows: int) -> tuple[float, int]:
    """Adds the table of one size; returns (processor seconds, rows)."""
    file = bill(folder / f"bill-{rows}", rows)
    rounds = 1 if rows >= LARGE else ROUNDS
    taken: dict[str, list[dict[str, float]]] = {"bare": [], "onyx": []}
    for number in range(rounds):
        for what, runs in taken.items():
            runs.append(measured(what, file, folder / f"{what}-{rows}-{number}"))
    section = report.section(
        f"Reading a legacy CUR of {rows:,} rows",
        f"csv.gz of {file.stat().st_size:,} bytes, median of {rounds} rounds, each in a fresh process: "
        "unpack, independent sum, checks, typed raw parquet, curated parquet in order, both summed again, "
        "reconciled. Peer: polars.scan_csv(infer_schema=False).sink_parquet of the file. Target: at most "
        f"{AT_MOST:g} times the peer, aiming at {AIM:g}; at most {PEAK >> 30} GiB.",
        *("", "Onyx", "Polars alone", "ratio", ""),
    )
    mid = {
        what: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for what, runs in taken.items()
    }
    ours, peer = mid["onyx"], mid["bare"]
    for key, name in (("seconds", "seconds"), ("cpu_seconds", "processor seconds")):
        ratio = ours[key] / peer[key]
        cells = (f"{ours[key]:.1f}", f"{peer[key]:.1f}", f"{ratio:.2f}")
        section.add(name, *cells, verdict(ratio, at_most=AT_MOST))
    peaks = (
        f"{ours['peak'] / 2**30:.2f}",
        f"{peer['peak'] / 2**30:.2f}",
        f"{ours['peak'] / peer['peak']:.2f}",
    )
    section.add("peak memory, GiB", *peaks, verdict(ours["peak"], at_most=PEAK))
    per_row = file.stat().st_size / ours["rows"]
    for key in ("raw", "charges"):
        lake = ours[key] / ours["rows"]
        section.add(
            f"bytes per row, {key}", f"{lake:.1f}", f"{per_row:.1f} (its gz)", f"{lake / per_row:.2f}", ""
        )
    section.add("rows per row group, charges", f"{ours['rows'] / ours['row_groups']:,.0f}", "", "", "")
    return ours["cpu_seconds"], int(ours["rows"])
