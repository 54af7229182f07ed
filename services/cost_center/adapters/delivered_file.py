"""A delivered file on this machine: what it is packed in, and what its header says."""

import csv
import gzip
import hashlib
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from services.cost_center.domain.findings import reject
from services.cost_center.domain.tables import Container, SourceFile

GZIP_MAGIC = b"\x1f\x8b"
PARQUET_MAGIC = b"PAR1"
_CHUNK = 1 << 20
_READABLE = "csv in UTF-8, gzip of it, or parquet"

# A cell may be any size: tags and descriptions exceed the module's default of 128 KiB.
csv.field_size_limit(1 << 30)


class LocalFiles:
    """Delivered files on this machine."""

    def unpack(self, path: Path, name: str, workdir: Path) -> SourceFile:
        return unpack(path, name, workdir)

    def headers(self, file: SourceFile) -> list[str]:
        return headers(file)


def unpack(path: Path, name: str, workdir: Path) -> SourceFile:
    """The file with its container told by its first bytes, a gzip unpacked into `workdir`.

    Raises Rejected for an empty file and for a gzip that is damaged or cut short.
    """
    container = Container.CSV
    with path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise reject("the file is empty", file=name, expected="a bill with a header and rows")
    if magic.startswith(GZIP_MAGIC):
        path, container = _gunzip(path, name, workdir / "unpacked"), Container.GZIP
        with path.open("rb") as stream:
            magic = stream.read(4)
    if magic == PARQUET_MAGIC:
        container = Container.PARQUET
    return SourceFile(name=name, path=path, container=container, sha256=_sha256(path))


def headers(file: SourceFile) -> list[str]:
    """The column names in the order of the file. Raises Rejected where there is no readable header."""
    if file.container is Container.PARQUET:
        try:
            return list(pq.read_schema(file.path).names)
        except (pa.ArrowException, OSError) as error:
            raise reject(f"the parquet file cannot be read: {error}", file=file.name) from error
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as stream:
            return next(csv.reader(stream), [])
    except UnicodeDecodeError as error:
        raise reject("the text is not UTF-8", file=file.name, expected=_READABLE) from error
    except csv.Error as error:
        raise reject("the file is no text table", file=file.name, expected=_READABLE) from error


def _gunzip(packed: Path, name: str, target: Path) -> Path:
    try:
        with gzip.open(packed, "rb") as source, target.open("wb") as out:
            while chunk := source.read(_CHUNK):
                out.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise reject(f"the gzip is damaged or cut short: {error}", file=name) from error
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
