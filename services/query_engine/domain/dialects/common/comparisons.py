"""Comparisons and choices in any engine: both sides of one kind, dates against times, nulls as in Trino."""

from collections.abc import Iterable

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    MONEY,
    Context,
    cast,
    integer_literal,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common.literals import date_literal, timestamp_literal
from services.query_engine.domain.types import NUMERIC, TEMPORAL, Family, family


def comparison(node: exp.Binary, context: Context) -> exp.Expr:
    left, right = alike(node, (node.this, node.expression), context)
    node.set("this", left)
    node.set("expression", right)
    return node


def between(node: exp.Between, context: Context) -> exp.Expr:
    this, low, high = alike(node, (node.this, node.args["low"], node.args["high"]), context)
    return typed(exp.Between(this=this, low=low, high=high), exp.DType.BOOLEAN)


def membership(node: exp.In, context: Context) -> exp.Expr:
    query = node.args.get("query")
    if query is None:
        this, *expressions = alike(node, (node.this, *node.expressions), context)
        return typed(exp.In(this=this, expressions=expressions), exp.DType.BOOLEAN)
    selects = query.this.selects if isinstance(query, exp.Subquery) else query.selects
    row = node.this
    while isinstance(row, exp.Paren):
        row = row.this
    sides = row.expressions if isinstance(row, exp.Tuple) else [node.this]
    if len(selects) != len(sides):
        text = f"The subquery of IN has {len(selects)} columns, and {len(sides)} are compared"
        raise context.mismatch(node, text)
    for side, select in zip(sides, selects, strict=True):
        check_alike(node, (side, select), context)
    return node


def alike(node: exp.Expr, sides: Iterable[exp.Expr], context: Context) -> list[exp.Expr]:
    """The sides, brought to one type where a rule of Trino's (or a date written as text) allows it."""
    found = list(sides)
    families = {family(each) for each in found}
    if families & TEMPORAL and Family.STRING in families:
        found = [_moment_of_text(node, each, families, context) for each in found]
        families = {family(each) for each in found}
    if families >= TEMPORAL:
        found = [cast(each, "TIMESTAMP") if family(each) is Family.DATE else each for each in found]
    elif {Family.DECIMAL, Family.DOUBLE} <= families:
        found = [cast(each, "DOUBLE") if family(each) is Family.DECIMAL else each for each in found]
    if Family.INTEGER in families and families & {Family.DECIMAL, Family.DOUBLE}:
        # Polars joins on keys of one type only; to others it is no harm.
        wider = "DOUBLE" if Family.DOUBLE in families else MONEY
        found = [cast(each, wider) if _is_wide_integer(each) else each for each in found]
    check_alike(node, found, context)
    return found


def _is_wide_integer(node: exp.Expr) -> bool:
    return family(node) is Family.INTEGER and integer_literal(node) is None


def _moment_of_text(node: exp.Expr, side: exp.Expr, families: set[Family], context: Context) -> exp.Expr:
    if family(side) is not Family.STRING:
        return side
    text = text_literal(side)
    only_dates = Family.TIMESTAMP not in families
    made = None
    if text is not None:
        made = (date_literal(text) if only_dates else None) or timestamp_literal(text)
    if made is None:
        raise context.mismatch(node, "A date or time is compared with a text that is none: add a CAST")
    return made


def check_alike(node: exp.Expr, sides: Iterable[exp.Expr], context: Context) -> None:
    families = {family(each) for each in sides} - {Family.NULL}
    if Family.UNKNOWN in families:
        raise context.unsupported(node, "The type of an expression cannot be worked out: add a CAST")
    if Family.MAP in families:
        raise context.unsupported(node, "Maps cannot be compared here: read one key, as in Tags['env']")
    if len(families) > 1 and not families <= NUMERIC and not families <= TEMPORAL:
        names = " and ".join(sorted(each.value for each in families))
        raise context.mismatch(node, f"The types {names} do not go together: add a CAST")


def condition(node: exp.Expr, context: Context) -> exp.Expr:
    """AND, OR, NOT take booleans."""
    for side in node.iter_expressions():
        if family(side) not in (Family.BOOLEAN, Family.NULL):
            raise context.mismatch(node, f"A condition is a boolean, not of type {family(side).value}")
    return node


def conditional(node: exp.If, context: Context) -> exp.Expr:
    """if(a, b, c); a branch of CASE is a node of the same kind and stays."""
    if isinstance(node.parent, exp.Case) and node.arg_key == "ifs":
        return node
    case = exp.Case(ifs=[exp.If(this=node.this, true=node.args["true"])], default=node.args.get("false"))
    return choice(typed(case, node.type), context)


def choice(node: exp.Expr, context: Context) -> exp.Expr:
    """CASE: its results are of one type, and so are the value and what it is compared with."""
    branches = node.args["ifs"]
    results = [each.args["true"] for each in branches]
    default = node.args.get("default")
    made = alike(node, [*results, *([default] if default else [])], context)
    for branch in branches:
        if not node.this and family(branch.this) not in (Family.BOOLEAN, Family.NULL):
            raise context.mismatch(node, f"WHEN takes a condition, not the type {family(branch.this).value}")
    for branch, result in zip(branches, made, strict=False):
        branch.set("true", result)
    if default:
        node.set("default", made[-1])
    if node.this:
        # CASE x WHEN y is CASE WHEN x = y.
        for branch in branches:
            left, right = alike(node, (node.this.copy(), branch.this), context)
            branch.set("this", typed(exp.EQ(this=left, expression=right), exp.DType.BOOLEAN))
        node.set("this", None)
    kinds = [each.type for each in made if family(each) is not Family.NULL]
    doubles = [each for each in kinds if each and each.this is exp.DType.DOUBLE]
    decimals = [each for each in kinds if each and each.this is exp.DType.DECIMAL]
    return typed(node, (doubles or decimals or kinds or [exp.DType.NULL])[0])


def coalesce(node: exp.Coalesce, context: Context) -> exp.Expr:
    this, *rest = alike(node, (node.this, *node.expressions), context)
    return typed(exp.Coalesce(this=this, expressions=rest), _widest(this, rest))


def nullif(node: exp.Nullif, context: Context) -> exp.Expr:
    left, right = alike(node, (node.this, node.expression), context)
    if {family(node.this), family(node.expression)} <= NUMERIC:
        return typed(exp.Nullif(this=node.this, expression=node.expression), node.this.type)
    return typed(exp.Nullif(this=left, expression=right), left.type)


def extreme(node: exp.Greatest | exp.Least, context: Context) -> exp.Expr:
    """Null if any argument is: the engines skip nulls, Trino does not."""
    this, *rest = alike(node, (node.this, *node.expressions), context)
    if not rest:
        return this
    missing: exp.Expr = exp.false()
    for each in (this, *rest):
        null = typed(exp.Is(this=each.copy(), expression=exp.Null()), exp.DType.BOOLEAN)
        missing = null if isinstance(missing, exp.Boolean) else exp.Or(this=missing, expression=null)
    kind = _widest(this, rest)
    found = typed(type(node)(this=this, expressions=rest), kind)
    case = exp.Case(ifs=[exp.If(this=missing, true=exp.Null())], default=found)
    return typed(case, kind)


def _widest(this: exp.Expr, rest: list[exp.Expr]) -> exp.DataType | None:
    for wanted in (Family.DOUBLE, Family.DECIMAL, Family.TIMESTAMP):
        for each in (this, *rest):
            if family(each) is wanted:
                return each.type
    return next((each.type for each in (this, *rest) if family(each) is not Family.NULL), this.type)
