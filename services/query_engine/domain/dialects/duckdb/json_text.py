"""JSON: paths are read here, so that both read the same of them."""

import re
from collections.abc import Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import MONEY, Context, call, cast, text_literal, typed
from services.query_engine.domain.dialects.duckdb.names import Rule, declined, need, of_first, plain, text
from services.query_engine.domain.types import Family, element_of, family, key_of, value_of

_JSON = (Family.STRING, Family.JSON)
_STEP = re.compile(
    r"""\.([A-Za-z_$][\w$:-]*)|\[(\d+)\]|\["((?:[^"\\])*)"\]|\['((?:[^'\\])*)'\]|\."([^"\\]*)\""""
)


def path_of(written: str) -> str | None:
    """A JSONPath of keys and places in DuckDB's spelling; None for any other (wildcards, filters, ..)."""
    if not written.startswith("$"):
        return None
    made, at = "$", 1
    while at < len(written):
        step = _STEP.match(written, at)
        if step is None:
            return None
        place = step[2]
        key = next((each for each in (step[1], *step.groups()[2:]) if each is not None), None)
        made += f"[{place}]" if place is not None else f'."{key}"'
        at = step.end()
    return made


def _by_path(name: str, *, number: bool = False) -> Rule:
    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, *_JSON)
        written = text_literal(given[1])
        path = path_of(written) if written is not None else None
        if path is None:
            raise declined(
                node, context, f"{node.this} takes a path of keys and places in quotes here: '$.a.b[0]'"
            )
        made = call(name, given[0], text(path), returns=node.type)
        return cast(made, "BIGINT") if number else made

    return rule


