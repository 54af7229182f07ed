"""Real bills that nobody here wrote: their totals are the known answers, from raw and from curated."""

import csv
import gzip
import io
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cost_center.domain.bill import Status
from services.cost_center.domain.naming import athena_name
from services.cost_center.domain.providers._aws.cur_columns import column_type
from services.cost_center.domain.tables import ColumnType
from shared.money import money_text
from tests.fakes.cost_center import ACME, World

DATA = Path(__file__).parents[4] / "shared" / "data"
CUR_2023 = "cur/aws_legacy_cur_2023-11_even_rows.csv"
CUR_NISE = "cur/nise_aws_2026-09.csv.gz"
FOCUS = "focus/focus_1.0_sample_even_rows.csv"

pytestmark = pytest.mark.skipif(
    not (DATA / "answers.json").exists(), reason="the real files (../shared/data) are not beside this clone"
)

# The column of `charges` and of the raw table for each name in the answers.
CURATED = {
    "lineItem/LineItemType": "x_LineItemType",
    "lineItem/ProductCode": "x_ServiceCode",
    "lineItem/UsageAccountId": "SubAccountId",
    "product/sku": "SkuId",
}


def answers(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "answers.json").read_text())[f"data/{name}"]
    return found


def read(world: World, name: str, content: bytes | None = None) -> dict[str, pl.DataFrame]:
    """Ingest a real file; the rows of each table that were published, over all of its bills."""
    outcomes = world.deliver(f"acme/real/{Path(name).name}", content or (DATA / name).read_bytes())
    assert all(outcome.status is Status.INGESTED for outcome in outcomes), outcomes
    frames: dict[str, list[pl.DataFrame]] = {}
    for outcome in outcomes:
        bill = world.bills.bill(ACME, outcome.bill_id)
        assert bill is not None
        assert bill.published is not None
        assert all(total.difference == 0 for total in outcome.totals)
        for table, published in bill.published.tables.items():
            frames.setdefault(table, []).append(pl.read_parquet(published.files))
    return {table: pl.concat(parts) for table, parts in frames.items()}


def sums(frame: pl.DataFrame, by: str, metric: str) -> dict[str, str]:
    grouped = frame.group_by(by).agg(pl.col(metric).sum())
    return {key: money_text(total or Decimal(0)) for key, total in grouped.iter_rows()}


def total(frame: pl.DataFrame, metric: str) -> str:
    return money_text(frame[metric].sum())


def expect(frame: pl.DataFrame, metric: str, known: Mapping[str, Any], column: Mapping[str, str]) -> None:
    assert total(frame, metric) == known["total"]
    for name, expected in known.items():
        if name.startswith("by "):
            by = name.removeprefix("by ")
            assert sums(frame, column.get(by, by), metric) == expected, name


@pytest.mark.parametrize("metric", ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"])
def test_the_focus_sample(world: World, metric: str) -> None:
    known = answers(FOCUS)

    tables = read(world, FOCUS)

    assert tables["charges"].height == tables["focus"].height == known["rows"]
    expect(tables["charges"], metric, known[metric], {})
    expect(tables["focus"], metric, known[metric], {})


@pytest.mark.parametrize("name", [CUR_2023, CUR_NISE])
@pytest.mark.parametrize("form", ["csv", "csv-gz", "parquet", "athena-header"])
def test_the_cost_and_usage_reports_in_every_form(world: World, name: str, form: str) -> None:
    known = answers(name)
    cost = known["lineItem/UnblendedCost"]

    tables = read(world, f"bill-{form}", as_form(name, form))

    assert tables["charges"].height == tables["cur"].height == known["rows"]
    expect(tables["charges"], "BilledCost", cost, CURATED)
    expect(tables["charges"], "EffectiveCost", {"total": cost["total"]}, {})
    raw = {by: athena_name(by) for by in CURATED}
    expect(tables["cur"], "line_item_unblended_cost", cost, raw)
    if "by product/sku" in known:
        assert sums(tables["charges"], "SkuId", "BilledCost") == known["by product/sku"]


def as_form(name: str, form: str) -> bytes:
    """A real report as AWS delivers it in another form."""
    packed = (DATA / name).read_bytes()
    text = gzip.decompress(packed) if name.endswith(".gz") else packed
    if form == "csv":
        return text
    if form == "csv-gz":
        return gzip.compress(text)
    rows = list(csv.reader(io.StringIO(text.decode())))
    names = [athena_name(header) for header in rows[0]]
    if form == "athena-header":
        out = io.StringIO()
        csv.writer(out).writerows([names, *rows[1:]])
        return out.getvalue().encode()
    columns = {column: [row[at] or None for row in rows[1:]] for at, column in enumerate(names)}
    out_bytes = io.BytesIO()
    pq.write_table(pa.table({column: _typed(column, texts) for column, texts in columns.items()}), out_bytes)
    return out_bytes.getvalue()


def _typed(name: str, texts: list[str | None]) -> pa.Array:
    """Doubles for what is a decimal here: that is how AWS writes its parquet."""
    if column_type(name) is ColumnType.DECIMAL:
        return pa.array([None if text is None else float(text) for text in texts], pa.float64())
    return pa.array(texts, pa.string())
