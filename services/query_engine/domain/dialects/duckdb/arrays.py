"""Arrays: ARRAY[...], subscripts, and the functions of them."""

from collections.abc import Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, call, cast, typed
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb.names import (
    Rule,
    beside,
    declined,
    exact,
    fresh,
    need,
    of_first,
    plain,
    text,
    whole_number,
)
from services.query_engine.domain.types import NUMERIC, Family, element_of, family

_LISTS = (Family.ARRAY,)
# Elements whose text is the same in both.
_WRITABLE = {Family.STRING, Family.INTEGER, Family.BOOLEAN, Family.DATE, Family.NULL, Family.DECIMAL}


def of_lists(name: str) -> Rule:
    """A function that takes arrays alone."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        for each in given:
            need(each, node, context, *_LISTS)
        return call(name, *given, returns=node.type)

    return rule


def of_list(name: str) -> Rule:
    """A function whose first argument is an array."""
    return of_first(*_LISTS, then=plain(name))


def _cardinality(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.ARRAY, Family.MAP)
    name = "cardinality" if family(given[0]) is Family.MAP else "len"
    return cast(call(name, given[0], returns="BIGINT"), "BIGINT")


def _join(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *_LISTS)
    kind = element_of(given[0].type)
    inner = family(typed(exp.Null(), kind)) if kind is None else family(typed(exp.Var(this="x"), kind))
    if inner not in _WRITABLE and inner is not Family.NULL:
        raise declined(node, context, "array_join of this type is not supported here: cast its elements")
    texts = given[0] if inner is Family.STRING else cast(given[0], "VARCHAR[]")
    if len(given) == 3:
        return call("onyx_joined_all", texts, given[1], given[2], returns="VARCHAR")
    return call("onyx_joined", texts, given[1], returns="VARCHAR")


def _sort(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *_LISTS)
    if len(given) > 1:
        raise declined(node, context, "array_sort takes no function here: ARRAY_AGG(x ORDER BY ...) sorts")
    return call("list_sort", given[0], text("ASC"), text("NULLS LAST"), returns=node.type)


def _sequence(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    start, stop = given[:2]
    families = {family(start), family(stop)}
    if families <= {Family.INTEGER}:
        step = given[2] if len(given) > 2 else _step(start, stop)
        return call("onyx_sequence", start, stop, step, returns=node.type)
    if families == {Family.DATE} and len(given) == 2:
        return call("onyx_days", start, stop, returns=node.type)
    if families <= {Family.DATE, Family.TIMESTAMP} and len(given) == 3:
        made = call("onyx_moments", *given, returns=node.type)
        return cast(made, "DATE[]") if families == {Family.DATE} else made
    raise declined(node, context, "sequence takes two integers, or two dates with a step, here")


def _step(start: exp.Expr, stop: exp.Expr) -> exp.Expr:
    down = typed(exp.LT(this=stop.copy(), expression=start.copy()), exp.DType.BOOLEAN)
    case = exp.Case(ifs=[exp.If(this=down, true=whole_number(-1))], default=whole_number(1))
    return typed(case, exp.DType.BIGINT)


def _repeat(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[1], node, context, Family.INTEGER)
    value = exact(given[0])
    one = typed(exp.Lambda(this=value, expressions=[fresh(node)]), given[0].type)
    times = call("onyx_times", given[1], returns="BIGINT")
    return call("list_transform", call("range", times, returns=None), one, returns=node.type)


def _zip(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    for each in given:
        need(each, node, context, *_LISTS)
    return call("list_transform", places(given), _at_place(given, fresh(node)), returns=node.type)


def places(lists: Sequence[exp.Expr]) -> exp.Expr:
    """1, 2, ... up to the length of the longest."""
    lengths = [call("len", each.copy(), returns="BIGINT") for each in lists]
    longest = cast(call("greatest", *lengths, returns=None), "BIGINT")
    return call("generate_series", whole_number(1), longest, returns=None)


def _at_place(lists: Sequence[exp.Expr], place: exp.Identifier) -> exp.Expr:
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(f"v{at}"), expression=element(each, place.copy()))
        for at, each in enumerate(lists, 1)
    ]
    return exp.Lambda(this=call("struct_pack", *fields, returns=None), expressions=[place])


def element(whole: exp.Expr, at: exp.Expr) -> exp.Expr:
    """DuckDB's own subscript: null beyond the end."""
    return call("list_extract", whole.copy(), at, returns=element_of(whole.type))


