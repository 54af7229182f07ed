"""The columns of FOCUS, against the reference."""

from pathlib import Path

import polars as pl
import pytest

from services.cost_center.domain.focus_columns import COLUMNS


def test_charges_have_the_57_columns_of_focus_1_2_and_the_8_of_1_3() -> None:
    by_version = [version for version, _ in COLUMNS.values()]

    assert len([version for version in by_version if version != "1.3"]) == 57
    assert by_version.count("1.3") == 8


def test_the_columns_are_those_of_the_reference() -> None:
    path = Path(__file__).parents[6] / "shared" / "reference" / "focus_columns.csv"
    if not path.exists():
        pytest.skip("the reference list of FOCUS columns is not beside this clone")
    reference = pl.read_csv(path).filter(pl.col("introduced") != "1.4")
    types = {"String": "string", "JSON": "string", "Decimal": "decimal(38,18)", "Date/Time": "timestamp"}

    assert set(reference["column"]) == set(COLUMNS)
    for name, kind in reference.select("column", "data_type").iter_rows():
        assert name == "Tags" or COLUMNS[name][1] == types[kind], name
