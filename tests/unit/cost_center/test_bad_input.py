"""Bad input: refused with file, row, column and expectation, and nothing of it is committed."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.cost_center.adapters.delivered_file import LocalFiles
from services.cost_center.domain.bill import Status
from services.cost_center.domain.findings import describe
from services.cost_center.domain.limits import Limits
from services.cost_center.events import BillRejected
from tests.fakes.cost_center import World
from tests.fakes.cost_center_bills import CUR_ROW, csv_bytes, csv_text, cur_rows

GOOD = csv_bytes(cur_rows(4))
COST = "lineItem/UnblendedCost"


@dataclass(frozen=True)
class Bad:
    """A file, and its first finding: where it is and what it says (a part of the sentence)."""

    content: bytes
    says: str
    row: int | None = None
    column: str | None = None
    name: str = "bill.csv"


def changed(**cells: str) -> bytes:
    """The good bill with cells of its third row changed; the keys are headers with _ for /."""
    rows = cur_rows(4)
    rows[2] |= {key.replace("_", "/"): text for key, text in cells.items()}
    return csv_bytes(rows)


def without(column: str) -> bytes:
    return csv_text(cur_rows(2), [name for name in CUR_ROW if name != column]).encode()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def encrypted() -> bytes:
    """The bits that say so, in the file's head and in the directory."""
    content = bytearray(zipped(("bill.csv", GOOD)))
    content[6] |= 1
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def parquet() -> bytes:
    out = io.BytesIO()
    rows = cur_rows(3)
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in CUR_ROW}), out)
    return out.getvalue()


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def with_negative_page(column: str) -> bytes:
    """The data page of a column says that it has -12 values, which ends a process that believes it."""
    content = parquet()
    row_group = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0)
    at = next(
        row_group.column(number).data_page_offset
        for number in range(row_group.num_columns)
        if row_group.column(number).path_in_schema == column
    )
    # Thrift: field 5 is a struct, whose first field is an integer: 3, zigzag.
    count = content.index(b"\x2c\x15\x06", at) + 2
    return content[:count] + b"\x17" + content[count + 1 :]


LINES = GOOD.decode().splitlines()