def _row(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    fields = [
        exp.PropertyEQ(this=exp.to_identifier(f"v{at}"), expression=each) for at, each in enumerate(given, 1)
    ]
    return call("struct_pack", *fields, returns=node.type)


def _trimmed(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *_LISTS)
    left = typed(
        exp.Sub(this=call("len", given[0].copy(), returns="BIGINT"), expression=given[1]), exp.DType.BIGINT
    )
    return call("list_slice", given[0], whole_number(1), left, returns=node.type)


def _union(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    for each in given:
        need(each, node, context, *_LISTS)
    return call("onyx_distinct", call("onyx_concat", *given, returns=node.type), returns=node.type)


def _sought(name: str, *, number: bool = False) -> Rule:
    """A function of an array and a value that is looked for in it."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, *_LISTS)
        made = call(name, given[0], beside(*given), returns=node.type)
        return cast(made, "BIGINT") if number else made

    return rule


NAMES: dict[str, Rule] = {
    "cardinality": _cardinality,
    "contains": _sought("onyx_contains"),
    "array_join": _join,
    "array_distinct": of_list("onyx_distinct"),
    "array_sort": _sort,
    "array_max": of_list("onyx_greatest"),
    "array_min": of_list("onyx_least"),
    "array_position": _sought("onyx_position", number=True),
    "array_remove": _sought("onyx_remove"),
    "array_intersect": of_lists("onyx_intersect"),
    "array_union": _union,
    "array_except": of_lists("onyx_except"),
    "arrays_overlap": of_lists("onyx_overlap"),
    "slice": of_list("onyx_slice"),
    "trim_array": _trimmed,
    "flatten": of_list("flatten"),
    "sequence": _sequence,
    "repeat": _repeat,
    "zip": _zip,
    "row": _row,
}


def array(node: exp.Expr, context: Context) -> exp.Expr:
    """[a, b]; of decimals and integers, all as decimals of 18 places."""
    kind = element_of(node.type)
    families = {family(each) for each in node.expressions} - {Family.NULL}
    if kind is not None and kind.this is exp.DType.DECIMAL and families <= NUMERIC:
        node.set("expressions", [cast(each, "DECIMAL(38, 18)") for each in node.expressions])
    return node


def subscript(node: exp.Bracket, context: Context) -> exp.Expr:
    """a[1] fails beyond the end, element_at(a, 1) does not; a key that a map lacks is null."""
    whole = node.this
    if len(node.expressions) != 1:
        raise context.unsupported(node, "A subscript is one number or one key, as in a[1] or Tags['env']")
    found, at = family(whole), node.expressions[0]
    if found is Family.MAP:
        return call("map_extract_value", whole, at, returns=node.type)
    if found is Family.ROW:
        return call("struct_extract_at", whole, at, returns=node.type)
    if found is Family.JSON:
        raise context.unsupported(node, "Read JSON by json_extract_scalar(value, '$.key')")
    if found is not Family.ARRAY:
        raise context.mismatch(node, "Only an array has elements, and a map keys, as in Tags['env']")
    if family(at) not in (Family.INTEGER, Family.NULL):
        raise context.mismatch(node, "The elements of an array are counted: a[1]")
    return call(
        "onyx_element_at" if node.args.get("safe") else "onyx_subscript", whole, at, returns=node.type
    )


def joined(node: exp.Expr, context: Context) -> exp.Expr | None:
    """concat and || where a part is an array; None where none is."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    if all(family(each) is not Family.ARRAY for each in parts):
        return None
    lists = [
        each
        if family(each) in (Family.ARRAY, Family.NULL)
        else array(typed(exp.Array(expressions=[each]), node.type), context)
        for each in parts
    ]
    made = lists[0]
    for each in lists[1:]:
        made = call("onyx_concat", made, each, returns=node.type)
    return made


def reverse(node: exp.Reverse, context: Context) -> exp.Expr:
    if family(node.this) is Family.ARRAY:
        return call("list_reverse", node.this, returns=node.type)
    return node


RULES: dict[type[exp.Expr], Rewrite] = {exp.Array: array, exp.Bracket: subscript, exp.Reverse: reverse}
