"""Texts of few values, read by Polars as categories: the file's own dictionary instead of a text a row.

Polars decodes a dictionary-encoded column as categories only where the schema that the writer left in the
footer says so, and then it is slow to make texts of it again. A local copy is ours: its footer gets a second
column for each such text, over the same pages, that is said to be one of categories. Not a byte of data is
added or changed, and whoever reads columns by name sees the same file.
"""

import base64
import copy
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from services.query_engine.adapters.thrift import Items, Struct, integer, number, read_struct, written

TWIN = "onyx__text_"
"""What the name of a twin begins with; the text's own follows."""
_SCHEMA = b"ARROW:schema"
_END = 8
_MAGIC = b"PAR1"
_TEXTS = (pa.large_string(), pa.string(), pa.string_view())
_CATEGORIES = b"_PL_CATEGORICAL2"
"""The metadata of a field by which Polars knows its categories: their name and namespace."""
_BYTES_A_ROW, _BYTES = 4, 2**20
"""Of a column with its dictionary, before compression: where it takes more, hardly a value comes twice."""

# Fields of parquet's FileMetaData, SchemaElement, RowGroup, ColumnChunk and ColumnMetaData, KeyValue.
_ELEMENTS, _GROUPS, _NOTES, _ORDERS = 2, 4, 5, 7
_NAME, _CHILDREN = 4, 5
_COLUMNS, _META, _PATH = 1, 3, 3
_KEY, _VALUE = 1, 2


def add_twins(path: Path, namespace: str) -> bool:
    """Give the texts of `path` that have few values twins, of categories named by column and `namespace`.

    Returns whether it was done: a file whose footer is not as Polars writes it stays as it is.
    Raises OSError.
    """
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        # No footer that Arrow reads: whoever reads the file will say so.
        return False
    try:
        old = (metadata.metadata or {})[_SCHEMA]
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(old)))
        with path.open("r+b") as file:
            file.seek(-_END, 2)
            start = file.seek(-_END - int.from_bytes(file.read(4), "little"), 2)
            footer = read_struct(file.read()[:-_END])
            texts = [each for each in _few_values(metadata) if _is_text(schema, each[1])]
            if not texts:
                return False
            made = written(_with_twins(footer, schema, texts, namespace))
            file.seek(start)
            file.write(made + len(made).to_bytes(4, "little") + _MAGIC)
            file.truncate()
    except (KeyError, ValueError, pa.ArrowException):
        return False
    return True


def _few_values(metadata: pq.FileMetaData) -> list[tuple[int, str]]:
    """Columns, by place and name, that are written as dictionaries which are worth their name."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    return [
        (at, metadata.schema.column(at).path)
        for at in range(metadata.num_columns)
        if _are_small([group.column(at) for group in groups])
    ]


def _are_small(chunks: list[pq.ColumnChunkMetaData]) -> bool:
    limit = _BYTES_A_ROW * sum(each.num_values for each in chunks) + _BYTES
    dictionaries = chunks and all("RLE_DICTIONARY" in each.encodings for each in chunks)
    return bool(dictionaries) and sum(each.total_uncompressed_size for each in chunks) <= limit


def _is_text(schema: pa.Schema, name: str) -> bool:
    return schema.get_field_index(name) >= 0 and schema.field(name).type in _TEXTS


def _with_twins(footer: Struct, schema: pa.Schema, texts: list[tuple[int, str]], namespace: str) -> Struct:
    names = {name.encode() for _, name in texts}
    elements: Items = footer.get(_ELEMENTS)
    root, *rest = elements.values
    twins = [
        each.having(_NAME, _twin(each.get(_NAME)))
        for name in (name.encode() for _, name in texts)
        for each in rest
        if each.get(_NAME) == name and each.get(_CHILDREN) is None
    ]
    if len(twins) != len(names) or len(texts) != len(names):
        raise ValueError("a name that comes twice")
    root = root.having(_CHILDREN, integer(number(root.get(_CHILDREN)) + len(twins)))
    made = footer.having(_ELEMENTS, Items(elements.kind, [root, *rest, *twins]))
    places = [at for at, _ in texts]
    made = made.having(_GROUPS, Items(12, [_group(each, places) for each in footer.get(_GROUPS).values]))
    if (orders := footer.get(_ORDERS)) is not None:
        more = [orders.values[at] for at in places]
        made = made.having(_ORDERS, Items(orders.kind, [*orders.values, *more]))
    fields = [_field(schema.field(name), namespace) for _, name in texts]
    told = base64.b64encode(pa.schema([*schema, *fields], schema.metadata).serialize())
    notes: Items = footer.get(_NOTES)
    kept = [each.having(_VALUE, told) if each.get(_KEY) == _SCHEMA else each for each in notes.values]
    return made.having(_NOTES, Items(notes.kind, kept))


def _group(group: Struct, places: list[int]) -> Struct:
    columns: Items = group.get(_COLUMNS)
    twins = []
    for at in places:
        chunk = copy.copy(columns.values[at])
        meta: Struct = chunk.get(_META)
        path: Items = meta.get(_PATH)
        own = Items(path.kind, [_twin(path.values[0])])
        twins.append(chunk.having(_META, meta.having(_PATH, own)))
    return group.having(_COLUMNS, Items(columns.kind, [*columns.values, *twins]))


def _twin(name: bytes) -> bytes:
    return TWIN.encode() + name


def _field(field: pa.Field, namespace: str) -> pa.Field:
    """As Polars writes one of named categories."""
    name, space = field.name.lower().encode(), namespace.encode()
    told = b"%d;%s%d;%su32;" % (len(name), name, len(space), space)
    kind = pa.dictionary(pa.uint32(), pa.large_string())
    return pa.field(TWIN + field.name, kind, field.nullable, {_CATEGORIES: told})
