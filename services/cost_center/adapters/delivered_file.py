"""A delivered file on this machine: what it is packed in, and what its header says."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from pathlib import Path

import pyarrow.parquet as pq

from services.cost_center.adapters.arrow_totals import PARQUET_FAULTS
from services.cost_center.adapters.byte_pipe import Beside
from services.cost_center.adapters.packed_file import Unpacked, gunzip, gunzipped, opened, unzip
from services.cost_center.domain.findings import reject
from services.cost_center.domain.limits import Limits
from services.cost_center.domain.ports import ByteStream
from services.cost_center.domain.tables import Container, SourceFile

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
PARQUET_MAGIC = b"PAR1"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MAGIC = 4
_CHUNK = 1 << 20
_BATCH = 16_384
_READABLE = "csv in UTF-8, gzip or zip of it, or parquet"

# A cell may be large: tags and descriptions exceed the module's default of 128 KiB.
csv.field_size_limit(Limits().line_bytes)


@dataclass(frozen=True)
class LocalFiles:
    """Delivered files on this machine."""

    limits: Limits = field(default_factory=Limits)

    def unpack(
        self,
        path: Path,
        name: str,
        workdir: Path,
        beside: Callable[[SourceFile, ByteStream], object] | None = None,
    ) -> SourceFile:
        """The file with its container told by its first bytes. A zip is unpacked into `workdir`, and so is
        parquet in a gzip; a text in a gzip stays one: to unpack it again costs less than to write it.

        `beside` reads a text at the same time, in a thread of its own. What it is given has passed the checks
        here; what comes after may not. Raises Rejected for an empty file, for a gzip or zip that is damaged,
        cut short or has more in it than one file, and for what would not fit this machine: too much of it, or
        a line without an end.
        """
        magic = _magic(path)
        if not magic:
            raise reject("the file is empty", file=name, expected="a bill with a header and rows")
        container = Container.CSV
        packed = False
        if magic.startswith(GZIP_MAGIC):
            container = Container.GZIP
            magic = b"".join(gunzipped(path, name, self.limits, first=_MAGIC))
            packed = magic != PARQUET_MAGIC
            if not packed:
                path = gunzip(path, name, workdir / "unpacked", self.limits)
        elif magic in ZIP_MAGIC:
            path, container = unzip(path, name, workdir / "unpacked", self.limits), Container.ZIP
            magic = _magic(path)
        if magic == PARQUET_MAGIC and container is not Container.ZIP:
            container = Container.PARQUET
            self._demand_parquet(path, name)
        if magic.startswith(_UTF_16):
            raise reject("the text is UTF-16", file=name, expected=_READABLE)
        file = SourceFile(name, path, container, "", packed=packed)
        with Beside(lambda text: beside(file, text) if beside else None) as reader:
            return self._surveyed(file, reader)

    def headers(self, file: SourceFile) -> list[str]:
        """The column names in the order of the file. Raises Rejected where there is no readable header."""
        found = _parquet_headers(file) if file.container is Container.PARQUET else _csv_headers(file)
        if len(found) > self.limits.columns:
            raise reject(
                f"the header has {len(found)} columns",
                file=file.name,
                expected=f"{self.limits.columns} columns at most",
            )
        return found

    def _demand_parquet(self, path: Path, name: str) -> None:
        """What the file would be in memory, by its own account: rows of a column may take no bytes at all."""
        try:
            with pq.ParquetFile(path) as file:
                meta = file.metadata
                sizes = [meta.row_group(at).total_byte_size for at in range(meta.num_row_groups)]
                cells = meta.num_rows * max(1, meta.num_columns)
        except PARQUET_FAULTS as error:
            raise _unreadable_parquet(name, error) from error
        unpacked = Unpacked(name, path.stat().st_size, self.limits)
        unpacked.add(max(sum(size for size in sizes if size > 0), cells))
        _demand_whole_pages(path, name)

    def _surveyed(self, file: SourceFile, reader: Beside) -> SourceFile:
        """With what one reading of the bytes tells: their hash, and that no line of a text is too long."""
        digest = hashlib.sha256()
        is_text = file.container is not Container.PARQUET
        line = 0
        has_nul = False
        for chunk in gunzipped(file.path, file.name, self.limits) if file.packed else _chunks(file.path):
            digest.update(chunk)
            if not is_text:
                continue
            first = chunk.find(b"\n")
            line = line + len(chunk) if first < 0 else max(line + first, len(chunk) - chunk.rfind(b"\n"))
            if line > self.limits.line_bytes:
                raise reject(
                    "a line has no end",
                    file=file.name,
                    expected=f"lines of {self.limits.line_bytes} bytes at most",
                )
            has_nul = has_nul or b"\0" in chunk
            reader.put(chunk)
            if first >= 0:
                line = len(chunk) - chunk.rfind(b"\n") - 1
                reader.start()  # not before a line has ended: the header is one
        return replace(file, sha256=digest.hexdigest(), has_nul=has_nul if is_text else None)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from iter(lambda: stream.read(_CHUNK), b"")


def _magic(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_MAGIC)


def _csv_headers(file: SourceFile) -> list[str]:
    try:
        with opened(file) as source, TextIOWrapper(source, "utf-8-sig", newline="") as stream:
            return next(csv.reader(stream), [])
    except UnicodeDecodeError as error:
        raise reject("the text is not UTF-8", file=file.name, expected=_READABLE) from error
    except csv.Error as error:
        raise reject("the file is no text table", file=file.name, expected=_READABLE) from error


def _parquet_headers(file: SourceFile) -> list[str]:
    try:
        return list(pq.read_schema(file.path).names)
    except PARQUET_FAULTS as error:
        raise _unreadable_parquet(file.name, error) from error


def _demand_whole_pages(path: Path, name: str) -> None:
    """All pages of all columns, decoded once by Arrow, which refuses the damaged ones.

    Polars 2.1 believes a page that says it has -12 values, and the process ends: no `except` sees it.
    """
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            for _ in file.iter_batches(batch_size=_BATCH, use_threads=False):
                pass
    except PARQUET_FAULTS as error:
        raise _unreadable_parquet(name, error) from error


def _unreadable_parquet(name: str, error: Exception) -> Exception:
    return reject(f"the parquet file cannot be read: {error}", file=name, expected="a whole parquet file")
