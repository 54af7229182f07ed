"""A delivered file on this machine: what it is packed in, and what its header says."""

import csv
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from services.cost_center.adapters.arrow_totals import PARQUET_FAULTS
from services.cost_center.adapters.packed_file import Unpacked, gunzip, unzip
from services.cost_center.domain.findings import reject
from services.cost_center.domain.limits import Limits
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

    def unpack(self, path: Path, name: str, workdir: Path) -> SourceFile:
        """The file with its container told by its first bytes, unpacked into `workdir` where it is packed.

        Raises Rejected for an empty file, for a gzip or zip that is damaged, cut short or has more in it than
        one file, and for what would not fit this machine: too much of it, or a line without an end.
        """
        magic = _magic(path)
        if not magic:
            raise reject("the file is empty", file=name, expected="a bill with a header and rows")
        container = Container.CSV
        if magic.startswith(GZIP_MAGIC):
            path, container = gunzip(path, name, workdir / "unpacked", self.limits), Container.GZIP
            magic = _magic(path)
        elif magic in ZIP_MAGIC:
            path, container = unzip(path, name, workdir / "unpacked", self.limits), Container.ZIP
            magic = _magic(path)
        if magic == PARQUET_MAGIC and container is not Container.ZIP:
            container = Container.PARQUET
            self._demand_parquet(path, name)
        if magic.startswith(_UTF_16):
            raise reject("the text is UTF-16", file=name, expected=_READABLE)
        return SourceFile(name, path, container, self._sha256(path, name, container))

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

    def _sha256(self, path: Path, name: str, container: Container) -> str:
        """Over the bytes, which are read once: a text's lines are measured on the way."""
        digest = hashlib.sha256()
        line = 0
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                if container is Container.PARQUET:
                    continue
                first = chunk.find(b"\n")
                line = line + len(chunk) if first < 0 else max(line + first, len(chunk) - chunk.rfind(b"\n"))
                if line > self.limits.line_bytes:
                    raise reject(
                        "a line has no end",
                        file=name,
                        expected=f"lines of {self.limits.line_bytes} bytes at most",
                    )
                if first >= 0:
                    line = len(chunk) - chunk.rfind(b"\n") - 1
        return digest.hexdigest()


def _magic(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_MAGIC)


def _csv_headers(file: SourceFile) -> list[str]:
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as stream:
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
