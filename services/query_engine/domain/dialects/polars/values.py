"""Functions of numbers and texts whose arguments or nulls need care."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    SCALE,
    Context,
    binary,
    call,
    cast,
    integer_literal,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common.values import half_away
from services.query_engine.domain.types import NUMERIC, Family, family


def rounding(node: exp.Round | exp.Trunc, context: Context) -> exp.Expr:
    """Half away from zero, as in Trino (Polars rounds doubles half even); digits are 0 to 18."""
    name = "round" if isinstance(node, exp.Round) else "truncate"
    require(context, node.this, *NUMERIC, what=name)
    decimals = node.args.get("decimals")
    digits = 0 if decimals is None else integer_literal(decimals)
    if digits is None or not 0 <= digits <= SCALE or (name == "truncate" and digits):
        raise context.unsupported(node, f"{name} takes 0 to {SCALE} digits, and truncate none, here")
    if family(node.this) is Family.INTEGER:
        return typed(node.this, node.this.type)
    if name == "truncate":
        return call("TRUNC", node.this, returns=node.this.type)
    if family(node.this) is Family.DOUBLE:
        return half_away(node.this, digits)
    return call("ROUND", node.this, exp.Literal.number(digits), returns=node.this.type)


def trim(node: exp.Trim, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what="trim")
    if node.expression or node.args.get("collation"):
        raise context.unsupported(node, "trim takes spaces off only, here")
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position") or "").upper(), "TRIM")
    return call(name, node.this, returns="VARCHAR")


def substring(node: exp.Substring, context: Context) -> exp.Expr:
    """Counted from 1; from the end (a negative start) Polars counts otherwise."""
    require(context, node.this, Family.STRING, what="substr")
    start = integer_literal(node.args.get("start"))
    length = node.args.get("length")
    if start is None or start < 1 or (length is not None and (integer_literal(length) or -1) < 0):
        raise context.unsupported(node, "substr takes whole numbers here, and a start from 1")
    sizes = [exp.Literal.number(start)] + ([length] if length is not None else [])
    return call("SUBSTR", node.this, *sizes, returns="VARCHAR")


def split_part(node: exp.SplitPart, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what="split_part")
    delimiter = text_literal(node.args.get("delimiter"))
    index = integer_literal(node.args.get("part_index"))
    if not delimiter or index is None or index < 1:
        raise context.unsupported(node, "split_part takes a delimiter in quotes and an index from 1 here")
    made = call(
        "SPLIT_PART",
        node.this,
        exp.Literal.string(delimiter),
        exp.Literal.number(index),
        returns="VARCHAR",
    )
    if index == 1:
        return made
    # Trino: null beyond the last part; Polars: an empty text, as an empty part is. The delimiters tell.
    held = binary(
        exp.Sub, _length(node.this.copy()), _length(_without(node.this.copy(), delimiter)), "BIGINT"
    )
    needed = exp.Literal.number((index - 1) * len(delimiter))
    missing = typed(exp.LT(this=held, expression=needed), exp.DType.BOOLEAN)
    case = exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=made)
    return typed(case, exp.DType.VARCHAR)


def _length(value: exp.Expr) -> exp.Expr:
    return cast(call("LENGTH", value, returns="BIGINT"), "BIGINT")


def _without(value: exp.Expr, delimiter: str) -> exp.Expr:
    texts = (exp.Literal.string(delimiter), exp.Literal.string(""))
    return call("REPLACE", value, *texts, returns="VARCHAR")


def position(node: exp.StrPosition, context: Context) -> exp.Expr:
    """0 where it is not found, null of null (Polars gives 0)."""
    value, wanted = node.this, node.args["substr"]
    if node.args.get("position") is not None or node.args.get("occurrence") is not None:
        raise context.unsupported(node, "strpos takes two arguments here")
    for each in (value, wanted):
        require(context, each, Family.STRING, what="strpos")
    if not text_literal(wanted):
        raise context.unsupported(node, "strpos looks for a text in quotes here")
    # Polars' own tells bytes. What stands before the first one, in characters, tells the place.
    bytes_before = call("STRPOS", value, wanted, returns="BIGINT")
    found = typed(exp.GT(this=bytes_before, expression=exp.Literal.number(0)), exp.DType.BOOLEAN)
    before = call("SPLIT_PART", value.copy(), wanted.copy(), exp.Literal.number(1), returns="VARCHAR")
    length = cast(call("LENGTH", before, returns="BIGINT"), "BIGINT")
    place = binary(exp.Add, length, exp.Literal.number(1), "BIGINT")
    known = typed(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())), exp.DType.BOOLEAN)
    branches = [exp.If(this=found, true=place), exp.If(this=known, true=exp.Literal.number(0))]
    return typed(exp.Case(ifs=branches), exp.DType.BIGINT)


def pattern(node: exp.RegexpLike, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what="regexp_like")
    if text_literal(node.expression) is None or node.args.get("flag"):
        raise context.unsupported(node, "The pattern of regexp_like is a text in quotes here")
    return call("REGEXP_LIKE", node.this, node.expression, returns="BOOLEAN")
