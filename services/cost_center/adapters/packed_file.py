"""Unpacking what was delivered packed, within bounds: what it says of its own size is not believed."""

import gzip
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from services.cost_center.domain.findings import reject
from services.cost_center.domain.limits import Limits
from services.cost_center.domain.tables import SourceFile

_CHUNK = 1 << 20
_SMALL = 64 << 20
"""Bytes that any file may unpack to, whatever the ratio."""
_END = struct.Struct("<4sHHHHIIH")
_END_MAGIC = b"PK\x05\x06"
_LONGEST_COMMENT = 1 << 16
_LARGEST_DIRECTORY = 1 << 17
"""Bytes that the directory of a zip of one file may take: its name and an extra field, 64 KiB each."""
_IN_ZIP64 = 0xFFFFFFFF
_ENCRYPTED = 0x1
_ONE_CSV = "a zip of one csv file"


class Unpacked:
    """The bytes that came out of a packed file so far."""

    def __init__(self, name: str, packed: int, limits: Limits) -> None:
        self._name = name
        self._packed = max(packed, 1)
        self._limits = limits
        self._bytes = 0

    def add(self, count: int) -> None:
        """Raises Rejected where it becomes too much."""
        self._bytes += count
        if self._bytes > self._limits.unpacked_bytes:
            raise self._too_much(f"{self._limits.unpacked_bytes} bytes at most")
        if self._bytes > max(_SMALL, self._packed * self._limits.ratio):
            raise self._too_much(
                f"at most {self._limits.ratio} times the {self._packed} bytes it is packed in"
            )

    def _too_much(self, expected: str) -> Exception:
        return reject("the file unpacks to far more than a bill is", file=self._name, expected=expected)


def opened(file: SourceFile) -> BinaryIO:
    """The bytes of a text, unpacked on the way where it is packed: `LocalFiles` has found them whole."""
    return cast(BinaryIO, gzip.open(file.path, "rb")) if file.packed else file.path.open("rb")


def gunzip(packed: Path, name: str, target: Path, limits: Limits) -> Path:
    """The file in a gzip. Raises Rejected where it is damaged, cut short, or too large."""
    with target.open("wb") as out:
        out.writelines(gunzipped(packed, name, limits))
    return target


def gunzipped(packed: Path, name: str, limits: Limits, first: int | None = None) -> Iterator[bytes]:
    """What is in a gzip, chunk by chunk, or its `first` bytes. Raises Rejected as `gunzip` does."""
    unpacked = Unpacked(name, packed.stat().st_size, limits)
    try:
        with gzip.open(packed, "rb") as source:
            if first is not None:
                yield source.read(first)
                return
            while chunk := source.read(_CHUNK):
                unpacked.add(len(chunk))
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise reject(
            f"the gzip is damaged or cut short: {error}", file=name, expected="a whole gzip"
        ) from error


def unzip(packed: Path, name: str, target: Path, limits: Limits) -> Path:
    """The only file in a zip. Raises Rejected where there are several, or it lies in a folder, is encrypted,
    damaged, packed by a method of no bill, or too large."""
    _demand_small_directory(packed, name)
    try:
        with zipfile.ZipFile(packed) as archive:
            member = _only(archive.infolist(), name)
            with archive.open(member) as source:
                return _copy(source.read, target, Unpacked(name, packed.stat().st_size, limits))
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, ValueError, OSError) as error:
        raise reject(f"the zip is damaged or cut short: {error}", file=name, expected=_ONE_CSV) from error


def _demand_small_directory(packed: Path, name: str) -> None:
    """Before the directory is read, which holds as many files as somebody liked."""
    with packed.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _END.size - _LONGEST_COMMENT))
        tail = stream.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or at + _END.size > len(tail):
        raise reject("the zip is damaged or cut short", file=name, expected=_ONE_CSV)
    _, _, _, _, files, directory, _, _ = _END.unpack_from(tail, at)
    if directory > _LARGEST_DIRECTORY and directory != _IN_ZIP64:
        raise reject(f"the zip has {files} files", file=name, expected=_ONE_CSV)
    if directory == _IN_ZIP64:
        _demand_small_zip64(tail[:at], name)


def _demand_small_zip64(tail: bytes, name: str) -> None:
    at = tail.rfind(b"PK\x06\x06")
    if at < 0 or at + 48 > len(tail):
        raise reject("the zip is damaged or cut short", file=name, expected=_ONE_CSV)
    files, directory = struct.unpack_from("<QQ", tail, at + 32)
    if directory > _LARGEST_DIRECTORY:
        raise reject(f"the zip has {files} files", file=name, expected=_ONE_CSV)


def _only(members: list[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    if len(members) != 1:
        raise reject(f"the zip has {len(members)} files", file=name, expected=_ONE_CSV)
    [member] = members
    if "/" in member.filename or "\\" in member.filename or member.filename in {".", ".."}:
        raise reject(f"the zip has a path in it: {member.filename[:100]!r}", file=name, expected=_ONE_CSV)
    if member.flag_bits & _ENCRYPTED:
        raise reject("the zip is encrypted", file=name, expected=_ONE_CSV)
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise reject(
            f"the zip is packed by method {member.compress_type}", file=name, expected="stored or deflated"
        )
    return member


def _copy(read: Callable[[int], bytes], target: Path, unpacked: Unpacked) -> Path:
    with target.open("wb") as out:
        while chunk := read(_CHUNK):
            unpacked.add(len(chunk))
            out.write(chunk)
    return target