BAD = {
    "another's columns": Bad(b"date,amount\n2026-09-01,1\n", "of no known bill"),
    "a missing column": Bad(
        without(COST), "line_item_unblended_cost is missing", None, "line_item_unblended_cost"
    ),
    "no number": Bad(changed(lineItem_UnblendedCost="1,5"), "expected a decimal number", 3, COST),
    "NaN": Bad(changed(lineItem_UnblendedCost="NaN"), "", 3, COST),
    "infinity": Bad(changed(lineItem_UnblendedCost="-inf"), "expected a decimal number", 3, COST),
    "no date": Bad(changed(lineItem_UsageStartDate="soon"), "ISO 8601", 3, "lineItem/UsageStartDate"),
    "no account": Bad(changed(bill_PayerAccountId=""), "the cell is empty", 3, "bill/PayerAccountId"),
    "no currency": Bad(changed(lineItem_CurrencyCode=""), "the cell is empty", 3, "lineItem/CurrencyCode"),
    "no currency of any country": Bad(
        changed(lineItem_CurrencyCode="XXX1"), "the cell is no currency code", 3, "lineItem/CurrencyCode"
    ),
    "two currencies": Bad(
        changed(lineItem_CurrencyCode="EUR"), "a second currency", 3, "lineItem/CurrencyCode"
    ),
    "a gzip cut short": Bad(gzip.compress(GOOD)[:-40], "the gzip is damaged or cut short"),
    "a gzip that changed": Bad(flipped(gzip.compress(GOOD), 60), "the gzip is damaged or cut short"),
    "a parquet cut short": Bad(parquet()[:-40], "the parquet file cannot be read", name="bill.parquet"),
    "a parquet that changed": Bad(flipped(parquet(), 40), "cannot be read", name="bill.parquet"),
    "a parquet page of -12 values": Bad(
        with_negative_page("lineItem/LineItemDescription"), "Invalid page header", name="bill.parquet"
    ),
    "a zip of two": Bad(zipped(("a.csv", GOOD), ("b.csv", GOOD)), "the zip has 2 files", name="bill.zip"),
    "a zip of none": Bad(zipped(), "the zip has 0 files", name="bill.zip"),
    "a zip with a path": Bad(zipped(("../a.csv", GOOD)), "a path in it: '../a.csv'", name="bill.zip"),
    "an encrypted zip": Bad(encrypted(), "the zip is encrypted", name="bill.zip"),
    "a zip cut short": Bad(zipped(("a.csv", GOOD))[:-60], "the zip is damaged or cut short", name="bill.zip"),
    "a zip that changed": Bad(flipped(zipped(("a.csv", GOOD)), 60), "damaged or cut short", name="bill.zip"),
    "a zip of another method": Bad(zipped(("a.csv", GOOD), method=zipfile.ZIP_LZMA), "packed by method 14"),
    "a zip of parquet": Bad(zipped(("a.parquet", parquet())), "not UTF-8", name="bill.zip"),
    "nothing": Bad(b"", "the file is empty"),
    "a gzip of nothing": Bad(gzip.compress(b""), "no header"),
    "a header alone": Bad(LINES[0].encode(), "a header and no rows"),
    "UTF-16": Bad(GOOD.decode().encode("utf-16"), "the text is UTF-16: expected csv in UTF-8"),
    "Latin 1": Bad(changed(lineItem_LineItemDescription="caf\u00e9").decode().encode("latin-1"), "not UTF-8"),
    "a header twice": Bad(
        b"\n".join(f"{line},{line.split(',')[list(CUR_ROW).index(COST)]}".encode() for line in LINES),
        "is there more than once",
        None,
        COST,
    ),
    "a short row": Bad("\n".join([*LINES[:3], "a,b"]).encode(), "expected 26 cells", 3),
    "a long row": Bad("\n".join([*LINES[:3], LINES[3] + ",x"]).encode(), "found '27 cells'", 3),
    "a period without end": Bad(
        changed(bill_BillingPeriodEndDate="2026-08-01T00:00:00Z"),
        "does not end after its start",
        3,
        "bill/BillingPeriodEndDate",
    ),
    "a PDF": Bad(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "not UTF-8", name="bill.pdf"),
    "a PNG": Bad(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not UTF-8", name="bill.png"),
    "HTML": Bad(b"<!doctype html>\n<html><body>Sign in</body></html>\n", "of no known bill"),
    "JSON": Bad(json.dumps({"a": [1, 2]}).encode(), "of no known bill", name="bill.json"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=list(BAD))
def test_bad_input_is_refused_and_nothing_of_it_is_committed(world: World, case: Bad) -> None:
    [outcome] = world.deliver(f"acme/aws/{case.name}", case.content)

    assert outcome.status is Status.REJECTED
    [event] = world.bills.events
    assert isinstance(event, BillRejected)
    finding = event.reasons[0]
    assert (finding.file, finding.row, finding.column) == (case.name, case.row, case.column), describe(
        finding
    )
    assert case.says in describe(finding)
    assert not world.lake.tables
    assert not world.lake.uploads


def test_a_good_delivery_succeeds_after_bad_ones(world: World) -> None:
    for name in ("no number", "a gzip cut short", "a header alone"):
        world.deliver("acme/aws/bill.csv", BAD[name].content)

    [outcome] = world.deliver("acme/aws/bill.csv", GOOD)

    assert (outcome.status, outcome.rows) == (Status.INGESTED, 4)


@pytest.mark.parametrize(
    "good",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        changed(lineItem_LineItemDescription='of\ntwo "lines", quoted'),
        GOOD + b"\n\n",
        zipped(("bill.csv", GOOD)),
        zipped(("bill.csv", GOOD), method=zipfile.ZIP_STORED),
        gzip.compress(GOOD[:200]) + gzip.compress(GOOD[200:]),
    ],
    ids=[
        "a byte order mark",
        "CRLF",
        "quoted newlines",
        "blank lines",
        "zip",
        "stored zip",
        "gzip in two parts",
    ],
)
def test_what_is_unusual_and_right_is_read(world: World, good: bytes) -> None:
    [outcome] = world.deliver("acme/aws/bill.csv", good)

    assert (outcome.status, outcome.rows) == (Status.INGESTED, 4)


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lambda content: zipped(("bill.csv", content))],
    ids=["gzip", "zip"],
)
def test_what_unpacks_to_too_much_is_refused_before_it_is_all_there(
    world: World, pack: Callable[[bytes], bytes]
) -> None:
    [outcome] = world.deliver("acme/aws/bill.csv", pack(GOOD + b"\n" * (80 << 20)))

    assert outcome.status is Status.REJECTED
    [event] = world.bills.events
    assert isinstance(event, BillRejected)
    assert "unpacks to far more than a bill is: expected at most 200 times" in describe(event.reasons[0])


def test_a_parquet_of_more_rows_than_its_bytes_can_mean_is_refused(world: World) -> None:
    out = io.BytesIO()
    rows = 4_000_000
    column = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array(["x"]))
    pq.write_table(pa.table(dict.fromkeys(CUR_ROW, column)), out, compression="zstd")

    [outcome] = world.deliver("acme/aws/bill.parquet", out.getvalue())

    assert outcome.status is Status.REJECTED
    [event] = world.bills.events
    assert isinstance(event, BillRejected)
    assert "unpacks to far more than a bill is" in describe(event.reasons[0])


def test_a_header_of_too_many_columns_is_refused(world: World) -> None:
    extra = Limits().columns
    header = LINES[0] + "".join(f",c{number}" for number in range(extra))

    world.deliver("acme/aws/bill.csv", f"{header}\n{LINES[1]}{',' * extra}\n".encode())

    [event] = world.bills.events
    assert isinstance(event, BillRejected)
    assert event.reasons[0].message == f"the header has {extra + len(CUR_ROW)} columns"


def test_real_limits_are_far_from_real_bills() -> None:
    assert LocalFiles().limits == Limits(
        unpacked_bytes=128 << 30, ratio=200, line_bytes=16 << 20, columns=5_000
    )
