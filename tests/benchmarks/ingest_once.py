"""One reading of a bill in a process of its own: `python -m tests.benchmarks.ingest_once WHAT FILE FOLDER`.

Prints JSON: seconds on the clock and of the processors, peak memory in bytes, and what was written.
"""

import json
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path


class WithoutPandas:
    """Arrow imports pandas where there is one, for most of a second. No image of ours has it: only tests."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)
        return None


def bare(file: Path, folder: Path) -> dict[str, int]:
    """What Polars needs to turn the same file into parquet, all columns as text, no questions asked."""
    import polars as pl

    written = folder / "bare.parquet"
    pl.scan_csv(file, infer_schema=False).sink_parquet(written)
    return {"raw": written.stat().st_size}


def onyx(file: Path, folder: Path) -> dict[str, int]:
    """All that an ingest does on its machine: unpack, sum, check, type, curate, sort, sum, reconcile."""
    import pyarrow.parquet as pq

    from services.cost_center.adapters.delivered_file import LocalFiles
    from services.cost_center.adapters.plain_reader import PlainReader
    from services.cost_center.adapters.polars_converter import PolarsConverter
    from services.cost_center.application.prepare import Prepare

    prepared = Prepare(LocalFiles(), PolarsConverter(), PlainReader())(file, file.name, "bench", folder)
    if prepared.rejection is not None:
        raise SystemExit(str(prepared.rejection))
    [bill] = prepared.bills
    return {
        "rows": bill.raw.rows,
        "raw": sum(path.stat().st_size for path in bill.raw.paths),
        "charges": sum(path.stat().st_size for path in bill.charges.paths),
        "row_groups": sum(pq.read_metadata(path).num_row_groups for path in bill.charges.paths),
    }


def peak_bytes() -> int:
    """The most memory that this process ever held (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("the kernel does not say VmHWM")


def main(what: str, file: str, folder: str) -> None:
    sys.meta_path.insert(0, WithoutPandas())
    started, before = time.perf_counter(), time.process_time()
    written = {"bare": bare, "onyx": onyx}[what](Path(file), Path(folder))
    measured = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - before,
        "peak": peak_bytes(),
        **written,
    }
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
