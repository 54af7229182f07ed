"""Thrift's compact protocol, as far as parquet's footers use it: bytes to a tree and back, nothing lost.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from dataclasses import dataclass
from typing import Any

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_LONG_LIST = 15


@dataclass
class Items:
    """A list, and the type of what it holds."""

    kind: int
    values: list[Any]


@dataclass
class Struct:
    """Fields as they stood: number, type and value."""

    fields: list[tuple[int, int, Any]]

    def get(self, number: int) -> Any:
        """The value of a field, or None."""
        return next((value for each, _, value in self.fields if each == number), None)

    def having(self, number: int, value: Any) -> "Struct":
        """A copy with another value in a field that it has."""
        return Struct([(each, kind, value if each == number else old) for each, kind, old in self.fields])


def read_struct(data: bytes) -> Struct:
    """Raises ValueError for what is no struct, or has anything that parquet does not use."""
    reader = _Reader(data)
    try:
        found = reader.struct()
    except IndexError as error:
        raise ValueError("the struct ends too soon") from error
    if reader.at != len(data):
        raise ValueError("more follows the struct")
    return found


def written(struct: Struct) -> bytes:
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def struct(self) -> Struct:
        fields, number = [], 0
        while (head := self.byte()) != 0:
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else _from_zigzag(self.varint())
            fields.append((number, kind, None if kind in (_TRUE, _FALSE) else self.value(kind)))
        return Struct(fields)

    def value(self, kind: int) -> Any:
        if kind in _INTEGERS:
            return self.varint()  # zigzag stays as it is
        if kind == _BINARY:
            return self.bytes(self.varint())
        if kind == _STRUCT:
            return self.struct()
        if kind in (_LIST, _SET):
            head = self.byte()
            size = head >> 4
            size = self.varint() if size == _LONG_LIST else size
            inner = head & 15
            return Items(inner, [self.value(inner) for _ in range(size)])
        if kind in (_TRUE, _FALSE, _BYTE):
            return self.byte()
        if kind == _DOUBLE:
            return self.bytes(8)
        raise ValueError(f"a field of type {kind}")

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise ValueError("a text ends beyond the end")
        self.at += size
        return self.data[self.at - size : self.at]

    def varint(self) -> int:
        found = shift = 0
        while (part := self.byte()) & 0x80:
            found |= (part & 0x7F) << shift
            shift += 7
        return found | part << shift


def _write_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for number, kind, value in struct.fields:
        if 0 < number - last < 16:
            out.append((number - last) << 4 | kind)
        else:
            out.append(kind)
            _write_varint(out, _zigzag(number))
        last = number
        if kind not in (_TRUE, _FALSE):
            _write(out, kind, value)
    out.append(0)


def _write(out: bytearray, kind: int, value: Any) -> None:
    if kind in _INTEGERS:
        _write_varint(out, value)
    elif kind == _BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == _STRUCT:
        _write_struct(out, value)
    elif kind in (_LIST, _SET):
        size = len(value.values)
        out.append(min(size, _LONG_LIST) << 4 | value.kind)
        if size >= _LONG_LIST:
            _write_varint(out, size)
        for each in value.values:
            _write(out, value.kind, each)
    elif kind == _DOUBLE:
        out += value
    else:
        out.append(value)


def _write_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def integer(value: int) -> int:
    """`value` as a field holds it."""
    return _zigzag(value)


def _from_zigzag(value: int) -> int:
    return value >> 1 ^ -(value & 1)


def number(value: int) -> int:
    """What a field that holds `value` says."""
    return _from_zigzag(value)
