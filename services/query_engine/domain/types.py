"""Trino's type names, the families in which rules are written, and Trino's name for sqlglot's types."""

import re
from collections.abc import Sequence
from enum import StrEnum

from sqlglot import exp

_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_SAME = {
    "string": "varchar",
    "text": "varchar",
    "long": "bigint",
    "int": "integer",
    "float": "real",
    "timestamptz": "timestamp",
    "timestamp with time zone": "timestamp",
    "timestamp(3)": "timestamp",
    "timestamp(6)": "timestamp",
    "timestamp(6) with time zone": "timestamp",
}
_MAP = "map(varchar, varchar)"
_KNOWN = {
    "varchar",
    "bigint",
    "integer",
    "smallint",
    "tinyint",
    "double",
    "real",
    "boolean",
    "date",
    "timestamp",
}


def canonical_type(name: str) -> str:
    """Trino's spelling of a column type. Raises ValueError for a type that no table of ours has."""
    text = " ".join(name.lower().split())
    if text.startswith("map"):
        inner = text.removeprefix("map").strip("<>() ").replace("string", "varchar").replace(" ", "")
        if inner == "varchar,varchar":
            return _MAP
    if found := _DECIMAL.fullmatch(text):
        return f"decimal({found[1]},{found[2]})"
    text = _SAME.get(text, text)
    if text not in _KNOWN:
        raise ValueError(f"no column can have the type {name!r}")
    return text


class Family(StrEnum):
    """Types that behave alike in the rules."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    STRING = "varchar"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    MAP = "map"
    ARRAY = "array"
    ROW = "row"
    JSON = "json"
    BINARY = "varbinary"
    TIME = "time"
    NULL = "null"
    UNKNOWN = "unknown"


NUMERIC = frozenset({Family.INTEGER, Family.DECIMAL, Family.DOUBLE})
TEMPORAL = frozenset({Family.DATE, Family.TIMESTAMP})

_T = exp.DType
_FAMILIES: dict[Family, set[exp.DType]] = {
    Family.INTEGER: {_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT},
    Family.DECIMAL: {_T.DECIMAL},
    Family.DOUBLE: {_T.DOUBLE, _T.FLOAT},
    Family.STRING: {_T.VARCHAR, _T.TEXT, _T.CHAR, _T.NVARCHAR},
    Family.BOOLEAN: {_T.BOOLEAN},
    Family.DATE: {_T.DATE},
    Family.TIMESTAMP: {_T.TIMESTAMP, _T.DATETIME, _T.TIMESTAMPTZ},
    Family.INTERVAL: {_T.INTERVAL},
    Family.MAP: {_T.MAP},
    Family.ARRAY: {_T.ARRAY},
    Family.ROW: {_T.STRUCT},
    Family.JSON: {_T.JSON},
    Family.BINARY: {_T.VARBINARY, _T.BINARY},
    Family.TIME: {_T.TIME, _T.TIMETZ},
    Family.NULL: {_T.NULL},
}
_BY_TYPE = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds}


def family(node: exp.Expr | None) -> Family:
    """The family of an annotated expression; UNKNOWN where no type could be worked out, or nothing stands."""
    while isinstance(node, exp.Paren):
        node = node.this
    if node is None:
        return Family.UNKNOWN
    if isinstance(node, exp.Null):
        return Family.NULL
    return Family.UNKNOWN if node.type is None else _BY_TYPE.get(node.type.this, Family.UNKNOWN)


def array_of(element: exp.DataType | None) -> exp.DataType | None:
    """The type of an array of such elements; None where theirs is not known."""
    return element and exp.DataType(this=_T.ARRAY, expressions=[element.copy()], nested=True)


def map_of(key: exp.DataType | None, value: exp.DataType | None) -> exp.DataType | None:
    """The type of a map; None where a part is not known."""
    if key is None or value is None:
        return None
    return exp.DataType(this=_T.MAP, expressions=[key.copy(), value.copy()], nested=True)


def row_of(fields: Sequence[exp.DataType | None], names: Sequence[str] = ()) -> exp.DataType | None:
    """The type of a row; fields are named v1, v2, ... where no name is given."""
    columns = []
    for at, kind in enumerate(fields):
        if kind is None:
            return None
        name = exp.to_identifier(names[at] if names else f"v{at + 1}", quoted=True)
        columns.append(exp.ColumnDef(this=name, kind=kind.copy()))
    return exp.DataType(this=_T.STRUCT, expressions=columns, nested=True)


def fields_of(kind: exp.DataType | None) -> list[exp.DataType | None]:
    """The types of a row's fields."""
    if kind is None or kind.this is not _T.STRUCT:
        return []
    return [each.args.get("kind") if isinstance(each, exp.ColumnDef) else each for each in kind.expressions]


def element_of(kind: exp.DataType | None) -> exp.DataType | None:
    """The type of an array's elements."""
    return kind.expressions[0] if kind is not None and kind.this is _T.ARRAY and kind.expressions else None


def key_of(kind: exp.DataType | None) -> exp.DataType | None:
    """The type of a map's keys."""
    return kind.expressions[0] if kind is not None and kind.this is _T.MAP and kind.expressions else None


def value_of(kind: exp.DataType | None) -> exp.DataType | None:
    """The type of a map's values."""
    whole = kind is not None and kind.this is _T.MAP and len(kind.expressions) == 2
    return kind.expressions[1] if kind is not None and whole else None
