"""IS TRUE and LIKE, which Polars has otherwise than others."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, paren, text_literal, typed
from services.query_engine.domain.types import Family, family


def truth(node: exp.Is, context: Context) -> exp.Expr:
    """IS NULL as it stands; IS TRUE and IS FALSE are never null, which Polars forgets."""
    if isinstance(node.expression, exp.Null):
        return node
    if not isinstance(node.expression, exp.Boolean) or family(node.this) is not Family.BOOLEAN:
        raise context.unsupported(node, "IS is followed by NULL, or by TRUE or FALSE for a boolean")
    asked = node.this if node.expression.this else exp.Not(this=paren(node.this))
    return typed(
        exp.Coalesce(this=typed(asked, exp.DType.BOOLEAN), expressions=[exp.false()]), exp.DType.BOOLEAN
    )


def like(node: exp.Like, context: Context) -> exp.Expr:
    for side in (node.this, node.expression):
        if family(side) not in (Family.STRING, Family.NULL):
            raise context.mismatch(node, f"LIKE takes texts, not the type {family(side).value}: add a CAST")
    if text_literal(node.expression) is None:
        raise context.unsupported(node, "The pattern of LIKE is a text in quotes here")
    if not node.args.get("negate"):
        return node
    plain = typed(exp.Like(this=node.this, expression=node.expression), exp.DType.BOOLEAN)
    return typed(exp.Not(this=plain), exp.DType.BOOLEAN)
