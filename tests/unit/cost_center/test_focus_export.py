"""How charges become FOCUS rows: prices, cells, and columns that a file does not have."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from services.cost_center.adapters import polars_cells as cells
from services.cost_center.adapters.polars_export import PolarsExport
from services.cost_center.domain.charges import COLUMNS
from services.cost_center.domain.exports import ExportFormat
from services.cost_center.domain.focus_prices import priced
from shared.errors import Unprocessable
from tests.contract.focus_checks.values import Dataset

D = Decimal


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # category, correction, quantity, consumed, (list, contracted price), (list, contracted cost)
        (("Usage", False, D(2), None, (D("0.5"), D("0.25")), (D(1), D("0.5"))), (D(2), D("0.5"), D("0.25"))),
        (("Usage", False, D(4), None, (None, D(9)), (D(1), D(1))), (D(4), D("0.25"), D("0.25"))),
        (("Usage", False, D(3), None, (None, None), (D(1), D(0))), (D(3), D("0.333333333333333333"), D(0))),
        # what providers round is left to them
        (
            ("Usage", False, D("0.5333333333"), None, (D("0.0116"), None), (D("0.0061866667"), D(0))),
            (D("0.5333333333"), D("0.0116"), D(0)),
        ),
        (("Usage", False, None, D(7), (None, None), (D(14), D(7))), (D(7), D(2), D(1))),
        (("Purchase", False, None, None, (None, None), (D(29), D(29))), (D(1), D(29), D(29))),
        (("Purchase", False, D(0), None, (None, None), (D(29), D(29))), (D(1), D(29), D(29))),
        (("Usage", False, D(0), None, (D(5), None), (D(0), D(0))), (D(0), D(5), D(0))),
        (("Usage", False, None, None, (None, None), (D(0), D(0))), (D(0), D(0), D(0))),
        # a price is never negative: the quantity is
        (("Usage", False, D(2), None, (D(-1), None), (D(-2), D(-4))), (D(-2), D(1), D(2))),
        (("Usage", False, D(-2), None, (None, None), (D(2), D(0))), (D(2), D(1), D(0))),
        (("Tax", False, D(1), None, (D(1), D(1)), (D(1), D(1))), (None, None, None)),
        (("Credit", False, D(1), None, (D(1), D(2)), (D(-1), D(2))), (D(1), None, D(2))),
        (("Credit", False, None, None, (None, None), (D(-1), D(-1))), (None, None, None)),
        (("Usage", True, D(1), None, (D(-1), D(7)), (D(-1), D(1))), (D(1), None, D(7))),
    ],
)
def test_quantity_and_prices(row: Any, expected: Any) -> None:
    assert priced(*row) == expected


def charges(folder: Path, *rows: dict[str, Any], without: frozenset[str] = frozenset()) -> Path:
    """A file of charges whose other cells are null."""
    base = {
        "ChargeCategory": "Usage",
        "BillingCurrency": "USD",
        "ServiceName": "S",
        "BilledCost": D(0),
        "BillingPeriodStart": datetime.fromisoformat("2026-09-01"),
    }
    schema = {column.name: cells.TYPES[column.type] for column in COLUMNS if column.name not in without}
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    pl.DataFrame([{**dict.fromkeys(schema), **base, **row} for row in rows], schema=schema).write_parquet(
        path
    )
    return path


def exported(folder: Path, *sources: Path) -> Dataset:
    target = folder / "out.csv"
    PolarsExport().write(sources, target, ExportFormat.CSV)
    return Dataset.of(target)


def test_numbers_moments_and_maps_as_csv_has_them(tmp_path: Path) -> None:
    source = charges(
        tmp_path,
        {
            "BilledCost": D("100"),
            "EffectiveCost": D("0.000000000000000001"),
            "ListCost": D("-1.500000000000000000"),
            "ChargePeriodStart": datetime.fromisoformat("2026-09-30T23:00"),
            "Tags": {"a": 'é "quoted", b', "none": None},
            "ChargeDescription": "two\nlines, and a comma",
        },
        {"Tags": {}},
    )
    first, second = exported(tmp_path, source).rows
    assert (first["BilledCost"], first["EffectiveCost"], first["ListCost"]) == (
        "100",
        "0.000000000000000001",
        "-1.5",
    )
    assert (first["ChargePeriodStart"], first["BillingPeriodStart"]) == (
        "2026-09-30T23:00:00Z",
        "2026-09-01T00:00:00Z",
    )
    assert json.loads(first["Tags"] or "") == {"a": 'é "quoted", b', "none": None}
    assert first["ChargeDescription"] == "two\nlines, and a comma"
    assert (second["Tags"], second["BilledCost"], second["ChargePeriodStart"]) == ("{}", "0", None)


def test_tags_go_out_as_their_owners_wrote_them(tmp_path: Path) -> None:
    normal: dict[str, Any] = {"Tags": {"cost_center": "42"}}
    source = charges(
        tmp_path,
        {**normal, "x_OriginalTags": {"user:CostCenter": "42"}, "x_LineItemType": "Usage"},
        {
            **normal,
            "x_OriginalTags": {"user_cost_center": "42", "aws_created_by": "me"},
            "x_LineItemType": "Tax",
        },
        {**normal, "x_OriginalTags": {"CostCenter": " 42", "user_name": "a", "none": None}},
        normal,
    )
    assert [json.loads(row["Tags"] or "") for row in exported(tmp_path, source).rows] == [
        {"CostCenter": "42"},
        {"cost_center": "42", "aws:created_by": "me"},
        {"CostCenter": " 42", "user_name": "a", "none": None},
        {"cost_center": "42"},
    ]


def test_files_in_their_order_and_columns_that_one_lacks_as_null(tmp_path: Path) -> None:
    old = charges(tmp_path, {"x_UsageType": None, "BilledCost": D(1)}, without=frozenset({"x_Operation"}))
    new = charges(tmp_path, {"x_Operation": "Run", "BilledCost": D(2)})
    rows = exported(tmp_path, old, new).rows
    assert [(row["BilledCost"], row["x_Operation"]) for row in rows] == [("1", None), ("2", "Run")]


def test_what_is_no_charges_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cur.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(Unprocessable, match="no column BilledCost"):
        PolarsExport().write([path], tmp_path / "out.csv", ExportFormat.CSV)


@pytest.mark.parametrize("format", list(ExportFormat))
def test_charges_without_a_row_make_a_file_with_a_header(tmp_path: Path, format: ExportFormat) -> None:
    target = tmp_path / "out"
    written = PolarsExport().write([charges(tmp_path)], target, format)
    assert (written.rows, written.source_rows, written.totals) == (0, 0, ())
    found = pl.read_csv(target) if format is ExportFormat.CSV else pl.read_parquet(target)
    assert (found.height, found.columns[0], found.columns[-1]) == (
        0,
        "AvailabilityZone",
        "x_InvoiceIssuerName",
    )


def test_a_service_has_one_category_and_a_commitment_one_unit(tmp_path: Path) -> None:
    compute = {"ServiceName": "S", "ServiceCategory": "Compute"}
    lease = {"CommitmentDiscountId": "r", "CommitmentDiscountCategory": "Usage"}
    source = charges(
        tmp_path,
        {**compute, **lease, "CommitmentDiscountUnit": "Hours"},
        {**compute},
        {"ServiceName": "S", "ServiceCategory": "Storage", **lease, "ChargeCategory": "Purchase"},
    )
    rows = exported(tmp_path, source).rows
    assert {row["ServiceCategory"] for row in rows} == {"Compute"}
    assert [row["CommitmentDiscountUnit"] for row in rows] == ["Hours", None, "Hours"]


def test_a_purchase_with_an_effective_cost_is_two_rows(tmp_path: Path) -> None:
    costs = {"BilledCost": D(10), "ListCost": D(10), "ContractedCost": D(10), "EffectiveCost": D(3)}
    commitment = {"CommitmentDiscountId": "sp", "CommitmentDiscountCategory": "Spend"}
    source = charges(tmp_path, {"ChargeCategory": "Purchase", **costs, **commitment})
    bought, lost = exported(tmp_path, source).rows
    assert [row["ChargeCategory"] for row in (bought, lost)] == ["Purchase", "Usage"]
    assert [row["EffectiveCost"] for row in (bought, lost)] == ["0", "3"]
    assert [row["BilledCost"] for row in (bought, lost)] == ["10", "0"]
    assert (lost["CommitmentDiscountStatus"], lost["CommitmentDiscountQuantity"]) == ("Unused", "3")
    assert lost["ConsumedQuantity"] is None
