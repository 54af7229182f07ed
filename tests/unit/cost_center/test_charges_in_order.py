"""The curated rows of a bill are in the order of their charge periods, whatever else is done with them."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from infra.demo.generate import Order, generate
from infra.demo.presets import PRESETS
from infra.demo.spec import BillFormat, Container, Month
from services.cost_center.adapters import polars_charges
from tests.fakes.cost_center_reading import prepare


@pytest.mark.parametrize("part_rows", [10_000, 300], ids=["one part", "several parts"])
@pytest.mark.parametrize("format", [BillFormat.CUR, BillFormat.CUR2, BillFormat.FOCUS])
def test_charges_are_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: BillFormat, part_rows: int
) -> None:
    """The bill has a savings plan, which is netted over all rows, and fees that lost something: two rows."""
    monkeypatch.setattr(polars_charges, "PART_ROWS", part_rows)
    spec = replace(PRESETS["startup"].usual, rows=2_000, months=1, start=Month.parse("2026-08"), seed=7)
    order = Order("startup", spec, format=format, container=Container.GZ, single=True)
    [file] = generate(order, tmp_path / "bill").files

    prepared = prepare(tmp_path, file)

    assert prepared.rejection is None
    [bill] = prepared.bills
    parts = [pl.read_parquet(path) for path in bill.charges.paths]
    assert all(pq.read_metadata(path).num_row_groups == 1 for path in bill.charges.paths)
    starts = [part["ChargePeriodStart"] for part in parts]
    assert (len(parts) > 1) == (part_rows < 2_000)
    assert all(start.is_sorted() for start in starts)
    days = [set(start.dt.date()) for start in starts]
    assert all(max(before) < min(after) for before, after in pairwise(days))
    assert sum(part.height for part in parts) == bill.charges.rows
    if format is BillFormat.CUR:
        whole = pl.concat(parts)
        assert whole["x_ChargePart"].eq("Unused").any()
        assert whole["x_LineItemType"].eq("SavingsPlanNegation").any()
