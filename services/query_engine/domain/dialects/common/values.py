"""Functions of numbers and texts whose arguments or nulls need care in any engine."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, binary, call, cast, name_of, require, typed
from services.query_engine.domain.types import NUMERIC, Family, family


def number(node: exp.Expr, context: Context) -> exp.Expr:
    """abs, ceil, floor, sign: of the type they are given."""
    require(context, node.this, *NUMERIC, what=name_of(node))
    if node.args.get("decimals") is not None or node.args.get("to") is not None:
        raise context.unsupported(node, f"{name_of(node)} takes one argument")
    if isinstance(node, exp.Ceil | exp.Floor) and family(node.this) is Family.INTEGER:
        return typed(node.this, node.this.type)
    return node


def half_away(node: exp.Expr, digits: int) -> exp.Expr:
    """A double, rounded half away from zero as Trino does, for an engine that rounds them half even.

    From 2**52 on a double has no half to round, and adding one would change it.
    """
    factor = exp.Literal.number(f"1e{digits}")
    scaled = binary(exp.Mul, cast(exp.Abs(this=node.copy()), "DOUBLE"), factor, "DOUBLE")
    whole = call("FLOOR", binary(exp.Add, scaled, exp.Literal.number("0.5e0"), "DOUBLE"), returns="DOUBLE")
    rounded = binary(
        exp.Mul,
        call("SIGN", node.copy(), returns="DOUBLE"),
        binary(exp.Div, whole, factor.copy(), "DOUBLE"),
        "DOUBLE",
    )
    large = typed(exp.GTE(this=scaled.copy(), expression=exp.Literal.number(f"{2**52}")), exp.DType.BOOLEAN)
    return typed(exp.Case(ifs=[exp.If(this=large, true=node)], default=rounded), exp.DType.DOUBLE)


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


def replacement(node: exp.Replace, context: Context) -> exp.Expr:
    text_function(node, context)
    if node.args.get("replacement") is None:
        node.set("replacement", exp.Literal.string(""))
    return node


def concatenation(node: exp.Expr, context: Context) -> exp.Expr:
    """concat(a, b) and a || b: null if any part is (Polars' CONCAT skips nulls)."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    for each in parts:
        require(context, each, Family.STRING, what="concat")
    made: exp.Expr = parts[0]
    for each in parts[1:]:
        made = typed(exp.DPipe(this=made, expression=each), exp.DType.VARCHAR)
    return made
