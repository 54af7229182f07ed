"""The quick second reader says what the row by row one says, or leaves the file to it."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.cost_center.adapters import plain_reader
from services.cost_center.adapters.arrow_totals import arrow_totals
from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.domain.ports import SourceTotals
from services.cost_center.domain.providers.registry import recognise
from services.cost_center.domain.tables import Layout, SourceFile
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows

COST = "lineItem/UnblendedCost"

costs = st.from_regex(r"[+-]?[0-9]{1,22}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True) | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8
)


def bill(folder: Path, content: bytes) -> tuple[SourceFile, Layout]:
    path = folder / "bill.csv"
    path.write_bytes(content)
    file = LocalFiles().unpack(path, "bill.csv", folder)
    return file, recognise("bill.csv", LocalFiles().headers(file), file.container)


def row_by_row(file: SourceFile, layout: Layout) -> SourceTotals:
    return plain_reader._sum_rows(plain_reader._csv_rows(file, layout), layout)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(costs, min_size=1, max_size=8))
@example(["1e-999999999"])  # Arrow 26 ends the process at it
@example(["0.1234567890123456789", "1E5", "+.5", "5."])
@example(["9" * 76, "1" + "0" * 22])
def test_the_two_say_the_same(tmp_path: Path, texts: list[str]) -> None:
    file, layout = bill(tmp_path, csv_bytes([{**CUR_ROW, COST: text} for text in texts]))

    quick = arrow_totals(file, layout)

    if quick is not None:
        assert quick == row_by_row(file, layout)


def test_a_bill_as_it_should_be_is_left_to_nobody(tmp_path: Path) -> None:
    rows = cur_rows(3)
    rows[1] |= {"bill/InvoiceId": "i1", COST: "-1.25e-7", "lineItem/UsageAccountId": ""}

    file, layout = bill(tmp_path, b"\xef\xbb\xbf" + csv_bytes(rows).replace(b"\n", b"\r\n"))
    quick = arrow_totals(file, layout)

    assert quick == row_by_row(file, layout)
    assert sum(total.amount for total in quick.groups.values()) == Decimal("0.385999875")


@pytest.mark.parametrize(
    "column", ["bill/PayerAccountId", "lineItem/CurrencyCode", "bill/BillingPeriodStartDate"]
)
def test_what_is_not_there_is_left_to_the_other(tmp_path: Path, column: str) -> None:
    rows = cur_rows(3)
    rows[1][column] = ""

    assert arrow_totals(*bill(tmp_path, csv_bytes(rows))) is None
