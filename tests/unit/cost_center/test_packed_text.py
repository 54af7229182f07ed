"""A text in a gzip stays packed while it is read, and says what it says unpacked."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.adapters.plain_reader import PlainReader
from services.cost_center.adapters.polars_converter import PolarsConverter
from services.cost_center.application.prepare import Prepare
from services.cost_center.domain.ports import SourceTotals
from services.cost_center.domain.tables import Layout, SourceFile
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, cur_rows, write
from tests.fakes.cost_center_reading import prepare, raw_frame

ROWS = [
    {**row, "lineItem/LineItemDescription": f'of two\n"lines", {at}'} for at, row in enumerate(cur_rows(50))
]
TEXT = csv_bytes(ROWS)

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "one gzip": gzip.compress,
    "several, one after the other": lambda text: gzip.compress(text[:999]) + gzip.compress(text[999:]),
    "zeros after its end": lambda text: gzip.compress(text) + bytes(512),
}


def gz(folder: Path, content: bytes) -> Path:
    path = folder / "bill.csv.gz"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("pack", PACKED.values(), ids=list(PACKED))
def test_a_packed_text_says_what_it_says_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "plain").mkdir()
    plain = prepare(tmp_path / "plain", write(tmp_path, "bill.csv", TEXT))

    packed = prepare(tmp_path, gz(tmp_path, pack(TEXT)))

    assert raw_frame(packed).equals(raw_frame(plain))
    assert packed.content == plain.content
    assert packed.bills[0].groups == plain.bills[0].groups


@pytest.mark.parametrize("text", [TEXT, TEXT + csv_bytes([{**CUR_ROW, "lineItem/UsageAmount": "some"}])])
def test_nothing_unpacked_is_left(tmp_path: Path, text: bytes) -> None:
    prepare(tmp_path, gz(tmp_path, gzip.compress(text)))

    assert all(path.suffix == ".parquet" for path in (tmp_path / "work").iterdir())


def test_a_packed_text_is_summed_while_it_is_unpacked(tmp_path: Path) -> None:
    class Reader(PlainReader):
        def source_totals(self, file: SourceFile, layout: Layout) -> SourceTotals:
            raise AssertionError("the file is read again")

    path = gz(tmp_path, gzip.compress(TEXT))
    (tmp_path / "work").mkdir()

    prepared = Prepare(LocalFiles(), PolarsConverter(), Reader())(path, path.name, "aws", tmp_path / "work")

    assert prepared.rejection is None
    assert prepared.bills[0].raw.rows == 50