def _by_standard_path(name: str) -> Rule:
    """SQL's own JSON functions: 'lax $.a' is Trino's $.a, as long as it goes through no array."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        written = (text_literal(given[1]) or "").strip()
        lax = exp.Literal.string(written.removeprefix("lax ").strip())
        made = _by_path(name)([given[0], lax], node, context)
        return cast(made, "VARCHAR") if name == "onyx_json_extract" else made

    return rule


def _contains(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *_JSON)
    need(given[1], node, context, Family.STRING, Family.INTEGER, Family.BOOLEAN)
    return call("onyx_json_contains", *given, returns="BOOLEAN")


def _format(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.JSON)
    return cast(call("json", cast(given[0], "VARCHAR"), returns="JSON"), "VARCHAR")


def _scalar(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *_JSON)
    kind = call("json_type", call("onyx_json", given[0], returns="JSON"), returns="VARCHAR")
    kinds = [text("OBJECT"), text("ARRAY")]
    return typed(exp.Not(this=exp.In(this=kind, expressions=kinds)), exp.DType.BOOLEAN)


def _length(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, *_JSON)
    return cast(call("onyx_json_length", given[0], returns=node.type), "BIGINT")


NAMES: dict[str, Rule] = {
    "json_extract": _by_path("onyx_json_extract"),
    "json_extract_scalar": _by_path("onyx_json_scalar"),
    "json_value": _by_standard_path("onyx_json_scalar"),
    "json_query": _by_standard_path("onyx_json_extract"),
    "json_exists": _by_standard_path("onyx_json_exists"),
    "json_size": _by_path("onyx_json_size", number=True),
    "json_parse": of_first(Family.STRING, then=plain("onyx_json_parse")),
    "json_format": _format,
    "json_array_length": _length,
    "json_array_contains": _contains,
    "json_array_get": of_first(*_JSON, then=plain("onyx_json_get")),
    "is_json_scalar": _scalar,
}

_PLAIN = {exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.BIGINT, exp.DType.INT, exp.DType.DOUBLE}
_PLAIN |= {exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.JSON}


def nested(node: exp.Cast | exp.TryCast, context: Context) -> exp.Expr | None:
    """CAST from or to JSON, arrays, maps and rows; None for any other, which is not of this topic."""
    source, to = family(node.this), node.to
    attempt = isinstance(node, exp.TryCast)
    target = family(typed(exp.Var(this="x"), to))
    if source is Family.JSON:
        return _from_json(node, target, attempt, context)
    if target is Family.JSON:
        return call("to_json", node.this, returns="JSON")
    composed = (Family.ARRAY, Family.MAP, Family.ROW)
    if target in composed:
        if source not in (target, Family.NULL, Family.UNKNOWN):
            raise context.mismatch(node, f"{source.value} cannot be cast to {target.value}")
        if target is Family.ROW and source is Family.ROW:
            return _row(node, attempt, context)
        return _composed(node.this, node, attempt, context)
    return None


def _composed(value: exp.Expr, node: exp.Cast, attempt: bool, context: Context) -> exp.Expr:
    """As the type asked for; an array of decimals is of 18 places after that, as all of them are."""
    made = typed(cast(value, duckdb_type(node.to, context, node), attempt=attempt), node.to)
    inner = element_of(node.to)
    if inner is not None and inner.this is exp.DType.DECIMAL:
        return typed(cast(made, f"{MONEY}[]"), node.to)
    return made


def _row(node: exp.Cast, attempt: bool, context: Context) -> exp.Expr:
    """Field by field, in their order: DuckDB goes by their names."""
    kind = node.this.type
    held, wanted = kind.expressions if kind is not None else [], node.to.expressions
    if len(held) != len(wanted):
        raise context.mismatch(node, f"A row of {len(held)} values is cast to one of {len(wanted)}")
    fields = []
    for at, (mine, other) in enumerate(zip(held, wanted, strict=True), 1):
        value = call("struct_extract", node.this.copy(), text(mine.name), returns=None)
        named = isinstance(other, exp.ColumnDef)
        kind = duckdb_type(other.args["kind"] if named else other, context, node)
        name = exp.to_identifier(other.name if named else f"v{at}")
        fields.append(exp.PropertyEQ(this=name, expression=cast(value, kind, attempt=attempt)))
    return call("struct_pack", *fields, returns=node.to)


def _from_json(node: exp.Cast, target: Family, attempt: bool, context: Context) -> exp.Expr | None:
    to, value = node.to, node.this
    if target is Family.JSON:
        return typed(value, "JSON")
    if target is Family.STRING:
        return call("onyx_json_text", value, returns="VARCHAR")
    if target in (Family.INTEGER, Family.DOUBLE, Family.BOOLEAN, Family.DECIMAL):
        made = call("onyx_json_text", value, returns="VARCHAR")
        return cast(made, to.sql("duckdb"), attempt=attempt)
    if target in (Family.ARRAY, Family.MAP):
        inner = element_of(to) if target is Family.ARRAY else value_of(to)
        key = key_of(to)
        texts = inner is not None and inner.this in (exp.DType.VARCHAR, exp.DType.TEXT)
        if key is not None and key.this not in (exp.DType.VARCHAR, exp.DType.TEXT):
            raise context.unsupported(node, "The keys of JSON are texts: cast it to map(varchar, ...)")
        if texts or (inner is not None and inner.this in _PLAIN):
            return _composed(value, node, attempt, context)
    if target is Family.ROW:
        return _composed(value, node, attempt, context)
    raise context.unsupported(node, "JSON is cast to varchar, numbers, array(...) and map(varchar, ...) here")


def duckdb_type(kind: exp.DataType, context: Context, node: exp.Expr) -> str:
    """A composed type of Trino's in DuckDB's spelling."""
    match kind.this:
        case exp.DType.ARRAY if kind.expressions:
            return f"{duckdb_type(kind.expressions[0], context, node)}[]"
        case exp.DType.MAP if len(kind.expressions) == 2:
            key, value = (duckdb_type(each, context, node) for each in kind.expressions)
            return f"MAP({key}, {value})"
        case exp.DType.STRUCT:
            fields = [
                (each.name, each.args["kind"]) if isinstance(each, exp.ColumnDef) else (f"v{at}", each)
                for at, each in enumerate(kind.expressions, 1)
            ]
            inner = ", ".join(f'"{name}" {duckdb_type(each, context, node)}' for name, each in fields)
            return f"STRUCT({inner})"
        case exp.DType.DECIMAL:
            return kind.sql("duckdb") if kind.expressions else "DECIMAL(38, 0)"
        case plain if plain in _PLAIN or plain in (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.FLOAT):
            return exp.DataType(this=plain).sql("duckdb")
    raise context.unsupported(node, f"The type {kind.sql('trino').lower()} is not supported here")
