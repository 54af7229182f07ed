"""The worked examples of FOCUS 1.2 are read as they are written, but for their slips.

The examples leave out what they are not about, so each row is completed. A slip is a cell that no reader can
take, or that the example's own arithmetic denies.
"""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from services.cost_center.domain.charges import COLUMNS
from services.cost_center.domain.tables import ColumnType
from tests.fakes.cost_center_bills import FOCUS_ROW, csv_text, write
from tests.fakes.cost_center_reading import prepare

DATA = Path(__file__).parents[6] / "shared" / "data" / "focus_spec_1.2_examples"
pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason="the specification's examples (../shared/data) are not beside this clone"
)

EXAMPLES = sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.csv"))
COMPLETED = {name: text for name, text in FOCUS_ROW.items() if name != "Tags"}
TYPES = {column.name: column.type for column in COLUMNS}
_SCENARIO_2 = "commitment_discount_scenarios/commitment_discount_purchase_scenario_2.csv"
NO_TIMES = {"2023-02-01T30:00:00Z": "2023-02-02T06:00:00Z"}
"""A thirtieth hour: the next day's sixth. (The periods of ten hours begin in January and end in February.)"""


def rows(example: str) -> list[dict[str, str]]:
    """As written; blank lines and the cell `null` are no values."""
    text = (DATA / example).read_text(encoding="utf-8-sig")
    found = csv.DictReader(line for line in text.splitlines() if line.strip())
    return [{name: "" if cell == "null" else cell for name, cell in row.items()} for row in found]


def corrected(name: str, cell: str) -> str:
    """American dates and amounts with a currency's sign are no FOCUS (DateTimeFormat, NumericFormat)."""
    cell = NO_TIMES.get(cell, cell)
    if TYPES.get(name) is ColumnType.TIMESTAMP and "/" in cell:
        return datetime.strptime(cell, "%m/%d/%y").replace(tzinfo=UTC).isoformat()
    if TYPES.get(name) is ColumnType.DECIMAL:
        return cell.replace("$", "").replace(",", "").strip()
    return cell


def typed(name: str, cell: str) -> object:
    if not cell:
        return None
    if TYPES[name] is ColumnType.DECIMAL:
        return Decimal(cell)
    if TYPES[name] is ColumnType.TIMESTAMP:
        return datetime.fromisoformat(cell).astimezone(UTC).replace(tzinfo=None)
    return cell


def completed(row: Mapping[str, str]) -> dict[str, str]:
    """`SkuPriceid` is how one example heads SkuPriceId."""
    named = {"SkuPriceId" if name == "SkuPriceid" else name: cell for name, cell in row.items()}
    named = {name: corrected(name, cell) for name, cell in named.items()}
    filled = {name: cell for name, cell in COMPLETED.items() if not named.get(name)}
    return {**named, **filled}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_comes_out_column_by_column(tmp_path: Path, example: str) -> None:
    wanted = [completed(row) for row in rows(example)]

    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text(wanted)))

    assert prepared.rejection is None, prepared.rejection
    frame = pl.concat([pl.read_parquet(bill.charges.paths) for bill in prepared.bills])
    columns = [name for name in wanted[0] if name in TYPES and name != "Tags"]
    assert len(columns) > len(COMPLETED) // 2
    assert sorted(map(str, frame.select(columns).iter_rows())) == sorted(
        str(tuple(_as_lake(typed(name, row[name])) for name in columns)) for row in wanted
    )


def _as_lake(value: object) -> object:
    return value.quantize(Decimal("1e-18")) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("example", [each for each in EXAMPLES if "saas" in each])
def test_an_example_as_it_is_written_is_refused_with_row_and_column(tmp_path: Path, example: str) -> None:
    [first, *_] = rows(example)
    bad = {**COMPLETED, **{name: cell for name, cell in first.items() if cell}}

    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text([bad])))

    assert prepared.rejection is not None
    found = {finding.column: finding.found for finding in prepared.rejection.findings}
    assert "BillingPeriodEnd" in found
    assert all("/" in text or "$" in text for text in found.values() if text)


def test_a_thirtieth_hour_is_refused(tmp_path: Path) -> None:
    written = [{**COMPLETED, **row} for row in rows(_SCENARIO_2)]

    prepared = prepare(tmp_path, write(tmp_path, "bill.csv", csv_text(written)))

    assert prepared.rejection is not None
    [finding] = prepared.rejection.findings
    assert (finding.row, finding.column, finding.found) == (3, "ChargePeriodEnd", "2023-02-01T30:00:00Z")


SLIPS = {
    # A third of an hour of 3.00 is 0.999, not 3.00; the row's effective cost, 0.50, is of the third.
    ("one_hundred_percent_utilization_with_commitment_discount_flexibility_with_1_resource", 1),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_price_times_quantity_is_the_cost_but_for_the_slips(example: str) -> None:
    denied = set()
    for at, row in enumerate(map(completed, rows(example))):
        for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
            if all(row.get(name) for name in (price, cost, "PricingQuantity")) and Decimal(
                row[price]
            ) * Decimal(row["PricingQuantity"]) != Decimal(row[cost]):
                denied.add((Path(example).stem, at))
    assert denied == {slip for slip in SLIPS if slip[0] == Path(example).stem}


def test_what_an_agreement_was_for_is_used_or_lost() -> None:
    """1,200 in all: what was used and the unused fees add up to it, in both ways to bill them."""
    for example in ("saas_spend_agreements_a1", "saas_spend_agreements_a2"):
        found = rows(f"saas_examples/spend_agreements/{example}.csv")
        assert sum(Decimal(row["EffectiveCost"]) for row in found) == 1200
        assert all(row["EffectiveCost"] == row["BilledCost"] for row in found)
        assert {row["ServiceCategory"] for row in found} == {"Database"}  # FOCUS has Databases: a slip


def test_the_simple_agreements_slip_in_their_effective_cost() -> None:
    """A purchase for the months to come has no EffectiveCost of its own (EffectiveCost-C-005-C); they give
    all of it."""
    found = [row for each in EXAMPLES if "simple_saas" in each for row in rows(each)]

    assert len(found) == 4
    for row in found:
        assert (row["ChargeCategory"], row["ChargeFrequency"]) == ("Purchase", "One-Time")
        assert row["EffectiveCost"] == row["BilledCost"] != "0"
