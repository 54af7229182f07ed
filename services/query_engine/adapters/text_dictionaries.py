"""Texts of few values, read by Polars as categories: the file's own dictionary instead of a text a row.

Polars decodes a dictionary-encoded column as categories only where the schema that the writer left in the
footer says so. A local copy is ours, so its footer is made to say so: not a byte of data changes, and whoever
does not look at that schema (DuckDB, say) sees the same file.
"""

import base64
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_SCHEMA = b"ARROW:schema"
_END = 8
_MAGIC = b"PAR1"
_TEXTS = (pa.large_string(), pa.string(), pa.string_view())
_INDEX = pa.uint32()
_CATEGORIES = b"_PL_CATEGORICAL2"
"""The metadata of a field by which Polars knows its categories: their name and namespace."""
_BYTES_A_ROW = 4
"""Of a column with its dictionary, before compression: where it takes more, hardly a value comes twice."""


def read_as_dictionaries(path: Path, namespace: str) -> None:
    """Let Polars read the texts of `path` that have few values as categories, named by column and `namespace`.

    A file whose footer is not as Polars writes it stays as it is. Raises OSError, pyarrow.ArrowException.
    """
    metadata = pq.read_metadata(path)
    old = (metadata.metadata or {}).get(_SCHEMA)
    columns = _few_values(metadata)
    if old is None or not columns:
        return
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(old)))
    fields = [
        _as_dictionary(each, namespace) if each.name in columns and each.type in _TEXTS else each
        for each in schema
    ]
    new = base64.b64encode(pa.schema(fields, schema.metadata).serialize())
    with path.open("r+b") as file:
        file.seek(-_END, 2)
        length = int.from_bytes(file.read(4), "little")
        start = file.seek(-_END - length, 2)
        footer = file.read(length)
        # Thrift's compact protocol: a text is its length and its bytes, and nothing around counts them.
        told = _told(old)
        if footer.count(told) != 1:
            return
        footer = footer.replace(told, _told(new))
        file.seek(start)
        file.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)
        file.truncate()


def _few_values(metadata: pq.FileMetaData) -> set[str]:
    """Columns whose every row group is written as a dictionary that is worth its name."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    return {
        metadata.schema.column(at).path
        for at in range(metadata.num_columns)
        if groups and all(_is_small(group.column(at)) for group in groups)
    }


def _is_small(chunk: pq.ColumnChunkMetaData) -> bool:
    limit = _BYTES_A_ROW * chunk.num_values + 1024
    return "RLE_DICTIONARY" in chunk.encodings and chunk.total_uncompressed_size <= limit


def _as_dictionary(field: pa.Field, namespace: str) -> pa.Field:
    name, space = field.name.lower().encode(), namespace.encode()
    told = b"%d;%s%d;%su32;" % (len(name), name, len(space), space)
    return pa.field(
        field.name,
        pa.dictionary(_INDEX, pa.large_string()),
        field.nullable,
        {**(field.metadata or {}), _CATEGORIES: told},
    )


def _told(text: bytes) -> bytes:
    """A text in Thrift's compact protocol."""
    length, size = len(text), bytearray()
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*size, length]) + text
