"""Functions that are known by their Trino name alone: how many arguments each takes, and what it returns.

How one is written for an engine stands in that engine's table of names; one without a rule there is declined.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from services.query_engine.domain.types import array_of, element_of, key_of, map_of, row_of, value_of

Kind = exp.DataType | None
Returns = str | Callable[[Sequence[Kind]], Kind | str]


@dataclass(frozen=True)
class Named:
    """`least` to `most` arguments (any number where `most` is None). `returns` is Trino's type, or works it
    out from the arguments' types; None where it cannot be known."""

    least: int
    most: int | None
    returns: Returns
    aggregate: bool = False
    window: bool = False


def _at(kinds: Sequence[Kind], index: int) -> Kind:
    return kinds[index] if index < len(kinds) else None


def _first(kinds: Sequence[Kind]) -> Kind:
    return _at(kinds, 0)


def _element(kinds: Sequence[Kind]) -> Kind:
    return element_of(_at(kinds, 0))


def _list_of_first(kinds: Sequence[Kind]) -> Kind:
    return array_of(_at(kinds, 0))


def _extreme(kinds: Sequence[Kind]) -> Kind:
    return array_of(_at(kinds, 0)) if len(kinds) > 2 else _at(kinds, 0)


def _quantile(kinds: Sequence[Kind]) -> Kind:
    several = len(kinds) > 1 and any(kind is not None and kind.this is exp.DType.ARRAY for kind in kinds[1:])
    return array_of(_at(kinds, 0)) if several else _at(kinds, 0)


def _lists(kinds: Sequence[Kind]) -> Kind:
    """Of the lists, the first whose elements are known: ARRAY[] has none."""
    known = (kind for kind in kinds if (inner := element_of(kind)) and inner.this is not exp.DType.NULL)
    return next(known, _at(kinds, 0))


def _same(
    name: str, least: int, most: int | None = -1, **more: bool
) -> Callable[[Iterable[str]], dict[str, Named]]:
    return lambda names: {each: Named(least, least if most == -1 else most, name, **more) for each in names}


