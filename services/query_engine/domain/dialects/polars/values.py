"""Functions of numbers and texts whose arguments or nulls need care."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    SCALE,
    Context,
    call,
    cast,
    integer_literal,
    name_of,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.types import NUMERIC, Family, family


def number(node: exp.Expr, context: Context) -> exp.Expr:
    """abs, ceil, floor, sign: of the type they are given."""
    require(context, node.this, *NUMERIC, what=name_of(node))
    if node.args.get("decimals") is not None or node.args.get("to") is not None:
        raise context.unsupported(node, f"{name_of(node)} takes one argument")
    if isinstance(node, exp.Ceil | exp.Floor) and family(node.this) is Family.INTEGER:
        return typed(node.this, node.this.type)
    return node


def rounding(node: exp.Round | exp.Trunc, context: Context) -> exp.Expr:
    """Half away from zero, in Polars as in Trino; digits are 0 to 18."""
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
    return call("ROUND", node.this, exp.Literal.number(digits), returns=node.this.type)


def real_function(node: exp.Expr, context: Context) -> exp.Expr:
    """sqrt, exp, ln, power: of doubles."""
    arguments = [node.this] + ([node.expression] if isinstance(node, exp.Pow) else [])
    for each in arguments:
        require(context, each, *NUMERIC, what=name_of(node))
    name = "POWER" if isinstance(node, exp.Pow) else name_of(node).upper()
    return call(name, *(cast(each, "DOUBLE") for each in arguments), returns="DOUBLE")


def text_function(node: exp.Expr, context: Context) -> exp.Expr:
    """Functions whose arguments are all texts."""
    for each in node.iter_expressions():
        require(context, each, Family.STRING, what=name_of(node))
    return node


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
    # Trino: null beyond the last part; Polars: an empty text. A sentinel part tells the two apart.
    enough = call(
        "SPLIT_PART",
        _joined(node.this.copy(), delimiter),
        exp.Literal.string(delimiter),
        exp.Literal.number(index + 1),
        returns="VARCHAR",
    )
    missing = typed(exp.EQ(this=enough, expression=exp.Literal.string("")), exp.DType.BOOLEAN)
    case = exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=made)
    return typed(case, exp.DType.VARCHAR)


def _joined(value: exp.Expr, delimiter: str) -> exp.Expr:
    return typed(exp.DPipe(this=value, expression=exp.Literal.string(f"{delimiter}.")), exp.DType.VARCHAR)


def replacement(node: exp.Replace, context: Context) -> exp.Expr:
    text_function(node, context)
    if node.args.get("replacement") is None:
        node.set("replacement", exp.Literal.string(""))
    return node


def position(node: exp.StrPosition, context: Context) -> exp.Expr:
    """0 where it is not found, null of null (Polars gives 0)."""
    value, wanted = node.this, node.args["substr"]
    if node.args.get("position") is not None or node.args.get("occurrence") is not None:
        raise context.unsupported(node, "strpos takes two arguments here")
    for each in (value, wanted):
        require(context, each, Family.STRING, what="strpos")
    found = cast(call("STRPOS", value, wanted, returns="BIGINT"), "BIGINT")
    known = typed(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())), exp.DType.BOOLEAN)
    return typed(exp.Case(ifs=[exp.If(this=known, true=found)]), exp.DType.BIGINT)


def pattern(node: exp.RegexpLike, context: Context) -> exp.Expr:
    require(context, node.this, Family.STRING, what="regexp_like")
    if text_literal(node.expression) is None or node.args.get("flag"):
        raise context.unsupported(node, "The pattern of regexp_like is a text in quotes here")
    return call("REGEXP_LIKE", node.this, node.expression, returns="BOOLEAN")


def concatenation(node: exp.Expr, context: Context) -> exp.Expr:
    """concat(a, b) and a || b: null if any part is (Polars' CONCAT skips nulls)."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    for each in parts:
        require(context, each, Family.STRING, what="concat")
    made: exp.Expr = parts[0]
    for each in parts[1:]:
        made = typed(exp.DPipe(this=made, expression=each), exp.DType.VARCHAR)
    return made
