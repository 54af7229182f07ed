"""Delivered files, read to the end on this machine."""

from pathlib import Path

import polars as pl

from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.prepare import Prepare, Prepared
from services.cost_center.domain.findings import Rejected
from tests.fakes.cost_center_bills import write


def prepare(folder: Path, path: Path, source: str = "aws") -> Prepared:
    work = folder / "work"
    work.mkdir()
    return Prepare(LocalFiles(), PolarsConverter(), PlainReader())(path, path.name, source, work)


def refusal(folder: Path, content: str | bytes, name: str = "bill.csv") -> Rejected:
    """Why a file of that content is refused."""
    prepared = prepare(folder, write(folder, name, content))
    assert prepared.rejection is not None
    return prepared.rejection


def raw_frame(prepared: Prepared) -> pl.DataFrame:
    """The raw rows of the only bill."""
    assert prepared.rejection is None, prepared.rejection
    return pl.read_parquet(prepared.bills[0].raw.paths[0])