NAMED: dict[str, Named] = {
    # Any type
    "try": Named(1, 1, _first),
    "typeof": Named(1, 1, "varchar"),
    # Aggregates
    **dict.fromkeys(("max_by", "min_by"), Named(2, 3, _extreme, aggregate=True)),
    **dict.fromkeys(("array_agg", "set_agg"), Named(1, 1, _list_of_first, aggregate=True)),
    "approx_percentile": Named(2, 4, _quantile, aggregate=True),
    "map_agg": Named(2, 2, lambda kinds: map_of(_at(kinds, 0), _at(kinds, 1)), aggregate=True),
    "multimap_agg": Named(2, 2, lambda kinds: map_of(_at(kinds, 0), array_of(_at(kinds, 1))), aggregate=True),
    "histogram": Named(
        1, 1, lambda kinds: map_of(_at(kinds, 0), exp.DataType.build("bigint")), aggregate=True
    ),
    **_same("boolean", 1, aggregate=True)(("bool_and", "bool_or", "every")),
    **_same("double", 1, aggregate=True)(("stddev_pop", "var_pop", "geometric_mean")),
    **_same("double", 2, aggregate=True)(("corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept")),
    **_same("bigint", 1, aggregate=True)(("bitwise_and_agg", "bitwise_or_agg", "bitwise_xor_agg")),
    "listagg": Named(1, 2, "varchar", aggregate=True),
    "grouping": Named(1, None, "bigint"),
    # Windows
    "ntile": Named(1, 1, "bigint", window=True),
    **dict.fromkeys(("percent_rank", "cume_dist"), Named(0, 0, "double", window=True)),
    "nth_value": Named(2, 2, _first, window=True),
    # Arrays
    "cardinality": Named(1, 1, "bigint"),
    "contains": Named(2, 2, "boolean"),
    "array_join": Named(2, 3, "varchar"),
    "array_distinct": Named(1, 1, _first),
    "array_sort": Named(1, 2, _first),
    **dict.fromkeys(("array_max", "array_min"), Named(1, 1, _element)),
    "array_position": Named(2, 2, "bigint"),
    "array_remove": Named(2, 2, _first),
    **dict.fromkeys(("array_intersect", "array_union", "array_except"), Named(2, 2, _lists)),
    "arrays_overlap": Named(2, 2, "boolean"),
    "slice": Named(3, 3, _first),
    "trim_array": Named(2, 2, _first),
    "flatten": Named(1, 1, _element),
    "sequence": Named(2, 3, _list_of_first),
    "repeat": Named(2, 2, _list_of_first),
    "zip": Named(2, None, lambda kinds: array_of(row_of([element_of(kind) for kind in kinds]))),
    "row": Named(1, None, row_of),
    # Lambdas: what they return is worked out with their parameters, in `typing.py`
    "transform": Named(2, 2, lambda kinds: array_of(_at(kinds, 1))),
    "filter": Named(2, 2, _first),
    "reduce": Named(4, 4, lambda kinds: _at(kinds, 3)),
    **dict.fromkeys(("any_match", "all_match", "none_match"), Named(2, 2, "boolean")),
    "zip_with": Named(3, 3, lambda kinds: array_of(_at(kinds, 2))),
    "map_filter": Named(2, 2, _first),
    "transform_values": Named(2, 2, lambda kinds: map_of(key_of(_at(kinds, 0)), _at(kinds, 1))),
    "transform_keys": Named(2, 2, lambda kinds: map_of(_at(kinds, 1), value_of(_at(kinds, 0)))),
    # Maps
    "map": Named(0, 2, lambda kinds: map_of(element_of(_at(kinds, 0)), element_of(_at(kinds, 1)))),
    "map_keys": Named(1, 1, lambda kinds: array_of(key_of(_at(kinds, 0)))),
    "map_values": Named(1, 1, lambda kinds: array_of(value_of(_at(kinds, 0)))),
    "map_concat": Named(2, None, _first),
    "map_from_entries": Named(1, 1, lambda kinds: _map_of_rows(element_of(_at(kinds, 0)))),
    "map_entries": Named(
        1, 1, lambda kinds: array_of(row_of([key_of(_at(kinds, 0)), value_of(_at(kinds, 0))]))
    ),
    "split_to_map": Named(3, 3, "map(varchar, varchar)"),
    # Texts
    **_same("array(varchar)", 2, 3)(("split",)),
    **_same("varchar", 3)(("lpad", "rpad", "translate")),
    "chr": Named(1, 1, "varchar"),
    "codepoint": Named(1, 1, "bigint"),
    "concat_ws": Named(2, None, "varchar"),
    "format": Named(1, None, "varchar"),
    **_same("bigint", 2)(("levenshtein_distance", "hamming_distance")),
    "ends_with": Named(2, 2, "boolean"),
    **_same("varchar", 1)(("to_hex", "to_base64")),
    **_same("varbinary", 1)(("from_hex", "from_base64", "to_utf8", "md5", "sha1", "sha256")),
    "from_utf8": Named(1, 1, "varchar"),
    **_same("varchar", 1)(
        ("url_extract_protocol", "url_extract_host", "url_extract_path", "url_extract_query")
    ),
    **_same("varchar", 1)(("url_extract_fragment", "url_encode", "url_decode")),
    "url_extract_port": Named(1, 1, "bigint"),
    "url_extract_parameter": Named(2, 2, "varchar"),
    # Patterns
    **_same("varchar", 2, 3)(("regexp_extract", "regexp_replace")),
    "regexp_extract_all": Named(2, 3, "array(varchar)"),
    "regexp_split": Named(2, 2, "array(varchar)"),
    "regexp_count": Named(2, 2, "bigint"),
    # JSON
    "json_extract": Named(2, 2, "json"),
    "json_extract_scalar": Named(2, 2, "varchar"),
    **_same("varchar", 2)(("json_value", "json_query")),
    "json_exists": Named(2, 2, "boolean"),
    "json_parse": Named(1, 1, "json"),
    "json_format": Named(1, 1, "varchar"),
    "json_array_length": Named(1, 1, "bigint"),
    "json_array_contains": Named(2, 2, "boolean"),
    "json_array_get": Named(2, 2, "json"),
    "json_size": Named(2, 2, "bigint"),
    "is_json_scalar": Named(1, 1, "boolean"),
    # Numbers
    **_same("double", 1)(
        ("cbrt", "log2", "log10", "degrees", "radians", "sin", "cos", "tan", "asin", "acos")
    ),
    **_same("double", 1)(("atan", "sinh", "cosh", "tanh")),
    **_same("double", 2)(("log", "atan2")),
    **_same("double", 0)(("e", "pi", "infinity", "nan")),
    **_same("boolean", 1)(("is_nan", "is_finite", "is_infinite")),
    "width_bucket": Named(4, 4, "bigint"),
    **_same("bigint", 2)(("bitwise_and", "bitwise_or", "bitwise_xor")),
    **_same("bigint", 2)(("bitwise_left_shift", "bitwise_right_shift_arithmetic")),
    "bitwise_not": Named(1, 1, "bigint"),
    "from_base": Named(2, 2, "bigint"),
    "to_base": Named(2, 2, "varchar"),
    # Time
    "format_datetime": Named(2, 2, "varchar"),
    "to_char": Named(2, 2, "varchar"),
    "parse_datetime": Named(2, 2, "timestamp"),
    "from_unixtime": Named(1, 2, "timestamp"),
    "to_unixtime": Named(1, 1, "double"),
    "to_iso8601": Named(1, 1, "varchar"),
    **_same("timestamp", 2)(("at_timezone", "with_timezone")),
    "current_timezone": Named(0, 0, "varchar"),
    **_same("bigint", 1)(("year_of_week", "yow", "millisecond")),
}
"""By lower case name."""


def _map_of_rows(row: Kind) -> Kind:
    fields = row.expressions if row is not None else []
    kinds = [field.args.get("kind") if isinstance(field, exp.ColumnDef) else field for field in fields]
    return map_of(*kinds) if len(kinds) == 2 else None


def named(node: exp.Expr) -> Named | None:
    """The function that `node` calls, if it is one of these."""
    if not isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        return None
    return NAMED.get(str(node.this).lower())
