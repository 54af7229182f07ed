"""Functions of texts that DuckDB counts, trims or splits otherwise than Trino."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    call,
    cast,
    integer_literal,
    require,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common import values as same
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.types import Family

_WHITESPACE = r"[\s\x0b\x1c-\x1f]+"
_ENDS = {"LEADING": f"^{_WHITESPACE}", "TRAILING": f"{_WHITESPACE}$"}


def trim(node: exp.Trim, context: Context) -> exp.Expr:
    """Whitespace of every kind, or the characters that are named (DuckDB's own trims spaces only)."""
    require(context, node.this, Family.STRING, what="trim")
    if node.args.get("collation"):
        raise context.unsupported(node, "trim takes no collation")
    side = str(node.args.get("position") or "").upper()
    if node.expression:
        name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(side, "TRIM")
        return call(name, node.this, node.expression, returns="VARCHAR")
    ends = exp.Literal.string(_ENDS.get(side, "|".join(_ENDS.values())))
    return call(
        "REGEXP_REPLACE",
        node.this,
        ends,
        exp.Literal.string(""),
        exp.Literal.string("g"),
        returns="VARCHAR",
    )


def substring(node: exp.Substring, context: Context) -> exp.Expr:
    """Counted from 1, from the end where the start is below 0; empty where it starts before the text."""
    require(context, node.this, Family.STRING, what="substr")
    value, start, length = node.this, node.args.get("start"), node.args.get("length")
    sizes = [each for each in (start, length) if each is not None]
    for each in sizes:
        require(context, each, Family.INTEGER, what="substr")
    first, count = integer_literal(start), integer_literal(length)
    made = call("SUBSTR", value, *sizes, returns="VARCHAR")
    outside: list[exp.Expr] = []
    if first is None or first < 1:
        outside.append(exp.EQ(this=start.copy(), expression=exp.Literal.number(0)) if start else exp.true())
        reach = exp.Neg(this=call("LENGTH", value.copy(), returns="BIGINT"))
        if start is not None:
            outside.append(exp.LT(this=exp.Paren(this=start.copy()), expression=reach))
    if length is not None and (count is None or count < 0):
        outside.append(exp.LT(this=exp.Paren(this=length.copy()), expression=exp.Literal.number(0)))
    if not outside:
        return made
    empty = call("LEFT", value.copy(), exp.Literal.number(0), returns="VARCHAR")
    condition = typed(exp.or_(*outside), exp.DType.BOOLEAN)
    return typed(exp.Case(ifs=[exp.If(this=condition, true=empty)], default=made), exp.DType.VARCHAR)


def split_part(node: exp.SplitPart, context: Context) -> exp.Expr:
    """Null beyond the last part, where DuckDB's own gives an empty text."""
    delimiter, index = node.args["delimiter"], node.args["part_index"]
    for each in (node.this, delimiter):
        require(context, each, Family.STRING, what="split_part")
    require(context, index, Family.INTEGER, what="split_part")
    number = integer_literal(index)
    if text_literal(delimiter) == "" or (number is not None and number < 1):
        raise context.unsupported(node, "split_part takes a delimiter that is not empty and an index from 1")
    if number is None:
        # DuckDB counts indexes below 0 from the end; Trino refuses them.
        raise context.unsupported(node, "The index of split_part is a whole number here")
    parts = call("STRING_SPLIT", node.this, delimiter, returns="VARCHAR[]")
    return call("LIST_EXTRACT", parts, index, returns="VARCHAR")


def replacement(node: exp.Replace, context: Context) -> exp.Expr:
    """An empty text is found between all characters, as in Trino; DuckDB finds it nowhere."""
    made = same.replacement(node, context)
    sought = node.expression
    if text_literal(sought):
        return made
    with_ = call(
        "REPLACE",
        node.args["replacement"].copy(),
        exp.Literal.string("\\"),
        exp.Literal.string("\\\\"),
        returns="VARCHAR",
    )
    between = call(
        "REGEXP_REPLACE",
        node.this.copy(),
        exp.Literal.string(""),
        with_,
        exp.Literal.string("g"),
        returns="VARCHAR",
    )
    empty = typed(exp.EQ(this=sought.copy(), expression=exp.Literal.string("")), exp.DType.BOOLEAN)
    return typed(exp.Case(ifs=[exp.If(this=empty, true=between)], default=made), exp.DType.VARCHAR)


def position(node: exp.StrPosition, context: Context) -> exp.Expr:
    """0 where it is not found, null of null."""
    value, wanted = node.this, node.args["substr"]
    if node.args.get("position") is not None or node.args.get("occurrence") is not None:
        raise context.unsupported(node, "strpos takes two arguments here")
    for each in (value, wanted):
        require(context, each, Family.STRING, what="strpos")
    return call("STRPOS", value, wanted, returns="BIGINT")


def pattern(node: exp.RegexpLike, context: Context) -> exp.Expr:
    for each in (node.this, node.expression):
        require(context, each, Family.STRING, what="regexp_like")
    if node.args.get("flag"):
        raise context.unsupported(node, "regexp_like takes two arguments")
    return call("REGEXP_MATCHES", node.this, node.expression, returns="BOOLEAN")


def length(node: exp.Length, context: Context) -> exp.Expr:
    return call("LENGTH", same.text_function(node, context).this, returns="BIGINT")


def concatenation(node: exp.Expr, context: Context) -> exp.Expr:
    """Of texts: null if any part is (DuckDB's CONCAT skips nulls)."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    for each in parts:
        if isinstance(each, exp.Null):
            # Of null and a text DuckDB makes a null of no type.
            each.replace(cast(exp.Null(), "VARCHAR"))
    return same.concatenation(node, context)


RULES: dict[type[exp.Expr], Rewrite] = {
    **dict.fromkeys((exp.Lower, exp.Upper, exp.Reverse, exp.StartsWith), same.text_function),
    exp.Length: length,
    **dict.fromkeys((exp.DPipe, exp.Concat), concatenation),
    exp.Replace: replacement,
    exp.Trim: trim,
    exp.Substring: substring,
    exp.SplitPart: split_part,
    exp.StrPosition: position,
    exp.RegexpLike: pattern,
}
