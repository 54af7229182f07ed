"""The table of rewrites: kind of node -> how it is written for Athena, whose meaning is Trino's.

Functions stand in RULES, in SAME (Trino's own, as sqlglot writes them) or, by their names, in NAMES (Trino's
own, as they were written). One that stands in none is declined: it answers otherwise than the rule has it
(approximately, with a zone, in another order), or nobody has looked yet.
"""

from sqlglot import exp

from services.query_engine.domain.dialects.athena import aggregates, arithmetic, dates, queries, values
from services.query_engine.domain.dialects.build import Context, name_of
from services.query_engine.domain.dialects.common.rewriting import Rewrite, rewritten
from services.query_engine.domain.errors import UNSUPPORTED_FUNCTION, refuse
from services.query_engine.domain.functions import FUNCTIONS
from services.query_engine.domain.syntax import position_of

RULES: dict[type[exp.Expr], Rewrite] = {
    **arithmetic.RULES,
    **aggregates.RULES,
    **values.RULES,
    **dates.RULES,
    **queries.RULES,
}
SAME = frozenset(
    {
        *(exp.Trim, exp.Reverse, exp.Substring, exp.SplitPart, exp.StrPosition, exp.RegexpLike),
        *(exp.Array, exp.Exists),
    }
)
NAMES = frozenset(
    {
        *("try", "max_by", "min_by", "array_agg", "map_agg", "bool_and", "bool_or", "every", "grouping"),
        *("ntile", "percent_rank", "cume_dist", "nth_value"),
        *("cardinality", "contains", "array_join", "array_distinct", "array_sort", "array_max", "array_min"),
        *("array_position", "array_remove", "array_intersect", "array_union", "array_except"),
        *("arrays_overlap", "slice", "flatten", "sequence", "repeat"),
        *("transform", "filter", "reduce", "any_match", "all_match", "none_match", "zip_with"),
        *("map_filter", "transform_values", "transform_keys", "map", "map_keys", "map_values", "map_concat"),
        *("map_from_entries", "map_entries", "split_to_map"),
        *("split", "lpad", "rpad", "translate", "chr", "codepoint", "concat_ws"),
        *("levenshtein_distance", "hamming_distance"),
        *("regexp_extract", "regexp_replace", "regexp_extract_all", "regexp_split", "regexp_count"),
        *("json_extract", "json_extract_scalar", "json_parse", "json_format", "json_array_length"),
        *("json_size", "is_json_scalar"),
        *("url_extract_protocol", "url_extract_host", "url_extract_path", "url_extract_query"),
        *("url_extract_fragment", "url_extract_parameter", "url_encode", "url_decode"),
        *("cbrt", "log2", "log10", "degrees", "radians", "sin", "cos", "tan", "asin", "acos", "atan"),
        *("atan2", "sinh", "cosh", "tanh", "log", "e", "pi", "infinity", "nan"),
        *("is_nan", "is_finite", "is_infinite", "width_bucket"),
        *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "from_base", "to_base"),
        *("year_of_week", "yow"),
    }
)


def rewrite(statement: exp.Query, context: Context) -> exp.Query:
    """`statement`, rewritten in place. Raises BadRequest where it cannot be answered rightly."""
    for node in statement.walk():
        if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            name = str(node.this).lower()
            known = name in NAMES
        else:
            name = name_of(node)
            known = type(node) not in FUNCTIONS or type(node) in SAME or type(node) in RULES
        if not known:
            raise refuse(
                UNSUPPORTED_FUNCTION,
                f"{name} is not written for Athena",
                at=position_of(context.text, node),
                token=name,
            )
    return rewritten(statement, context, RULES)
